"""A silent source is reported once, and so is its recovery."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from signalbot.control.heartbeat_monitor import HeartbeatMonitor
from signalbot.domain.timeframe import Ms
from signalbot.ledger.journal import Journal
from signalbot.ledger.outages import SourceOutages
from tests.domain.samples import NOW
from tests.ledger.ledger_fixtures import Ledger, ledger

HOUR_MS = 3_600_000


class ManualClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at_ms = int(NOW)

    def now_ms(self) -> Ms:
        return Ms(self.at_ms)

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"unexpected sleep of {seconds} s")

    async def sleep_until(self, at_ms: Ms) -> None:
        raise AssertionError(f"unexpected sleep until {at_ms}")


@asynccontextmanager
async def _listening(
    folder: Path, clock: ManualClock
) -> AsyncIterator[tuple[Ledger, HeartbeatMonitor]]:
    async with ledger(folder) as store:
        outages = SourceOutages(store.database)
        monitor = HeartbeatMonitor(lambda: {"tv": HOUR_MS}, outages, clock)
        await monitor.load()
        yield store, monitor


async def _events(store: Ledger) -> list[str]:
    events = await Journal(store.database).after(0)
    return [event.kind for event in events if event.kind.startswith("source.")]


async def test_silence_is_reported_once_and_so_is_its_end(tmp_path: Path) -> None:
    """However often it is checked, and across a restart."""
    clock = ManualClock()
    async with _listening(tmp_path, clock) as (store, monitor):
        for _ in range(3):
            await monitor.check()
            clock.at_ms += HOUR_MS // 2
        assert await _events(store) == []
        monitor.record_alert("tv")
        clock.at_ms += HOUR_MS
        await monitor.check()
        assert await _events(store) == []
        for _ in range(3):
            clock.at_ms += 1
            await monitor.check()
        assert await _events(store) == ["source.heartbeat_missed"]
    async with _listening(tmp_path, clock) as (store, monitor):
        clock.at_ms += 2 * HOUR_MS
        await monitor.check()
        assert await _events(store) == ["source.heartbeat_missed"]
        clock.at_ms += 1
        monitor.record_alert("tv")
        await monitor.check()
        await monitor.check()
        assert await _events(store) == ["source.heartbeat_missed", "source.recovered"]
        clock.at_ms += HOUR_MS + 1
        await monitor.check()
        assert await _events(store) == [
            "source.heartbeat_missed",
            "source.recovered",
            "source.heartbeat_missed",
        ]
        assert await SourceOutages(store.database).ongoing() == {"tv"}


async def test_time_before_the_start_does_not_count(tmp_path: Path) -> None:
    """The source may have sent alerts while the daemon was stopped."""
    clock = ManualClock()
    async with _listening(tmp_path, clock) as (_, monitor):
        monitor.record_alert("tv")
    clock.at_ms += 5 * HOUR_MS
    async with _listening(tmp_path, clock) as (store, monitor):
        await monitor.check()
        clock.at_ms += HOUR_MS
        await monitor.check()
        assert await _events(store) == []
        clock.at_ms += 1
        await monitor.check()
        assert await _events(store) == ["source.heartbeat_missed"]
