"""An exit of a part of a position: stop and targets follow, and it happens exactly once."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.executions import ExecutionStatus
from signalbot.domain.orders import Leg, OrderRequest, OrderType
from signalbot.domain.positions import CloseReason, Position
from signalbot.domain.signals import Action
from signalbot.domain.timeframe import EPOCH
from signalbot.domain.users import UserId, UserStatus
from signalbot.pipeline.orders.order_intents import is_partial_exit
from tests.fakes.broker import of_leg
from tests.simulation import BTC, HEAD, Simulation, run_in_virtual_time, user

ANNA = UserId("anna")
SPOT = "BTC/USDT"
ALERTS = HEAD.replace('kind = "ema_cross"', 'kind = "webhook"').replace('timeframe = "5m"\n', "")


async def _resting(w: Simulation) -> dict[OrderType, list[tuple[Decimal | None, Decimal]]]:
    """Trigger and quantity of everything at the exchange, by type."""
    found: dict[OrderType, list[tuple[Decimal | None, Decimal]]] = {}
    for report in await w.broker("anna").open_orders():
        order = await w.services.storage.trades.order(report.client_order_id)
        assert order is not None
        terms = (order.request.trigger_price, order.request.quantity)
        found.setdefault(order.request.type, []).append(terms)
    return {type_: sorted(terms) for type_, terms in found.items()}


async def _held(w: Simulation) -> Position:
    (position,) = await w.services.storage.trades.open_positions(ANNA)
    (holding,) = await w.broker("anna").holdings({position.symbol: position.quantity})
    assert holding.quantity == position.quantity, "ledger and exchange agree"
    return position


def test_half_leaves_and_stop_and_targets_are_halved(tmp_path: Path) -> None:
    """The rest keeps its stop price, its targets and the shares between them."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("110", "120")))
        half = await w.send(w.make(Action.EXIT_LONG, key="half", exit_percent="50"))
        position = await _held(w)
        assert position.quantity == Decimal(5)
        assert await _resting(w) == {
            OrderType.STOP: [(Decimal(90), Decimal(5))],
            OrderType.TAKE_PROFIT: [
                (Decimal(110), Decimal("2.5")),
                (Decimal(120), Decimal("2.5")),
            ],
        }
        execution = await w.execution(half, "anna")
        assert execution is not None
        assert (execution.status, execution.quantity) == (ExecutionStatus.EXECUTED, Decimal(5))
        assert execution.slippage_bps == 0
        await w.price("111")
        assert (await _held(w)).quantity == Decimal("2.5")
        await w.price("121")
        (closed,) = await w.services.storage.trades.closed_since(ANNA, EPOCH)
        assert closed.close_reason is CloseReason.TAKE_PROFIT
        assert closed.realized_pnl == Decimal("2.5") * 10 + Decimal("2.5") * 20
        assert await w.broker("anna").open_orders() == []

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_parts_leave_one_after_the_other_until_an_exit_closes_the_rest(tmp_path: Path) -> None:
    """Each is a share of what is held then; profit and count of trades are of one position."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("150",)))
        await w.price("110")
        await w.send(w.make(Action.EXIT_LONG, key="1/2", price="110", exit_percent="50"))
        await w.price("120")
        await w.send(w.make(Action.EXIT_LONG, key="1/5", price="120", exit_percent="20"))
        assert (await _held(w)).quantity == Decimal(4)
        assert (await _resting(w))[OrderType.STOP] == [(Decimal(90), Decimal(4))]
        assert (await _resting(w))[OrderType.TAKE_PROFIT] == [(Decimal(150), Decimal(4))]
        await w.price("130")
        await w.send(w.make(Action.EXIT_LONG, key="all", price="130"))
        (closed,) = await w.services.storage.trades.closed_since(ANNA, EPOCH)
        assert closed.close_reason is CloseReason.EXIT_SIGNAL
        assert closed.realized_pnl == Decimal(5 * 10 + 1 * 20 + 4 * 30)
        assert closed.exit_quantity == closed.entry_quantity == Decimal(10)
        assert await w.services.storage.trades.entries_since(ANNA, EPOCH) == 1
        assert await w.services.storage.trades.unfinished_orders(ANNA) == []

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_targets_already_hit_stay_hit(tmp_path: Path) -> None:
    """Only what is ahead is divided anew."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("110", "120", "130"), shares=("50", "25", "25")))
        await w.price("111")
        position = await _held(w)
        assert (position.quantity, position.targets_hit) == (Decimal(5), 1)
        await w.send(w.make(Action.EXIT_LONG, key="part", price="111", exit_percent="60"))
        position = await _held(w)
        assert [(each.price, each.quantity) for each in position.take_profits] == [
            (Decimal(110), Decimal(5)),
            (Decimal(120), Decimal(1)),
            (Decimal(130), Decimal(1)),
        ]
        await w.price("121")
        assert (await _held(w)).targets_hit == 2

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_part_too_small_to_trade_is_refused_or_rounded_up(tmp_path: Path) -> None:
    """As the user wants it for entries; a rest too small to trade leaves as well."""
    head = HEAD.replace("quote_amount = 1000", "quote_amount = 300") + (
        "[exchanges.sim.simulated.symbols.'BTC/USDT:USDT']\nmin_quantity = 1\n"
    )

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        little = await w.send(w.make(Action.EXIT_LONG, key="10", exit_percent="10"))
        decision = await w.decision(little, "anna")
        assert decision is not None
        assert decision.code is DecisionCode.BELOW_MINIMUM
        assert (await _held(w)).quantity == Decimal(3)
        await w.send(w.make(Action.EXIT_LONG, key="80", exit_percent="80"))
        assert await w.services.storage.trades.open_positions(ANNA) == []

    async def rounded(w: Simulation) -> None:
        await w.send(w.make())
        await w.send(w.make(Action.EXIT_LONG, key="10", exit_percent="10"))
        assert (await _held(w)).quantity == Decimal(2)

    run_in_virtual_time(tmp_path, story, user("anna"), head=head)
    (tmp_path / "up").mkdir()
    up = user("anna", extra='sizing = { below_minimum = "round_up" }')
    run_in_virtual_time(tmp_path / "up", rounded, up, head=head)


def test_another_strategy_or_side_is_not_reduced(tmp_path: Path) -> None:
    """As with whole exits."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        wrong = await w.send(w.make(Action.EXIT_SHORT, key="short", exit_percent="50"))
        decision = await w.decision(wrong, "anna")
        assert decision is not None
        assert decision.code is DecisionCode.NO_POSITION
        assert (await _held(w)).quantity == Decimal(10)

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_halted_user_still_leaves_in_parts(tmp_path: Path) -> None:
    """Exits are never held back."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        account = w.services.control.accounts[ANNA]
        await w.services.execution.trading_state.set_user_status(
            account, UserStatus.HALTED, reason="test"
        )
        await w.send(w.make(Action.EXIT_LONG, key="half", exit_percent="50"))
        assert (await _held(w)).quantity == Decimal(5)

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_refused_part_leaves_the_position_as_it_was(tmp_path: Path) -> None:
    """The execution records the reason; stop and target stay active."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("110",)))
        w.broker("anna").refuse(of_leg(Leg.EXIT), "no")
        half = await w.send(w.make(Action.EXIT_LONG, key="half", exit_percent="50"))
        execution = await w.execution(half, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.FAILED
        assert execution.error_details == "no"
        assert (await _held(w)).quantity == Decimal(10)
        assert len(await w.broker("anna").open_orders()) == 2

    run_in_virtual_time(tmp_path, story, user("anna"))


@pytest.mark.parametrize("lost", ["answer", "request"])
def test_a_lost_answer_reduces_once(tmp_path: Path, lost: str) -> None:
    """The order is looked up by its id; only one that never arrived is sent again."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        broker = w.broker("anna")
        (broker.lose_answer if lost == "answer" else broker.lose_request)(of_leg(Leg.EXIT))
        half = await w.send(w.make(Action.EXIT_LONG, key="half", exit_percent="50"))
        assert (await _held(w)).quantity == Decimal(5)
        execution = await w.execution(half, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_part_without_an_answer_is_found_and_never_sent_again(tmp_path: Path) -> None:
    """It arrived; stop, targets and execution follow once it is found, and so may another part."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("110",)))
        w.broker("anna").hang(of_leg(Leg.EXIT))
        half = w.make(Action.EXIT_LONG, key="half", exit_percent="50")
        assert await w.services.outbound.emitter.accept(half)
        await w.clock.sleep(40)
        await w.services.control.sync.compare(w.services.control.accounts[ANNA])
        await w.settle()
        execution = await w.execution(half, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED
        (sent,) = (each for each in w.broker("anna").sent if each.leg is Leg.EXIT)
        assert is_partial_exit(sent)
        assert (await _held(w)).quantity == Decimal(5)
        resting = await _resting(w)
        assert resting[OrderType.STOP] == [(Decimal(90), Decimal(5))]
        assert resting[OrderType.TAKE_PROFIT] == [(Decimal(110), Decimal(5))]
        await w.send(w.make(Action.EXIT_LONG, key="again", exit_percent="40"))
        assert (await _held(w)).quantity == Decimal(3)

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_part_that_never_arrived_fails_and_the_position_stays_protected(tmp_path: Path) -> None:
    """No answer, and then proof that it is not there: a second one could close too much."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        broker = w.broker("anna")
        broker.lose_request(of_leg(Leg.EXIT))
        broker.blind = True
        half = w.make(Action.EXIT_LONG, key="half", exit_percent="50")
        assert await w.services.outbound.emitter.accept(half)
        await w.clock.sleep(40)
        broker.blind = False
        await w.services.control.sync.compare(w.services.control.accounts[ANNA])
        await w.settle()
        execution = await w.execution(half, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.FAILED
        assert execution.failure_reason == "EXIT_FAILED"
        assert (await _held(w)).quantity == Decimal(10)
        assert (await _resting(w))[OrderType.STOP] == [(Decimal(90), Decimal(10))]

    run_in_virtual_time(tmp_path, story, user("anna"))


@pytest.mark.parametrize("arrives", [True, False])
def test_a_full_exit_after_an_unresolved_part_closes_everything(
    tmp_path: Path, *, arrives: bool
) -> None:
    """It waits until the part is resolved: the position ends closed, without a double order."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("110",)))
        broker = w.broker("anna")
        (broker.hang if arrives else broker.lose_request)(of_leg(Leg.EXIT))
        broker.blind = True
        assert await w.services.outbound.emitter.accept(
            w.make(Action.EXIT_LONG, key="half", exit_percent="50")
        )  # fmt: skip
        await w.clock.sleep(31)
        everything = await w.send(w.make(Action.EXIT_LONG, key="all"))
        broker.blind = False
        await w.clock.sleep(30)
        await w.services.control.sync.compare(w.services.control.accounts[ANNA])
        await w.settle()
        assert await w.services.storage.trades.open_positions(ANNA) == []
        assert await broker.open_orders() == []
        execution = await w.execution(everything, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_full_exit_that_was_not_received_is_no_partial_exit(tmp_path: Path) -> None:
    """It is decided anew, and closes everything."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        broker = w.broker("anna")
        broker.lose_request(of_leg(Leg.EXIT))
        broker.blind = True
        everything = w.make(Action.EXIT_LONG, key="all")
        assert await w.services.outbound.emitter.accept(everything)
        await w.clock.sleep(31)
        broker.blind = False
        await w.clock.sleep(30)
        await w.services.control.sync.compare(w.services.control.accounts[ANNA])
        await w.settle()
        assert await w.services.storage.trades.open_positions(ANNA) == []
        execution = await w.execution(everything, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED
        exits = [each for each in broker.sent if each.leg is Leg.EXIT]
        assert len(exits) > 1
        assert not any(map(is_partial_exit, exits))

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_target_that_is_placed_anew_for_its_rest_is_not_taken_for_a_double(
    tmp_path: Path,
) -> None:
    """The exchange has ended it half filled: what is left of it rests again, and stays."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("110",)))
        position, account = await _held(w), w.services.control.accounts[ANNA]
        (target,) = [
            each for each in account.orders_of(position) if each.request.leg is Leg.TAKE_PROFIT
        ]
        await w.services.execution.position_closer.cancel_and_book(account, target)
        async with account.lock(BTC):
            await w.services.execution.protector.take_profits.renew(
                account, replace(target, filled=Decimal(4))
            )
            await w.services.execution.protector.protect(account, BTC)
            await w.services.execution.protector.protect(account, BTC)
        assert (await _resting(w))[OrderType.TAKE_PROFIT] == [(Decimal(110), Decimal(6))]

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_spot_position_is_reduced_although_its_stop_holds_the_coins(tmp_path: Path) -> None:
    """The stop goes first and comes back for what is left."""
    head = HEAD.replace("BTC/USDT:USDT", SPOT)

    async def story(w: Simulation) -> None:
        await w.price("100", symbol=SPOT)
        await w.send(w.make(symbol=SPOT, targets=("110", "120")))
        before = (await _held(w)).quantity
        await w.send(w.make(Action.EXIT_LONG, key="half", symbol=SPOT, exit_percent="50"))
        position = await _held(w)
        assert position.quantity < before * Decimal("0.51")
        ((trigger, quantity),) = (await _resting(w))[OrderType.STOP]
        assert (trigger, quantity) == (Decimal(90), position.quantity)
        await w.price("89", symbol=SPOT)
        assert await w.services.storage.trades.open_positions(ANNA) == []

    run_in_virtual_time(tmp_path, story, user("anna", leverage=1), head=head)


def test_signal_only_users_receive_the_share(tmp_path: Path) -> None:
    """Their position is not in the ledger."""

    async def story(w: Simulation) -> None:
        half = await w.send(w.make(Action.EXIT_LONG, key="half", exit_percent="50"))
        decision = await w.decision(half, "grace")
        assert decision is not None
        assert (decision.code, decision.detail["exit_percent"]) == (DecisionCode.SIGNALS_ONLY, "50")

    run_in_virtual_time(tmp_path, story, user("grace", mode="signals"))


def test_a_signals_own_trailing_distance_is_followed(tmp_path: Path) -> None:
    """The stop begins at that distance and trails, although the user has set no trailing."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(stop=None, trailing="5"))
        assert (await _resting(w))[OrderType.STOP] == [(Decimal(95), Decimal(10))]
        await w.price("120")
        assert (await _resting(w))[OrderType.STOP] == [(Decimal(114), Decimal(10))]
        await w.price("113")
        (closed,) = await w.services.storage.trades.closed_since(ANNA, EPOCH)
        assert closed.close_reason is CloseReason.TRAILING_STOP

    run_in_virtual_time(tmp_path, story, user("anna"), head=ALERTS)


def test_a_user_with_own_stops_keeps_them(tmp_path: Path) -> None:
    """The signal's trailing distance counts where its stop would."""
    own = 'protection = { stop_loss = { source = "percent", percent = 3.0 } }'

    async def story(w: Simulation) -> None:
        await w.send(w.make(stop=None, trailing="5"))
        await w.price("120")
        assert (await _resting(w))[OrderType.STOP] == [(Decimal(97), Decimal(10))]

    run_in_virtual_time(tmp_path, story, user("anna", extra=own), head=ALERTS)


def test_shares_of_a_signal_count_before_the_users_own(tmp_path: Path) -> None:
    """Three quarters are closed at the first target, as the signal specifies."""
    own = (
        "protection = { take_profits = [{ percent = 1.0, share = 50 }, "
        "{ percent = 2.0, share = 50 }] }"
    )

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("110", "120"), shares=("75", "25")))
        assert (await _resting(w))[OrderType.TAKE_PROFIT] == [
            (Decimal(110), Decimal("7.5")),
            (Decimal(120), Decimal("2.5")),
        ]

    run_in_virtual_time(tmp_path, story, user("anna", extra=own))


def test_the_journal_records_the_reduction(tmp_path: Path) -> None:
    """With the quantity closed, its price, and the quantity still held."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        await w.send(w.make(Action.EXIT_LONG, key="half", exit_percent="50"))
        rows = await w.database.query(
            "SELECT kind, json_extract(detail, '$.quantity') AS gone, "
            "json_extract(detail, '$.left') AS rest FROM events "
            "WHERE kind LIKE 'position.reduced' AND symbol = ?",
            (BTC,),
        )
        assert [tuple(row) for row in rows] == [("position.reduced", "5", "5")]

    run_in_virtual_time(tmp_path, story, user("anna"))


def _exits(w: Simulation) -> list[OrderRequest]:
    return [each for each in w.broker("anna").sent if each.leg is Leg.EXIT]


def test_a_part_is_not_sold_after_the_stop_has_sold_the_coins(tmp_path: Path) -> None:
    """The stop fired between the signal and the order: what is left there is the owner's."""
    head = HEAD.replace("BTC/USDT:USDT", SPOT)

    async def story(w: Simulation) -> None:
        await w.price("100", symbol=SPOT)
        await w.send(w.make(symbol=SPOT))
        await w.clock.sleep(60)
        w.broker("anna").deaf = True
        part = w.make(Action.EXIT_LONG, key="part", symbol=SPOT, price="88", exit_percent="75")
        w.jump("88", symbol=SPOT)
        await w.send(part)
        assert _exits(w) == []
        assert await w.services.storage.trades.open_positions(ANNA) == []
        execution = await w.execution(part, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.FAILED
        assert execution.error_details == "not sent: its position has been closed"

    run_in_virtual_time(tmp_path, story, user("anna", leverage=1), head=head)


async def _make_unresolved(w: Simulation, *, percent: str) -> None:
    """A partial exit has filled at the exchange, and its response is lost."""
    broker = w.broker("anna")
    broker.deaf = broker.blind = True
    broker.hang(of_leg(Leg.EXIT))
    assert await w.services.outbound.emitter.accept(
        w.make(Action.EXIT_LONG, key="first", exit_percent=percent)
    )  # fmt: skip
    await w.clock.sleep(31)


async def _resolve(w: Simulation) -> None:
    w.broker("anna").deaf = w.broker("anna").blind = False
    for _ in range(4):
        await w.clock.sleep(30)
        await w.services.control.sync.compare(w.services.control.accounts[ANNA])
    await w.settle()


def test_a_part_that_waited_is_a_part_of_what_is_left(tmp_path: Path) -> None:
    """It was planned while the first one was unresolved, from the quantity before it."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        await _make_unresolved(w, percent="60")
        await w.send(w.make(Action.EXIT_LONG, key="second", exit_percent="50"))
        assert [each.quantity for each in _exits(w)] == [Decimal(6)]
        await _resolve(w)
        assert [each.quantity for each in _exits(w)] == [Decimal(6), Decimal(2)]
        assert (await _held(w)).quantity == Decimal(2)

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_parts_that_wait_do_not_wait_for_one_another(tmp_path: Path) -> None:
    """Each leaves in its turn."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        await _make_unresolved(w, percent="50")
        later = [
            await w.send(w.make(Action.EXIT_LONG, key=key, exit_percent="50"))
            for key in ("second", "third")
        ]
        await _resolve(w)
        assert (await _held(w)).quantity == Decimal("1.25")
        for signal in later:
            execution = await w.execution(signal, "anna")
            assert execution is not None
            assert execution.status is ExecutionStatus.EXECUTED

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_full_exit_that_waits_for_a_part_keeps_the_spot_stop(tmp_path: Path) -> None:
    """And goes on as soon as the part is known."""
    head = HEAD.replace("BTC/USDT:USDT", SPOT)

    async def story(w: Simulation) -> None:
        await w.price("100", symbol=SPOT)
        await w.send(w.make(symbol=SPOT))
        broker = w.broker("anna")
        broker.deaf = broker.blind = True
        broker.lose_request(of_leg(Leg.EXIT))
        half = w.make(Action.EXIT_LONG, key="half", symbol=SPOT, exit_percent="50")
        assert await w.services.outbound.emitter.accept(half)
        await w.clock.sleep(35)
        everything = await w.send(w.make(Action.EXIT_LONG, key="all", symbol=SPOT))
        assert [each[0] for each in (await _resting(w))[OrderType.STOP]] == [Decimal(90)]
        await _resolve(w)
        assert await w.services.storage.trades.open_positions(ANNA) == []
        execution = await w.execution(everything, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED

    run_in_virtual_time(tmp_path, story, user("anna", leverage=1), head=head)


def test_a_close_resumes_when_the_stream_reports_the_part(tmp_path: Path) -> None:
    """No comparison is needed for that."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        await _make_unresolved(w, percent="50")
        await w.send(w.make(Action.EXIT_LONG, key="all"))
        (part,) = _exits(w)
        broker, account = w.broker("anna"), w.services.control.accounts[ANNA]
        order = await w.services.storage.trades.order(part.client_order_id)
        assert order is not None
        report = await broker.real.lookup(order)
        assert report is not None
        async with account.lock(BTC):
            await w.services.execution.order_events.handle_report(account, report)
        await w.settle()
        assert await w.services.storage.trades.open_positions(ANNA) == []
        assert list(await broker.holdings({})) == []

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_target_that_fills_while_a_part_leaves_is_taken_once(tmp_path: Path) -> None:
    """Its order was hit, and the one of its new size is not sent any more."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("110", "120"), shares=("20", "20")))
        await w.clock.sleep(60)
        broker = w.broker("anna")
        broker.deaf = True
        broker.delay(of_leg(Leg.EXIT), 5)
        half = w.make(Action.EXIT_LONG, key="half", exit_percent="50")
        assert await w.services.outbound.emitter.accept(half)
        await w.clock.sleep(1)
        w.jump("111")
        await w.clock.sleep(10)
        await w.settle()
        position = await _held(w)
        assert position.quantity == Decimal(3)
        assert position.targets_hit == 1
        assert (await _resting(w))[OrderType.TAKE_PROFIT] == [(Decimal(120), Decimal(1))]

    run_in_virtual_time(tmp_path, story, user("anna"))
