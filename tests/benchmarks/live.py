"""One signal to many live users, against as many bare ``create_order`` calls of ccxt.

The exchange's process shares the machine's cores. What it limits is lifted for the measurement;
the number of requests under way is the same. CPU is that of the daemon's process alone, so its
ratio does not depend on what else the machine does.
"""

import asyncio
from collections.abc import Mapping, Sequence
from statistics import median, quantiles
from typing import Any

from tests.benchmarks.fanout import uvloop_run
from tests.benchmarks.fleet import Fleet, bare, far, fleet

CASES = (
    ("binance", False, 100), ("binance", False, 1_000), ("binance", True, 100),
    ("binance", True, 1_000), ("bybit", True, 1_000),
)  # fmt: skip


def main() -> None:
    print("Fan-out of one signal to live users (loopback exchange)")
    print(f"{'exchange':>9} {'stops':>5} {'users':>6} {'bare s':>7} {'orders s':>9} {'ratio':>6}"
          f" {'CPU':>5} {'entry p50':>10} {'p99 ms':>7} {'to stop p50':>12} {'p99 ms':>7}"
          f" {'seen p50':>9} {'p99 ms':>7} {'requests':>8} {'kB/user':>8}")  # fmt: skip
    for dialect, stops, users in CASES:
        uvloop_run(_measure(dialect, users, stops=stops))


async def _measure(dialect: str, users: int, *, stops: bool) -> None:
    with far(dialect, users) as it:
        bare_s, bare_cpu_s = await bare(dialect, it, users, stops=stops)
    async with fleet(dialect, users, stops=stops) as ours:
        before = await ours.far.requests()
        fanned = await ours.fan_out()
        requests = (await ours.far.requests() - before) / users
        assert [each.status for each in fanned.entries] == ["executed"] * users
        seen = await _to_stops_seen(ours) if stops else [0, 0]
        accepted = await ours.far.accepted()
    waits = fanned.waits_ms()
    naked = _to_stops(accepted) if stops else [0, 0]
    last_ms = max(line["at_ms"] for line in accepted) - fanned.signal.created_at_ms
    orders_s = max(last_ms, *waits) / 1000
    print(
        f"{dialect:>9} {'yes' if stops else 'no':>5} {users:>6} {bare_s:>7.2f} {orders_s:>9.2f}"
        f" {orders_s / bare_s:>6.2f} {fanned.cpu_s / bare_cpu_s:>5.2f}"
        f" {median(waits):>10.0f} {p99(waits):>7.0f}"
        f" {median(naked):>12.0f} {p99(naked):>7.0f} {median(seen):>9.0f} {p99(seen):>7.0f}"
        f" {requests:>8.2f} {ours.grown_kb:>8.1f}"
    )


def _to_stops(accepted: Sequence[Mapping[str, Any]]) -> list[int]:
    """From every entry to the stop behind it, by the exchange's own clock."""
    entered = {line["key"]: line["at_ms"] for line in accepted if not line["reduces"]}
    stops = {line["key"]: line["at_ms"] for line in accepted if line["reduces"]}
    return [stops[key] - at_ms for key, at_ms in entered.items()]


async def _to_stops_seen(ours: Fleet) -> list[int]:
    """From every booked entry to its stop seen resting, once all are there."""
    while True:
        rows = await ours.services.storage.database.query(
            "SELECT p.protected_at_ms - e.executed_at_ms AS ms FROM positions p"
            " JOIN signal_executions e USING (position_id)"
        )
        if all(row["ms"] is not None for row in rows):
            return [row["ms"] for row in rows]
        await asyncio.sleep(0.2)


def p99(values: list[int]) -> float:
    return quantiles(values, n=100)[98]
