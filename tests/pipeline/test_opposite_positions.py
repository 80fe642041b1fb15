"""Opposite positions that our closing orders open are closed; the owner's are not."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.money import ZERO
from signalbot.domain.orders import ClientOrderId, Fill, Leg, OrderRequest, OrderSide
from signalbot.domain.signals import Action
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.pipeline.positions.opposite_positions import net_and_overshoot
from tests.fakes.broker import of_leg
from tests.simulation import BTC, Simulation, run_in_virtual_time, user

ANNA = UserId("anna")
ENTRY, STOP, OWNER = ClientOrderId("entry"), ClientOrderId("stop"), ClientOrderId("owner")


def fill(number: int, name: ClientOrderId, quantity: int) -> Fill:
    return Fill(
        trade_id=str(number), client_order_id=name, symbol=BTC,
        side=OrderSide.BUY if quantity > 0 else OrderSide.SELL, quantity=Decimal(abs(quantity)),
        price=Decimal(100), fee=ZERO, fee_currency="USDT", filled_at_ms=Ms(number),
    )  # fmt: skip


def after(*trades: tuple[ClientOrderId, int]) -> tuple[int, int]:
    net, ours = net_and_overshoot(
        [fill(number, *each) for number, each in enumerate(trades)], {STOP}
    )
    return int(net), int(ours)


def test_only_what_closing_orders_overshot_is_caused_by_them() -> None:
    """By order of the fills: a stop that fires twice, across zero, beside the owner's trades."""
    assert after((ENTRY, 2), (STOP, -2)) == (0, 0)
    assert after((ENTRY, 2), (STOP, -2), (STOP, -2)) == (-2, 2)
    assert after((ENTRY, 2), (STOP, -3)) == (-1, 1)
    assert after((ENTRY, 2), (OWNER, -2), (STOP, -2)) == (-2, 2)
    assert after((ENTRY, 2), (STOP, -2), (OWNER, -3)) == (-3, 0)
    assert after((ENTRY, 2), (STOP, -3), (OWNER, -1)) == (-2, 1)
    assert after((ENTRY, 2), (STOP, -3), (OWNER, 1)) == (0, 0)
    assert after((ENTRY, -2), (STOP, 4)) == (2, 2)


@given(st.lists(st.tuples(st.sampled_from((ENTRY, STOP, OWNER)), st.integers(-3, 3).filter(bool))))
def test_no_more_is_caused_than_is_held(trades: Sequence[tuple[ClientOrderId, int]]) -> None:
    """So its closing never opens anything itself; and the sum is what was traded."""
    net, ours = after(*trades)
    assert net == sum(quantity for _, quantity in trades)
    assert 0 <= ours <= abs(net)


def test_an_opposite_position_opened_by_a_stop_is_closed_and_recorded(tmp_path: Path) -> None:
    """The owner had closed by hand, and the exchange has no reduce-only flag for stops."""

    async def story(w: Simulation) -> None:
        broker = w.broker("anna")
        broker.drops_reduce_only = of_leg(Leg.STOP_LOSS)
        await w.send(w.make())
        (position,) = await w.services.storage.trades.open_positions(ANNA)
        await w.clock.sleep(60)
        async with w.services.control.accounts[ANNA].lock(BTC):
            by_hand = w.make(Action.EXIT_LONG, key="by hand")
            await _sell(w, position.quantity, by_hand.signal_id)
            await w.clock.sleep(60)
            w.jump("88")
            await w.clock.sleep(0.01)
        await w.settle()
        assert list(await broker.holdings({})) == []
        recorded = await w.database.query(
            "SELECT * FROM events WHERE kind = 'position.opposite_found'"
        )
        assert len(recorded) == 1
        rows = await w.database.query("SELECT * FROM opposite_positions")
        assert [(row["side"], Decimal(row["quantity"])) for row in rows] == [
            ("SHORT", position.quantity)
        ]
        assert await w.services.storage.trades.unfinished_orders(ANNA) == []

    run_in_virtual_time(tmp_path, story, user("anna"))


async def _overshoot(w: Simulation, *, reason: str) -> None:
    """A stop without the flag and an exit have both closed: the other side is held."""
    broker, account = w.broker("anna"), w.services.control.accounts[ANNA]
    broker.drops_reduce_only = of_leg(Leg.STOP_LOSS)
    await w.send(w.make())
    await w.clock.sleep(60)
    broker.deaf = broker.unread = True
    broker.delay(of_leg(Leg.EXIT), 5)
    exit_signal = w.make(Action.SHORT if reason == "reverse" else Action.EXIT_LONG, key="leave")
    assert await w.services.outbound.emitter.accept(exit_signal)
    await w.clock.sleep(1)
    broker.drops_reduce_only = lambda request: request.leg in (Leg.STOP_LOSS, Leg.EXIT)
    w.jump("88")
    await w.clock.sleep(10)
    await w.settle()
    assert BTC in account.unresolved_symbols
    assert await w.services.storage.trades.open_positions(ANNA) == []


def test_no_entry_is_sent_before_the_holding_after_a_close_is_read(tmp_path: Path) -> None:
    """A reversal that cannot read it does not enter; the next comparison closes the holding."""
    reverse = 'protection = { on_opposite_signal = "reverse" }\n'

    async def story(w: Simulation) -> None:
        await _overshoot(w, reason="reverse")
        broker = w.broker("anna")
        assert [each.leg for each in broker.sent].count(Leg.ENTRY) == 1
        broker.deaf = broker.unread = False
        broker.drops_reduce_only = None
        await w.services.execution.reconciler.reconcile(w.services.control.accounts[ANNA])
        assert list(await broker.holdings({})) == []

    run_in_virtual_time(tmp_path, story, user("anna", extra=reverse))


def test_what_is_closed_after_a_restart_has_an_id_of_its_own(tmp_path: Path) -> None:
    """The attempt counters of the position are no longer in memory."""

    async def story(w: Simulation) -> None:
        await _overshoot(w, reason="exit")
        broker, account = w.broker("anna"), w.services.control.accounts[ANNA]
        broker.deaf = broker.unread = False
        broker.drops_reduce_only = None
        exits = [each for each in broker.sent if each.leg is Leg.EXIT]
        assert exits[0].position_id is not None
        account.reset_attempts(exits[0].position_id, [])
        await w.services.execution.reconciler.reconcile(account)
        assert list(await broker.holdings({})) == []
        ids = [each.client_order_id for each in broker.sent if each.leg is Leg.EXIT]
        assert len(ids) == len(set(ids)) == 2

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_position_of_the_owner_s_on_the_other_side_is_left_alone(tmp_path: Path) -> None:
    """None of our orders caused it: it is recorded as a mismatch, and stays."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        (position,) = await w.services.storage.trades.open_positions(ANNA)
        await w.send(w.make(Action.EXIT_LONG, key="exit"))
        await _sell(w, position.quantity, w.make(key="by hand").signal_id)
        await w.services.execution.reconciler.reconcile(w.services.control.accounts[ANNA])
        (held,) = await w.broker("anna").holdings({})
        assert held.quantity == position.quantity
        assert BTC in w.services.control.accounts[ANNA].mismatches

    run_in_virtual_time(tmp_path, story, user("anna"))


async def _sell(w: Simulation, quantity: Decimal, signal_id: str) -> None:
    """The owner sells in the exchange's own app."""
    sent = next(each for each in w.broker("anna").sent if each.leg is Leg.ENTRY)
    await w.broker("anna").real.submit(
        replace(
            sent, client_order_id=ClientOrderId(f"web-{signal_id}"), side=OrderSide.SELL,
            quantity=quantity, signal_id=None, position_id=None,
        )
    )  # fmt: skip


WEEK_MS = 7 * 86_400_000


def test_a_stop_that_the_exchange_would_end_is_renewed_a_day_before(tmp_path: Path) -> None:
    """There is always one: the next is active before the previous one is cancelled."""

    async def story(w: Simulation) -> None:
        broker = w.broker("anna")
        broker.stop_lives = WEEK_MS
        await w.send(w.make())
        await w.clock.sleep(5.9 * 86_400)
        await w.services.execution.reconciler.reconcile(w.services.control.accounts[ANNA])
        assert len(_stops(w)) == 1
        await w.clock.sleep(0.2 * 86_400)
        await w.services.execution.reconciler.reconcile(w.services.control.accounts[ANNA])
        first, second = _stops(w)
        assert (second.trigger_price, second.quantity) == (first.trigger_price, first.quantity)
        resting = [each.client_order_id for each in await broker.open_orders()]
        assert resting == [second.client_order_id]

    run_in_virtual_time(tmp_path, story, user("anna"))


def _stops(w: Simulation) -> list[OrderRequest]:
    return [each for each in w.broker("anna").sent if each.leg is Leg.STOP_LOSS]
