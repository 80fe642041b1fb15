"""A source that promised to speak and does not is told once, and so is its return."""

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


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at_ms = int(NOW)

    def now_ms(self) -> Ms:
        return Ms(self.at_ms)

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody waits here, least of all {seconds} s")

    async def sleep_until(self, at_ms: Ms) -> None:
        raise AssertionError(f"nobody waits here, least of all until {at_ms}")


@asynccontextmanager
async def _listening(folder: Path, clock: Hands) -> AsyncIterator[tuple[Ledger, HeartbeatMonitor]]:
    async with ledger(folder) as books:
        silences = SourceOutages(books.database)
        heartbeats = HeartbeatMonitor(lambda: {"tv": HOUR_MS}, silences, clock)
        await heartbeats.load()
        yield books, heartbeats


async def _told(books: Ledger) -> list[str]:
    events = await Journal(books.database).after(0)
    return [event.kind for event in events if event.kind.startswith("source.")]


async def test_silence_is_told_once_and_so_is_its_end(tmp_path: Path) -> None:
    """However often one looks, and across a restart."""
    clock = Hands()
    async with _listening(tmp_path, clock) as (books, heartbeats):
        for _ in range(3):
            await heartbeats.check()
            clock.at_ms += HOUR_MS // 2
        assert await _told(books) == []
        heartbeats.record_alert("tv")
        clock.at_ms += HOUR_MS
        await heartbeats.check()
        assert await _told(books) == []
        for _ in range(3):
            clock.at_ms += 1
            await heartbeats.check()
        assert await _told(books) == ["source.heartbeat_missed"]
    async with _listening(tmp_path, clock) as (books, heartbeats):
        clock.at_ms += 2 * HOUR_MS
        await heartbeats.check()
        assert await _told(books) == ["source.heartbeat_missed"]
        clock.at_ms += 1
        heartbeats.record_alert("tv")
        await heartbeats.check()
        await heartbeats.check()
        assert await _told(books) == ["source.heartbeat_missed", "source.recovered"]
        clock.at_ms += HOUR_MS + 1
        await heartbeats.check()
        assert await _told(books) == [
            "source.heartbeat_missed",
            "source.recovered",
            "source.heartbeat_missed",
        ]
        assert await SourceOutages(books.database).ongoing() == {"tv"}


async def test_time_before_the_start_does_not_count(tmp_path: Path) -> None:
    """Nobody listened then: the source may well have spoken."""
    clock = Hands()
    async with _listening(tmp_path, clock) as (_, heartbeats):
        heartbeats.record_alert("tv")
    clock.at_ms += 5 * HOUR_MS
    async with _listening(tmp_path, clock) as (books, heartbeats):
        await heartbeats.check()
        clock.at_ms += HOUR_MS
        await heartbeats.check()
        assert await _told(books) == []
        clock.at_ms += 1
        await heartbeats.check()
        assert await _told(books) == ["source.heartbeat_missed"]
