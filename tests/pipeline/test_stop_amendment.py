"""A stop is amended in place where possible; a failure to do so costs no protection."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

from signalbot.domain.orders import Leg, Order
from signalbot.domain.positions import CloseReason, Position
from signalbot.domain.timeframe import EPOCH
from signalbot.domain.users import UserId
from tests.fakes.amending import AmendingBroker
from tests.simulation import Simulation, run_in_virtual_time, user

ANNA, BTC = UserId("anna"), "BTC/USDT:USDT"
TRAILING = "protection = { trailing_percent = 10.0 }"


def _play(
    folder: Path, story: Callable[[Simulation], Awaitable[None]], rules: str = TRAILING
) -> None:
    run_in_virtual_time(folder, story, user("anna", extra=rules), broker=AmendingBroker)


def _broker(w: Simulation) -> AmendingBroker:
    broker = w.broker("anna")
    assert isinstance(broker, AmendingBroker)
    return broker


async def _position(w: Simulation) -> Position:
    (position,) = await w.services.storage.trades.open_positions(ANNA)
    return position


async def _guard(w: Simulation) -> Order:
    """The one stop that rests, as the ledger has it: of the position's price and size."""
    position = await _position(w)
    resting = [
        await w.services.storage.trades.order(each.client_order_id)
        for each in await _broker(w).open_orders()
    ]
    (stop,) = (each for each in resting if each and each.request.leg is Leg.STOP_LOSS)
    assert stop.request.trigger_price == position.stop_loss
    assert stop.request.quantity == position.quantity
    return stop


def test_a_trailing_stop_moves_in_place(tmp_path: Path) -> None:
    """One order all its life, under one id; the ledger has its newest terms."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        first = await _guard(w)
        for price in ("120", "140"):
            await w.price(price)
            moved = await _guard(w)
            assert moved.client_order_id == first.client_order_id
        assert _broker(w).moves == 2
        assert [each.leg for each in _broker(w).sent].count(Leg.STOP_LOSS) == 1
        await w.price("125")
        (closed,) = await w.services.storage.trades.closed_since(ANNA, EPOCH)
        assert (closed.close_reason, closed.exit_price) == (
            CloseReason.TRAILING_STOP,
            Decimal(126),
        )

    _play(tmp_path, story)


def test_one_move_takes_price_and_size(tmp_path: Path) -> None:
    """At the first target half has left, and the stop goes to the entry price."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("110", "120")))
        await w.price("111")
        stop = await _guard(w)
        assert (stop.request.trigger_price, stop.request.quantity) == (Decimal(100), Decimal(5))
        assert _broker(w).moves == 1

    _play(tmp_path, story, "protection = { break_even_after = 1 }")


def test_a_refused_move_is_made_by_another_stop(tmp_path: Path) -> None:
    """The new one comes first, then the old one goes."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        first = await _guard(w)
        _broker(w).refusals = 1
        await w.price("120")
        assert (await _guard(w)).client_order_id != first.client_order_id

    _play(tmp_path, story)


def test_a_move_without_an_answer_leaves_one_stop(tmp_path: Path) -> None:
    """Whether it was made or not: another is placed, and the uncertain one is cancelled."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        _broker(w).lost_answers = 1
        await w.price("120")
        await _guard(w)
        assert _broker(w).moves == 1
        await w.price("105")
        (closed,) = await w.services.storage.trades.closed_since(ANNA, EPOCH)
        assert closed.exit_price == Decimal(108)
        assert await _broker(w).open_orders() == []

    _play(tmp_path, story)


def test_a_move_that_was_made_and_not_noted_is_made_again(tmp_path: Path) -> None:
    """As after a kill in between: the ledger's stop is the old one, and reconciliation moves it."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        stop = await _guard(w)
        account = w.services.control.accounts[ANNA]
        await w.price("120")
        account.track_order(stop)
        await w.services.control.sync.compare(account)
        assert (await _guard(w)).client_order_id == stop.client_order_id
        assert _broker(w).moves == 2

    _play(tmp_path, story)
