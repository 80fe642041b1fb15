"""What one user's fault costs the others: their p99 from signal to acknowledged entry, as a ratio.

Every pair is a fresh daemon and a fresh exchange: one signal while everybody is well, and seconds
later one of another market with the fault. Pairs without any fault show what the measure is worth.
"""

import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from statistics import median

from tests.benchmarks.fanout import uvloop_run
from tests.benchmarks.fleet import BTC, ETH, Fanned, Far, fleet, keys
from tests.benchmarks.live import p99

USERS, PAIRS = 200, 5
AIM = 1.5
ONE, TWENTY = 1, 20


async def _nothing(far: Far) -> None:
    """Everybody is well."""


async def _hang(far: Far) -> None:
    """The exchange takes every request of one account and never answers."""
    await _fail(far, ONE, {"kind": "hang"})


async def _hang_many(far: Far) -> None:
    """The same, for a tenth of all accounts."""
    await _fail(far, TWENTY, {"kind": "hang"})


async def _slow(far: Far) -> None:
    """Two seconds pass before one account is heard."""
    await _fail(far, ONE, {"kind": "delay", "seconds": 2.0})


async def _drop(far: Far) -> None:
    """The connection is cut under every request of one account, after it was carried out."""
    await _fail(far, ONE, {"kind": "drop"})


async def _revoke(far: Far) -> None:
    """One key is not let in any more."""
    await far.ask("change_account", key=keys(0)["apiKey"], is_revoked=True)


async def _fail(far: Far, accounts: int, act: dict[str, object]) -> None:
    for number in range(accounts):
        await far.ask("fault", key=keys(number)["apiKey"], does=[act], times=-1)


Fault = Callable[[Far], Awaitable[None]]
Pair = tuple[list[int], list[int]]
FAULTS: Mapping[str, tuple[Fault, int]] = {
    "none": (_nothing, 0), "one hangs": (_hang, ONE), "one is slow": (_slow, ONE),
    "one is cut off": (_drop, ONE), "one is revoked": (_revoke, ONE),
    "twenty hang": (_hang_many, TWENTY),
}  # fmt: skip


def main() -> None:
    print(f"One user's fault and the others of {USERS} live users: signal to acknowledged entry")
    print(f"{PAIRS} pairs each: the median ratio, the least and the largest")
    print(f"{'fault':>15} {'p99 ms':>7} {'x p50':>6} {'x p99':>6} {'least':>6} {'most':>6}")
    found: dict[str, list[Pair]] = {name: [] for name in FAULTS}
    for _ in range(PAIRS):
        for name in FAULTS:
            found[name].append(_apart(name))
    for name, pairs in found.items():
        of_p50 = median(median(ill) / median(well) for well, ill in pairs)
        ratios = sorted(p99(ill) / p99(well) for well, ill in pairs)
        print(f"{name:>15} {median(p99(well) for well, _ in pairs):>7.0f} {of_p50:>6.2f}"
              f" {median(ratios):>6.2f} {ratios[0]:>6.2f} {ratios[-1]:>6.2f}"
              f"{'' if median(ratios) <= AIM else '  above the aim'}")  # fmt: skip
    print()


def _apart(name: str) -> Pair:
    """One pair in a process of its own, which need not wait for what hangs."""
    command = [sys.executable, "-m", "tests.benchmarks.isolation", name]
    well, ill = json.loads(subprocess.run(command, check=True, stdout=-1).stdout)
    return well, ill


async def _pair(name: str) -> None:
    """Print what the healthy users have waited without and with the fault, and end there."""
    fault, ill = FAULTS[name]
    async with fleet("binance", USERS) as it:
        well = await it.fan_out(BTC)
        await fault(it.far)
        disturbed = await it.fan_out(ETH, healthy=USERS - ill)
        print(json.dumps([_waits(well, ill), _waits(disturbed, ill)]), flush=True)
        it.far.stop()
        os._exit(0)


def _waits(fanned: Fanned, ill: int) -> list[int]:
    """Of everybody but those who have the fault."""
    is_ill = {f"user{number}" for number in range(ill)}
    healthy = [each for each in fanned.entries if each.user_id not in is_ill]
    assert [each.status for each in healthy] == ["executed"] * (USERS - ill)
    return [each.latency_ms for each in healthy if each.latency_ms is not None]


if __name__ == "__main__":
    uvloop_run(_pair(sys.argv[1]))
