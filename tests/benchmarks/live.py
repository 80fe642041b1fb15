"""One signal to many live users, against as many bare ``create_order`` calls of ccxt.

The exchange's process shares the machine's cores. What it limits is lifted for the measurement;
the number of requests under way is the same. CPU is that of the daemon's process alone, so its
ratio does not depend on what else the machine does.
"""

import asyncio
from statistics import median, quantiles

from tests.benchmarks.fanout import uvloop_run
from tests.benchmarks.fleet import Fleet, bare, far, fleet

CASES = (
    ("binance", False, 100), ("binance", False, 1_000), ("binance", True, 100),
    ("binance", True, 1_000), ("bybit", True, 1_000),
)  # fmt: skip


def main() -> None:
    print("Fan-out of one signal to live users (loopback exchange)")
    print(f"{'exchange':>9} {'stops':>5} {'users':>6} {'bare s':>7} {'entries s':>9} {'ratio':>6}"
          f" {'CPU':>5} {'all s':>6} {'entry p50':>10} {'p99 ms':>7} {'to stop p50':>12}"
          f" {'p99 ms':>7} {'requests':>8} {'kB/user':>8}")  # fmt: skip
    for dialect, stops, users in CASES:
        uvloop_run(_measure(dialect, users, stops=stops))


async def _measure(dialect: str, users: int, *, stops: bool) -> None:
    with far(dialect, users) as it:
        bare_s, bare_cpu_s = await bare(dialect, it, users)
    async with fleet(dialect, users, stops=stops) as ours:
        before = await ours.far.requests()
        fanned = await ours.fan_out()
        requests = (await ours.far.requests() - before) / users
        assert [each.status for each in fanned.entries] == ["executed"] * users
        stopped = await _to_stops(ours) if stops else [0, 0]
    waits = fanned.waits_ms()
    entries_s = max(waits) / 1000
    print(
        f"{dialect:>9} {'yes' if stops else 'no':>5} {users:>6} {bare_s:>7.2f} {entries_s:>9.2f}"
        f" {entries_s / bare_s:>6.2f} {fanned.cpu_s / bare_cpu_s:>5.2f} {fanned.all_s:>6.2f}"
        f" {median(waits):>10.0f} {p99(waits):>7.0f}"
        f" {median(stopped):>12.0f} {p99(stopped):>7.0f}"
        f" {requests:>8.2f} {ours.grown_kb:>8.1f}"
    )


async def _to_stops(ours: Fleet) -> list[int]:
    """From every acknowledged entry to its acknowledged stop, once all are there."""
    while True:
        rows = await ours.app.database.query(
            "SELECT p.protected_at_ms - e.executed_at_ms AS ms FROM positions p"
            " JOIN signal_executions e USING (position_id)"
        )
        if all(row["ms"] is not None for row in rows):
            return [row["ms"] for row in rows]
        await asyncio.sleep(0.2)


def p99(values: list[int]) -> float:
    return quantiles(values, n=100)[98]
