"""Which alert is literally the last one of its market, come once more."""

from dataclasses import replace
from pathlib import Path

from signalbot.domain.timeframe import Ms
from signalbot.ledger.alert_deliveries import (
    REPEAT_WINDOW_MS,
    AlertDeliveries,
    AlertDelivery,
    DeliverySequence,
)
from tests.domain.samples import BTC, NOW
from tests.ledger.ledger_fixtures import Ledger, ledger, signal

BUY = AlertDelivery(strategy="trend", symbol=BTC, digest="buy", is_named=True, signals=1)
EXIT = replace(BUY, digest="exit")


async def _send(
    books: Ledger, deliveries: AlertDeliveries, delivery: AlertDelivery, now_ms: Ms
) -> DeliverySequence:
    """Take a delivery, and store the signal it makes if it is new."""
    place = await deliveries.record(delivery, now_ms)
    await books.signals.store(signal(f"{delivery.digest}{place.number}"))
    return place


async def test_the_same_alert_is_a_repeat_until_another_signal_comes(tmp_path: Path) -> None:
    """A hundred times, after a restart too; after an exit the entry is a new one."""
    async with ledger(tmp_path) as books:
        deliveries = AlertDeliveries(books.database)
        first = await _send(books, deliveries, BUY, NOW)
        assert first == DeliverySequence(0, is_repeat=False)
        for _ in range(3):
            assert await _send(
                books, AlertDeliveries(books.database), BUY, NOW
            ) == DeliverySequence(0, is_repeat=True)
        assert await _send(books, deliveries, EXIT, NOW) == DeliverySequence(1, is_repeat=False)
        assert await _send(books, deliveries, BUY, NOW) == DeliverySequence(2, is_repeat=False)
        assert await _send(books, deliveries, EXIT, NOW) == DeliverySequence(3, is_repeat=False)
        assert await deliveries.peek(EXIT, NOW) == DeliverySequence(3, is_repeat=True)


async def test_a_signal_by_another_way_in_comes_between_as_well(tmp_path: Path) -> None:
    """A manual signal, for example: the next equal alert is new."""
    async with ledger(tmp_path) as books:
        deliveries = AlertDeliveries(books.database)
        await _send(books, deliveries, BUY, NOW)
        await books.signals.store(signal("by hand"))
        assert await deliveries.record(BUY, NOW) == DeliverySequence(2, is_repeat=False)


async def test_a_delivery_without_a_stored_signal_keeps_its_rank(tmp_path: Path) -> None:
    """Killed in between: the sender's next try makes the one signal."""
    async with ledger(tmp_path) as books:
        deliveries = AlertDeliveries(books.database)
        await deliveries.record(BUY, NOW)
        assert (await deliveries.record(BUY, NOW)).number == 0


async def test_how_many_signals_came_of_it_can_be_corrected(tmp_path: Path) -> None:
    """None came of it: the next signal of its market is another one's."""
    async with ledger(tmp_path) as books:
        deliveries = AlertDeliveries(books.database)
        await deliveries.record(BUY, NOW)
        await deliveries.correct_signal_count(BUY, 0)
        assert (await deliveries.peek(BUY, NOW)).is_repeat
        await books.signals.store(signal("by hand"))
        assert not (await deliveries.peek(BUY, NOW)).is_repeat


async def test_an_equal_alert_without_an_id_is_a_repeat_for_a_minute(tmp_path: Path) -> None:
    """Later the same text is a new alert."""
    async with ledger(tmp_path) as books:
        deliveries = AlertDeliveries(books.database)
        words = replace(BUY, is_named=False)
        await _send(books, deliveries, words, NOW)
        soon, late = Ms(NOW + REPEAT_WINDOW_MS - 1), Ms(NOW + REPEAT_WINDOW_MS)
        assert (await deliveries.peek(words, soon)).is_repeat
        assert not (await deliveries.peek(words, late)).is_repeat
        assert (await deliveries.peek(BUY, late)).is_repeat


async def test_markets_and_sources_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Each counts for itself; a look changes nothing."""
    async with ledger(tmp_path) as books:
        deliveries = AlertDeliveries(books.database)
        await _send(books, deliveries, BUY, NOW)
        for other in (replace(BUY, symbol="ETH/USDT:USDT"), replace(BUY, strategy="other")):
            assert await deliveries.peek(other, NOW) == DeliverySequence(0, is_repeat=False)
            assert await deliveries.record(other, NOW) == DeliverySequence(0, is_repeat=False)
        assert (await deliveries.peek(BUY, NOW)).is_repeat
