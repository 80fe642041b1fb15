"""The reconciler books what explains a difference, records what does not, and never guesses."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.errors import AccessDenied, Unavailable
from signalbot.domain.orders import ClientOrderId, Fill, Leg, Order, OrderReport, OrderSide
from signalbot.domain.positions import CloseReason, Position
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId, UserStatus
from signalbot.pipeline.account import Account
from signalbot.ports import Holding
from tests.fakes.broker import FaultyBroker, of_leg
from tests.simulation import BTC, ETH, Simulation, run_in_virtual_time, user

ANNA = UserId("anna")


class LaggingBroker(FaultyBroker):
    """An exchange with a visibility lag that can hide or deny its holdings."""

    visibility_lag_ms = 10_000
    hides = False
    denied = False

    async def open_orders(
        self, symbols: Collection[str] | None = None, *, is_urgent: bool = False
    ) -> Sequence[OrderReport]:
        if self.denied:
            raise AccessDenied("invalid key")
        return [] if self.hides else await super().open_orders(symbols, is_urgent=is_urgent)

    async def holdings(
        self, claimed: Mapping[str, Decimal], *, is_urgent: bool = False
    ) -> Sequence[Holding]:
        return [] if self.hides else await super().holdings(claimed, is_urgent=is_urgent)

    async def lookup(self, order: Order) -> OrderReport | None:
        return None if self.hides else await super().lookup(order)

    async def fills(self, symbol: str, *, since_ms: Ms) -> Sequence[Fill]:
        return [] if self.hides else await super().fills(symbol, since_ms=since_ms)


def _account(w: Simulation) -> Account:
    return w.services.control.accounts[ANNA]


async def _open_position(w: Simulation) -> Position:
    await w.send(w.make())
    (position,) = await w.services.storage.trades.open_positions(ANNA)
    return position


async def _trade_by_hand(w: Simulation, side: OrderSide, quantity: Decimal) -> None:
    """The owner trades at the exchange."""
    sent = next(each for each in w.broker("anna").sent if each.leg is Leg.ENTRY)
    await w.broker("anna").real.submit(
        replace(
            sent,
            client_order_id=ClientOrderId(f"web-{side}"),
            side=side,
            quantity=quantity,
            signal_id=None,
            position_id=None,
        )
    )


def test_agreement_changes_nothing_and_ends_a_mismatch(tmp_path: Path) -> None:
    """Repeating it sends no order; a symbol that was unresolved takes entries again."""

    async def story(w: Simulation) -> None:
        position = await _open_position(w)
        account, sent = _account(w), len(w.broker("anna").sent)
        account.mark_unresolved(BTC)
        for _ in range(2):
            await w.services.execution.reconciler.reconcile(account)
        assert len(w.broker("anna").sent) == sent
        assert account.positions[BTC].quantity == position.quantity
        assert BTC not in account.unresolved_symbols

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_position_closed_by_its_owner_is_booked_with_the_owners_price(tmp_path: Path) -> None:
    """Its fills explain the close, and the stop and targets left behind are cancelled."""

    async def story(w: Simulation) -> None:
        position = await _open_position(w)
        w.broker("anna").deaf = True
        w.jump("105")
        await _trade_by_hand(w, OrderSide.SELL, position.quantity)
        await w.services.execution.reconciler.reconcile(_account(w))
        closed = await w.services.storage.trades.position(position.position_id)
        assert closed is not None
        assert (closed.is_open, closed.close_reason) == (False, CloseReason.EXTERNAL)
        assert closed.realized_pnl > 0
        assert await w.services.storage.trades.unfinished_orders(ANNA) == []
        assert list(await w.broker("anna").open_orders()) == []
        assert _account(w).mismatches == {}

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_reduced_position_keeps_a_stop_of_the_remaining_size(tmp_path: Path) -> None:
    """The owner has sold a half at the exchange."""

    async def story(w: Simulation) -> None:
        position = await _open_position(w)
        await _trade_by_hand(w, OrderSide.SELL, position.quantity / 2)
        await w.services.execution.reconciler.reconcile(_account(w))
        left = _account(w).positions[BTC]
        assert left.quantity == position.quantity / 2
        (stop,) = _account(w).orders(BTC, Leg.STOP_LOSS)
        assert stop.status.is_live
        assert stop.request.quantity - stop.filled == left.quantity

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_an_unexplained_holding_is_recorded_once_and_blocks_its_symbol(tmp_path: Path) -> None:
    """It is the owner's: it is not traded, and other symbols take entries."""

    async def story(w: Simulation) -> None:
        position = await _open_position(w)
        await _trade_by_hand(w, OrderSide.BUY, position.quantity)
        sent = len(w.broker("anna").sent)
        for _ in range(3):
            await w.services.execution.reconciler.reconcile(_account(w))
        assert len(w.broker("anna").sent) == sent
        assert list(_account(w).mismatches) == [BTC]
        rows = await w.database.query("SELECT * FROM events WHERE kind = 'position.mismatch_found'")
        assert len(rows) == 1
        skipped = await w.send(w.make(key="again"))
        assert await w.execution(skipped, "anna") is None
        other = await w.send(w.make(key="other", symbol=ETH))
        assert await w.execution(other, "anna") is not None

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_position_that_is_not_listed_is_kept_until_its_absence_is_proven(tmp_path: Path) -> None:
    """Three responses, each a visibility lag apart, are proof; one or two are not."""

    async def story(w: Simulation) -> None:
        position = await _open_position(w)
        broker = w.broker("anna")
        assert isinstance(broker, LaggingBroker)
        broker.hides = broker.deaf = True
        for misses in range(3):
            assert BTC in _account(w).positions, misses
            await w.services.execution.reconciler.reconcile(_account(w))
            await w.clock.sleep(11)
        closed = await w.services.storage.trades.position(position.position_id)
        assert closed is not None
        assert closed.close_reason is CloseReason.EXTERNAL
        assert not any(each.leg is Leg.EXIT for each in broker.sent)

    run_in_virtual_time(tmp_path, story, user("anna"), broker=LaggingBroker)


def test_holdings_that_cannot_be_read_leave_the_position_protected(tmp_path: Path) -> None:
    """The comparison fails as incomplete; a stop that is missing is placed all the same."""

    async def story(w: Simulation) -> None:
        await _open_position(w)
        account, broker = _account(w), w.broker("anna")
        (stop,) = account.orders(BTC, Leg.STOP_LOSS)
        broker.deaf = True
        await broker.cancel(stop)
        broker.unread = True
        with pytest.raises(Unavailable):
            await w.services.execution.reconciler.reconcile(account)
        assert BTC in account.positions
        (renewed,) = account.orders(BTC, Leg.STOP_LOSS)
        assert renewed.status.is_live
        assert renewed.client_order_id != stop.client_order_id

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_an_error_on_one_symbol_leaves_the_others_reconciled(tmp_path: Path) -> None:
    """The user is halted, and the stop of the other symbol is placed again."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        await w.send(w.make(key="other", symbol=ETH))
        account, broker = _account(w), w.broker("anna")
        (stop,) = account.orders(ETH, Leg.STOP_LOSS)
        broker.deaf = True
        await broker.cancel(stop)
        broker.stumble = lambda request: request.symbol == BTC
        (missing,) = account.orders(BTC, Leg.STOP_LOSS)
        await broker.cancel(missing)
        await w.services.execution.reconciler.reconcile(account)
        assert account.user.status is UserStatus.HALTED
        (renewed,) = account.orders(ETH, Leg.STOP_LOSS)
        assert renewed.client_order_id != stop.client_order_id

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_an_entry_without_a_response_is_found_and_never_sent_twice(tmp_path: Path) -> None:
    """Its fill is booked, its position protected, and its symbol takes entries again."""

    async def story(w: Simulation) -> None:
        broker = w.broker("anna")
        broker.lose_answer(of_leg(Leg.ENTRY))
        broker.blind = broker.deaf = True
        await w.send(w.make())
        assert BTC in _account(w).unresolved_symbols
        broker.blind = False
        await w.services.execution.reconciler.reconcile(_account(w))
        assert BTC in _account(w).positions
        assert BTC not in _account(w).unresolved_symbols
        assert [each.leg for each in broker.sent].count(Leg.ENTRY) == 1
        assert not _account(w).is_unprotected

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_rejected_key_ends_the_comparison_and_halts_the_user(tmp_path: Path) -> None:
    """No conclusion is drawn from it: the position stays as it is."""

    async def story(w: Simulation) -> None:
        await _open_position(w)
        broker = w.broker("anna")
        assert isinstance(broker, LaggingBroker)
        broker.denied = True
        with pytest.raises(AccessDenied):
            await w.services.execution.reconciler.reconcile(_account(w))
        assert not await w.services.control.sync.compare(_account(w))
        assert _account(w).user.status is UserStatus.HALTED
        assert BTC in _account(w).positions

    run_in_virtual_time(tmp_path, story, user("anna"), broker=LaggingBroker)
