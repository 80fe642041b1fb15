"""A tracked position persists, and a lost alert makes one event."""

from pathlib import Path

from signalbot.domain.position_tracking import AlertReport, PositionGap, ReportedPosition
from signalbot.domain.timeframe import Ms
from signalbot.ledger.journal import Journal
from signalbot.ledger.tracked_positions import TrackedPositions
from tests.domain.samples import NOW
from tests.ledger.ledger_fixtures import ledger

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
ENTERED = AlertReport(key="1", previous=ReportedPosition.FLAT, position=ReportedPosition.LONG)
TURNED = AlertReport(
    key="3", previous=ReportedPosition.FLAT, position=ReportedPosition.SHORT, sent_at_ms=NOW
)


async def test_a_loss_shows_after_a_restart_and_in_the_journal_once(tmp_path: Path) -> None:
    """The alert that was lost while the daemon was down is noticed by the next one."""
    async with ledger(tmp_path) as books:
        alignments = TrackedPositions(books.database)
        heard = await alignments.track(ENTERED, strategy="tv", symbol=BTC, now_ms=NOW)
        assert heard.gap is None
    async with ledger(tmp_path) as books:
        alignments, journal = TrackedPositions(books.database), Journal(books.database)
        before = await journal.last()
        for later in (1, 2, 3):
            heard = await alignments.track(
                TURNED, strategy="tv", symbol=BTC, now_ms=Ms(NOW + later)
            )
            assert heard.gap == PositionGap(ReportedPosition.LONG, ReportedPosition.FLAT)
        [event] = await journal.after(before)
        assert (event.kind, event.strategy, event.symbol) == ("alert.missed", "tv", BTC)
        assert event.detail == {"known": "long", "told": "flat", "position": "short"}
        assert event.at_ms == NOW + 1


async def test_each_source_and_market_is_tracked_separately(tmp_path: Path) -> None:
    """A report of one does not affect another."""
    async with ledger(tmp_path) as books:
        alignments = TrackedPositions(books.database)
        await alignments.track(ENTERED, strategy="tv", symbol=BTC, now_ms=NOW)
        for strategy, symbol in (("tv", ETH), ("other", BTC)):
            heard = await alignments.track(TURNED, strategy=strategy, symbol=symbol, now_ms=NOW)
            assert heard.gap is None
