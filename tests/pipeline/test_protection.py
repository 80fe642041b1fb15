"""A position always has its stop; targets, break-even and trailing keep it up to date."""

from decimal import Decimal
from pathlib import Path

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.executions import ExecutionStatus
from signalbot.domain.orders import Leg, OrderStatus, OrderType
from signalbot.domain.positions import CloseReason, Position, PositionStatus
from signalbot.domain.signals import Action
from signalbot.domain.timeframe import EPOCH
from signalbot.domain.users import UserId, UserStatus
from tests.fakes.broker import of_leg
from tests.simulation import HEAD, Simulation, run_in_virtual_time, user

ANNA = UserId("anna")


async def _positions(w: Simulation) -> list[Position]:
    return await w.services.storage.trades.closed_since(ANNA, EPOCH)


async def _assert_guarded(w: Simulation) -> None:
    """The exchange holds exactly one stop, of the position's own size and price."""
    (position,) = await w.services.storage.trades.open_positions(ANNA)
    resting = await w.broker("anna").open_orders()
    orders = [await w.services.storage.trades.order(report.client_order_id) for report in resting]
    stops = [order for order in orders if order and order.request.leg is Leg.STOP_LOSS]
    assert [(stop.request.quantity, stop.request.trigger_price) for stop in stops] == [
        (position.quantity, position.stop_loss)
    ]


async def _assert_flat(w: Simulation) -> None:
    """Nothing held, nothing resting, nothing unfinished in the ledger."""
    assert await w.broker("anna").holdings({}) == []
    assert await w.broker("anna").open_orders() == []
    assert await w.services.storage.trades.open_positions(ANNA) == []
    assert await w.services.storage.trades.unfinished_orders(ANNA) == []


def test_stop_and_targets_rest_at_the_exchange_right_after_the_entry(tmp_path: Path) -> None:
    """One stop for the whole position, one order per target with its share."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("110", "120")))
        await _assert_guarded(w)
        resting = await w.broker("anna").open_orders()
        orders = [
            await w.services.storage.trades.order(report.client_order_id) for report in resting
        ]
        targets = {
            (order.request.trigger_price, order.request.quantity, order.request.reduce_only)
            for order in orders
            if order and order.request.leg is Leg.TAKE_PROFIT
        }
        assert targets == {(Decimal(110), Decimal(5), True), (Decimal(120), Decimal(5), True)}

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_stop_closes_the_position_and_its_targets_are_cancelled(tmp_path: Path) -> None:
    """The sibling of a stop that fired never waits for the next position."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("110",)))
        await w.price("85")
        (closed,) = await _positions(w)
        assert closed.close_reason is CloseReason.STOP_LOSS
        assert closed.exit_price == Decimal(90)
        assert closed.realized_pnl == Decimal(-100)
        await _assert_flat(w)

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_the_stop_shrinks_with_the_position_and_moves_to_entry_after_the_first_target(
    tmp_path: Path,
) -> None:
    """Half leaves at the first target; the rest can no longer lose."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("110", "120")))
        await w.price("111")
        (position,) = await w.services.storage.trades.open_positions(ANNA)
        assert position.quantity == Decimal(5)
        assert position.targets_hit == 1
        assert position.stop_loss == Decimal(100)
        await _assert_guarded(w)
        await w.price("99")
        (closed,) = await _positions(w)
        assert closed.close_reason is CloseReason.BREAK_EVEN
        assert closed.realized_pnl == Decimal(50)
        await _assert_flat(w)

    run_in_virtual_time(
        tmp_path, story, user("anna", extra="protection = { break_even_after = 1 }")
    )


def test_all_targets_close_the_position(tmp_path: Path) -> None:
    """Both targets in one candle: the whole position leaves, the stop is cancelled."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("110", "120")))
        await w.price("121")
        (closed,) = await _positions(w)
        assert closed.close_reason is CloseReason.TAKE_PROFIT
        assert closed.realized_pnl == Decimal(150)
        await _assert_flat(w)

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_trailing_stop_follows_the_price_and_never_goes_back(tmp_path: Path) -> None:
    """Ten percent behind the best price, for a long."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(stop="90"))
        await w.price("120")
        (position,) = await w.services.storage.trades.open_positions(ANNA)
        assert position.stop_loss == Decimal(108)
        await _assert_guarded(w)
        await w.price("112")
        await _assert_guarded(w)
        await w.price("107")
        (closed,) = await _positions(w)
        assert closed.close_reason is CloseReason.TRAILING_STOP
        assert closed.exit_price == Decimal(108)
        await _assert_flat(w)

    run_in_virtual_time(
        tmp_path, story, user("anna", extra="protection = { trailing_percent = 10.0 }")
    )


def test_a_stop_that_is_refused_is_tried_again(tmp_path: Path) -> None:
    """One refusal costs a moment, not the protection; the second try has an id of its own."""

    async def story(w: Simulation) -> None:
        w.broker("anna").refuse(of_leg(Leg.STOP_LOSS), "too many orders")
        await w.send(w.make())
        await _assert_guarded(w)
        stops = [each for each in w.broker("anna").sent if each.leg is Leg.STOP_LOSS]
        assert len({each.client_order_id for each in stops}) == 2

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_position_that_cannot_get_a_stop_is_closed(tmp_path: Path) -> None:
    """After max_unprotected it is closed at market, although the exchange rejects every stop."""

    async def story(w: Simulation) -> None:
        w.broker("anna").refuse(of_leg(Leg.STOP_LOSS), "conditional orders are off", times=1000)
        await w.send(w.make())
        await w.clock.sleep(6)
        (closed,) = await _positions(w)
        assert closed.close_reason is CloseReason.UNPROTECTED
        assert closed.closed_at_ms is not None
        assert closed.closed_at_ms - closed.opened_at_ms <= 5_000
        await _assert_flat(w)

    run_in_virtual_time(
        tmp_path, story, user("anna", extra="protection = { max_unprotected = '3s' }")
    )


def test_a_position_with_a_rejected_stop_and_exit_is_retried(tmp_path: Path) -> None:
    """Stop and exit are tried in turn until the exchange accepts one."""

    async def story(w: Simulation) -> None:
        w.broker("anna").refuse(of_leg(Leg.STOP_LOSS), "conditional orders are off", times=1000)
        w.broker("anna").refuse(of_leg(Leg.EXIT), "overloaded", times=7)
        await w.send(w.make())
        await w.clock.sleep(30)
        (closed,) = await _positions(w)
        assert closed.close_reason is CloseReason.UNPROTECTED
        await _assert_flat(w)

    run_in_virtual_time(
        tmp_path, story, user("anna", extra="protection = { max_unprotected = '1s' }")
    )


def test_a_stop_that_cannot_be_moved_leaves_the_former_one_in_place(tmp_path: Path) -> None:
    """The position is still guarded, so it is neither closed nor left without a stop."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(stop="90"))
        w.broker("anna").refuse(of_leg(Leg.STOP_LOSS), "too many orders", times=1000)
        await w.price("120")
        await w.clock.sleep(10)
        (position,) = await w.services.storage.trades.open_positions(ANNA)
        (resting,) = await w.broker("anna").open_orders()
        stop = await w.services.storage.trades.order(resting.client_order_id)
        assert stop is not None
        assert stop.request.trigger_price == Decimal(90)
        assert stop.request.quantity == position.quantity

    run_in_virtual_time(
        tmp_path, story, user("anna", extra="protection = { trailing_percent = 10.0 }")
    )


def test_a_lost_answer_to_a_stop_is_looked_up_not_sent_twice(tmp_path: Path) -> None:
    """The stop arrived: it is found by its id, and there is exactly one."""

    async def story(w: Simulation) -> None:
        w.broker("anna").lose_answer(of_leg(Leg.STOP_LOSS))
        await w.send(w.make())
        await _assert_guarded(w)
        assert [each.leg for each in w.broker("anna").sent].count(Leg.STOP_LOSS) == 1

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_stop_that_never_arrived_is_sent_again_under_the_same_id(tmp_path: Path) -> None:
    """Proven absent, then repeated: one id, one stop."""

    async def story(w: Simulation) -> None:
        w.broker("anna").lose_request(of_leg(Leg.STOP_LOSS))
        await w.send(w.make())
        await _assert_guarded(w)
        stops = [each for each in w.broker("anna").sent if each.leg is Leg.STOP_LOSS]
        assert len(stops) == 2
        assert len({each.client_order_id for each in stops}) == 1

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_stop_that_vanished_is_placed_again(tmp_path: Path) -> None:
    """Reconciliation finds a position without its stop and gives it one."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        account = w.services.control.accounts[ANNA]
        (stop,) = account.orders("BTC/USDT:USDT", Leg.STOP_LOSS)
        await w.broker("anna").cancel(stop)
        assert await w.broker("anna").open_orders() == []
        await w.services.control.sync.compare(account)
        await _assert_guarded(w)

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_partial_fill_is_protected_in_its_own_size(tmp_path: Path) -> None:
    """The execution is partial; stop and targets fit what was really bought."""

    async def story(w: Simulation) -> None:
        signal = await w.send(w.make(targets=("110", "120")))
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.PARTIAL
        (position,) = await w.services.storage.trades.open_positions(ANNA)
        assert Decimal(0) < position.quantity < Decimal(10)
        assert execution.quantity == position.quantity
        await _assert_guarded(w)
        assert sum(aim.quantity for aim in position.take_profits) == position.quantity
        await w.price("85")
        await _assert_flat(w)

    head = HEAD.replace("slippage_bps = 0.0", "partial_fill_probability = 1.0\nslippage_bps = 0.0")
    run_in_virtual_time(tmp_path, story, user("anna"), head=head)


def test_an_exit_signal_closes_the_position_of_its_strategy(tmp_path: Path) -> None:
    """EXIT_LONG closes the long at market and cancels what guarded it; it is an execution too."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("110",)))
        await w.price("105")
        out = await w.send(w.make(Action.EXIT_LONG, key="2", price="105", stop=None))
        execution = await w.execution(out, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED
        assert execution.actual_entry_price == Decimal(105)
        (closed,) = await _positions(w)
        assert closed.close_reason is CloseReason.EXIT_SIGNAL
        await _assert_flat(w)

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_an_opposite_signal_reverses_the_position(tmp_path: Path) -> None:
    """Long out, short in, each protected; never both at once."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("120",)))
        await w.price("105")
        await w.send(w.make(Action.SHORT, key="2", price="105", stop="110"))
        (closed,) = await _positions(w)
        assert closed.close_reason is CloseReason.OPPOSITE_SIGNAL
        (position,) = await w.services.storage.trades.open_positions(ANNA)
        assert position.side == "SHORT"
        await _assert_guarded(w)

    run_in_virtual_time(
        tmp_path, story, user("anna", extra="protection = { on_opposite_signal = 'reverse' }")
    )


def test_a_limit_entry_rests_fills_and_is_protected(tmp_path: Path) -> None:
    """One percent better than the market, filled when the price comes; targets nearest first."""

    async def story(w: Simulation) -> None:
        signal = await w.send(w.make(targets=("110", "120", "130")))
        pending = await w.execution(signal, "anna")
        assert pending is not None
        assert pending.status is ExecutionStatus.PENDING
        (entry,) = await w.broker("anna").open_orders()
        assert entry.status is OrderStatus.OPEN
        await w.price("98.5")
        (position,) = await w.services.storage.trades.open_positions(ANNA)
        assert [aim.price for aim in position.take_profits] == [110, 120, 130]
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED
        assert execution.actual_entry_price == Decimal(99)
        await _assert_guarded(w)

    rules = "entry = { type = 'limit', limit_offset_percent = 1.0, timeout = '3m' }"
    run_in_virtual_time(tmp_path, story, user("anna", extra=rules))


def test_a_limit_entry_that_does_not_fill_is_cancelled_after_its_timeout(tmp_path: Path) -> None:
    """The execution fails with its reason; no order and no position is left."""

    async def story(w: Simulation) -> None:
        signal = await w.send(w.make(targets=("110",)))
        await w.price("103")
        await w.price("103")
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.FAILED
        assert execution.failure_reason == "NOT_FILLED"
        await _assert_flat(w)

    rules = "entry = { type = 'limit', limit_offset_percent = 1.0, timeout = '90s' }"
    run_in_virtual_time(tmp_path, story, user("anna", extra=rules))


def test_an_exit_withdraws_the_entry_that_still_rests(tmp_path: Path) -> None:
    """Its strategy has left before the price came: nothing may fill afterwards."""

    async def story(w: Simulation) -> None:
        signal = await w.send(w.make(targets=("110",)))
        opposite = await w.send(w.make(Action.EXIT_SHORT, key="of the other side"))
        assert [each.status for each in await w.broker("anna").open_orders()] == [OrderStatus.OPEN]
        gone = await w.send(w.make(Action.EXIT_LONG, key="gone"))
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert execution.failure_reason == "NOT_FILLED"
        for left in (opposite, gone):
            decision = await w.decision(left, "anna")
            assert decision is not None
            assert decision.code is DecisionCode.NO_POSITION
        await w.price("98.5")
        await _assert_flat(w)

    rules = "entry = { type = 'limit', limit_offset_percent = 1.0, timeout = '1h' }"
    run_in_virtual_time(tmp_path, story, user("anna", extra=rules))


def test_a_liquidation_is_booked_with_its_reason(tmp_path: Path) -> None:
    """Without a stop the exchange closes the position: it is logged and booked."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(stop=None, targets=("150",)))
        await w.price("70")
        (closed,) = await _positions(w)
        assert closed.close_reason is CloseReason.LIQUIDATION
        assert closed.status is PositionStatus.CLOSED
        await _assert_flat(w)

    rules = "protection = { stop_loss = { source = 'none' } }"
    run_in_virtual_time(tmp_path, story, user("anna", extra=rules))


def test_a_target_the_price_has_passed_is_taken_at_once(tmp_path: Path) -> None:
    """Refused as an order that would trigger at once, its share leaves at market."""

    async def story(w: Simulation) -> None:
        w.broker("anna").delay(of_leg(Leg.STOP_LOSS), 1.0)
        signal = w.make(targets=("110",))
        assert await w.services.storage.signals.store(signal)
        w.services.outbound.broadcaster.broadcast(signal, [ANNA])
        await w.clock.sleep(0.2)
        w.jump("112")
        await w.clock.sleep(3)
        (closed,) = await _positions(w)
        assert closed.close_reason is CloseReason.TAKE_PROFIT
        assert closed.exit_price == Decimal(112)
        types = {each.type for each in w.broker("anna").sent if each.leg is Leg.TAKE_PROFIT}
        assert types == {OrderType.TAKE_PROFIT, OrderType.MARKET}
        await _assert_flat(w)

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_bug_while_following_one_user_halts_that_user_alone(tmp_path: Path) -> None:
    """The other user's stop is still followed to its close."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        account = w.services.control.accounts[ANNA]
        account.market = None  # type: ignore[assignment]
        await w.send(w.make(key="2", symbol="ETH/USDT:USDT"))
        assert account.user.status is UserStatus.HALTED
        await w.price("85")
        assert await w.services.storage.trades.open_positions(UserId("ben")) != []

    run_in_virtual_time(tmp_path, story, user("anna"), user("ben"))


def test_a_target_without_an_answer_is_placed_once_it_is_proven_absent(tmp_path: Path) -> None:
    """Without a response for 10 s it is unknown; reconciliation looks it up, then places it."""

    async def story(w: Simulation) -> None:
        w.broker("anna").delay(of_leg(Leg.TAKE_PROFIT), 60)
        await w.send(w.make(targets=("110",)))
        await w.clock.sleep(15)
        assert len(await w.broker("anna").open_orders()) == 1
        await w.services.control.sync.compare(w.services.control.accounts[ANNA])
        assert len(await w.broker("anna").open_orders()) == 2
        ids = {
            each.client_order_id for each in w.broker("anna").sent if each.leg is Leg.TAKE_PROFIT
        }
        assert len(ids) == 1
        await w.price("111")
        await _assert_flat(w)

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_stop_found_gone_while_an_exit_is_refused_is_placed_again_at_once(
    tmp_path: Path,
) -> None:
    """The position stays open, and the look-up that explains it shows the missing stop."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        broker = w.broker("anna")
        (stop,) = await w.services.storage.trades.unfinished_orders(ANNA)
        broker.deaf = True
        await broker.real.cancel(stop)
        broker.refuse(of_leg(Leg.EXIT), "not now", times=3)
        await w.send(w.make(Action.EXIT_LONG, key="out"))
        await _assert_guarded(w)

    run_in_virtual_time(tmp_path, story, user("anna"))
