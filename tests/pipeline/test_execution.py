"""An entry is claimed before it is sent, sent once, and resolved by look-ups."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.errors import Unavailable
from signalbot.domain.executions import ExecutionStatus
from signalbot.domain.orders import Leg, OrderStatus
from signalbot.domain.signals import Action
from signalbot.domain.users import UserId, UserStatus
from tests.fakes.broker import of_leg
from tests.simulation import ETH, Simulation, run_in_virtual_time, user

ANNA, BEN = UserId("anna"), UserId("ben")


def _entries(w: Simulation, name: str) -> int:
    return [each.leg for each in w.broker(name).sent].count(Leg.ENTRY)


def test_a_lost_answer_never_buys_twice(tmp_path: Path) -> None:
    """The order arrived, its response did not: it is unknown, then found, booked and protected."""

    async def story(w: Simulation) -> None:
        w.broker("anna").lose_answer(of_leg(Leg.ENTRY))
        w.broker("anna").blind = True
        signal = await w.send(w.make())
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.UNKNOWN
        w.broker("anna").blind = False
        await w.clock.sleep(5)
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED
        assert _entries(w, "anna") == 1
        (position,) = await w.services.storage.trades.open_positions(ANNA)
        assert position.protected_at_ms is not None

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_entries_in_a_symbol_wait_while_an_order_is_unresolved(tmp_path: Path) -> None:
    """A symbol with an unknown order takes no entry; other symbols do."""

    async def story(w: Simulation) -> None:
        w.broker("anna").lose_answer(of_leg(Leg.ENTRY))
        w.broker("anna").blind = True
        await w.send(w.make())
        second = await w.send(w.make(key="2"))
        decision = await w.decision(second, "anna")
        assert decision is not None
        assert decision.code is DecisionCode.SYMBOL_IN_DOUBT
        other = await w.send(w.make(key="3", symbol=ETH))
        assert await w.execution(other, "anna") is not None

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_an_entry_proven_absent_is_sent_while_its_signal_is_open(tmp_path: Path) -> None:
    """The request was lost: once that is proven, the same order is sent again."""

    async def story(w: Simulation) -> None:
        w.broker("anna").lose_request(of_leg(Leg.ENTRY))
        signal = await w.send(w.make())
        await w.services.control.sync.compare(w.services.control.accounts[ANNA])
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED
        ids = {each.client_order_id for each in w.broker("anna").sent if each.leg is Leg.ENTRY}
        assert len(ids) == 1
        assert len(await w.broker("anna").holdings({})) == 1

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_an_entry_proven_absent_is_given_up_once_its_signal_is_over(tmp_path: Path) -> None:
    """The execution fails with its reason, and no order is sent."""

    async def story(w: Simulation) -> None:
        w.broker("anna").lose_request(of_leg(Leg.ENTRY))
        w.broker("anna").blind = True
        signal = await w.send(w.make(ttl_ms=60_000))
        await w.clock.sleep(61)
        w.broker("anna").blind = False
        await w.services.control.sync.compare(w.services.control.accounts[ANNA])
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.FAILED
        assert execution.failure_reason == "INTERRUPTED"
        assert _entries(w, "anna") == 1
        assert await w.services.storage.trades.unfinished_orders(ANNA) == []

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_user_with_a_hanging_exchange_delays_no_other(tmp_path: Path) -> None:
    """Anna's order takes a minute; Ben's is executed at once."""

    async def story(w: Simulation) -> None:
        w.broker("anna").delay(of_leg(Leg.ENTRY), 60)
        signal = w.make()
        assert await w.services.storage.signals.store(signal)
        w.services.outbound.broadcaster.broadcast(signal, [ANNA, BEN])
        await w.clock.sleep(0.1)
        execution = await w.execution(signal, "ben")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED
        assert execution.latency_ms is not None
        assert execution.latency_ms < 100
        await w.settle()
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert execution.latency_ms == 60_000

    run_in_virtual_time(tmp_path, story, user("anna"), user("ben"))


def test_a_listener_that_crashes_halts_its_user_and_no_other(tmp_path: Path) -> None:
    """The decision is INTERNAL_ERROR, the user takes no more entries, the other one trades."""

    async def story(w: Simulation) -> None:
        w.broker("anna").broken = RuntimeError("a bug")
        signal = await w.send(w.make())
        assert w.services.control.accounts[ANNA].user.status is UserStatus.HALTED
        execution = await w.execution(signal, "ben")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED
        w.broker("anna").broken = None
        later = await w.send(w.make(key="2", symbol=ETH))
        decision = await w.decision(later, "anna")
        assert decision is not None
        assert decision.code is DecisionCode.TRADING_HALTED
        assert await w.execution(later, "ben") is not None

    run_in_virtual_time(tmp_path, story, user("anna"), user("ben"))


def test_a_halt_blocks_entries_of_all_users_and_no_exit(tmp_path: Path) -> None:
    """The next signal is skipped; a position can still be closed."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        await w.services.execution.trading_state.halt_all("testing")
        refused = await w.send(w.make(key="2", symbol=ETH))
        decision = await w.decision(refused, "anna")
        assert decision is not None
        assert decision.code is DecisionCode.TRADING_HALTED
        out = await w.send(w.make(Action.EXIT_LONG, key="3", stop=None))
        execution = await w.execution(out, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED
        await w.services.execution.trading_state.resume_all()
        again = await w.send(w.make(key="4", symbol=ETH))
        assert await w.execution(again, "anna") is not None

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_full_inbox_drops_the_signal_and_records_a_skip(tmp_path: Path) -> None:
    """64 signals may wait; the next is skipped with INBOX_FULL, for this user only."""

    async def story(w: Simulation) -> None:
        w.broker("anna").delay(of_leg(Leg.ENTRY), 30)
        signals = [w.make(key=str(number)) for number in range(70)]
        for signal in signals:
            assert await w.services.storage.signals.store(signal)
        for signal in signals:
            w.services.outbound.broadcaster.broadcast(signal, [ANNA, BEN])
            await asyncio.sleep(0.01)
        await w.settle()
        last_anna, last_ben = (
            await w.decision(signals[-1], "anna"),
            await w.decision(signals[-1], "ben"),
        )
        assert last_anna is not None
        assert last_anna.code is DecisionCode.INBOX_FULL
        assert last_ben is not None
        assert last_ben.code is DecisionCode.POSITION_OPEN

    run_in_virtual_time(tmp_path, story, user("anna"), user("ben"))


def test_open_signals_are_delivered_to_undecided_users_once_ready(tmp_path: Path) -> None:
    """A user who has executed does not execute again; one who has not does so now."""

    async def story(w: Simulation) -> None:
        signal = w.make()
        assert await w.services.storage.signals.store(signal)
        w.services.outbound.broadcaster.broadcast(signal, [ANNA])
        await w.settle()
        await w.services.outbound.emitter.catch_up({ANNA, BEN})
        await w.settle()
        executions = await w.services.storage.executions.executions(signal.signal_id)
        assert {each.user_id for each in executions} == {ANNA, BEN}
        assert _entries(w, "anna") == 1

    run_in_virtual_time(tmp_path, story, user("anna"), user("ben"))


WAITING = "entry = { type = 'limit', limit_offset_percent = 1.0, timeout = '1h' }"


def test_a_second_signal_finds_a_waiting_entry_and_adds_nothing(tmp_path: Path) -> None:
    """One symbol, one entry: when the price comes, exactly one position is opened."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        second = await w.send(w.make(key="2"))
        decision = await w.decision(second, "anna")
        assert decision is not None
        assert decision.code is DecisionCode.ENTRY_PENDING
        await w.price("98")
        (position,) = await w.services.storage.trades.open_positions(ANNA)
        assert position.quantity == position.entry_quantity
        assert _entries(w, "anna") == 1

    run_in_virtual_time(tmp_path, story, user("anna", extra=WAITING))


def test_a_waiting_entry_counts_as_an_open_position(tmp_path: Path) -> None:
    """With a limit of one, the second symbol has to wait."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        other = await w.send(w.make(key="2", symbol=ETH))
        decision = await w.decision(other, "anna")
        assert decision is not None
        assert decision.code is DecisionCode.MAX_OPEN_POSITIONS

    run_in_virtual_time(
        tmp_path, story, user("anna", extra=f"{WAITING}\nrisk = {{ max_open_positions = 1 }}")
    )


def test_an_old_exit_signal_still_closes(tmp_path: Path) -> None:
    """Age holds entries back, never exits."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        signal = w.make(Action.EXIT_LONG, key="2", stop=None)
        assert await w.services.storage.signals.store(signal)
        await w.clock.sleep(150)
        w.services.outbound.broadcaster.broadcast(signal, [ANNA])
        await w.settle()
        assert await w.services.storage.trades.open_positions(ANNA) == []

    run_in_virtual_time(tmp_path, story, user("anna", extra="filters = { max_signal_age = '2m' }"))


def test_an_exit_without_an_answer_is_looked_up_before_another_is_sent(tmp_path: Path) -> None:
    """The exit arrived without a response: after the deadline it is found, not sent again."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        w.broker("anna").hang(of_leg(Leg.EXIT))
        exit_signal = w.make(Action.EXIT_LONG, key="2")
        assert await w.services.outbound.emitter.accept(exit_signal)
        await w.clock.sleep(40)
        await w.services.control.sync.compare(w.services.control.accounts[ANNA])
        execution = await w.execution(exit_signal, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED
        assert [each.leg for each in w.broker("anna").sent].count(Leg.EXIT) == 1
        assert await w.services.storage.trades.open_positions(ANNA) == []

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_reconciliation_fails_a_claim_with_an_unfilled_final_order(tmp_path: Path) -> None:
    """The process was killed after the order had ended and before its execution was settled."""

    async def story(w: Simulation) -> None:
        w.broker("anna").lose_request(of_leg(Leg.ENTRY))
        w.broker("anna").blind = True
        signal = await w.send(w.make())
        for order in await w.services.storage.trades.unfinished_orders(ANNA):
            over = replace(order, status=OrderStatus.CANCELLED)
            w.services.control.accounts[ANNA].track_order(over)
            await w.services.storage.trades.save_order(over)
        await w.services.control.sync.compare(w.services.control.accounts[ANNA])
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert (execution.status, execution.failure_reason) == (
            ExecutionStatus.FAILED, "NOT_FILLED",
        )  # fmt: skip
        assert _entries(w, "anna") == 1

    run_in_virtual_time(tmp_path, story, user("anna"))


@pytest.mark.parametrize(("price", "enters"), [("100.4", True), ("101", False)])
def test_an_entry_that_waits_for_its_exchange_does_not_run_after_the_price(
    tmp_path: Path, price: str, enters: bool
) -> None:
    """The drift is checked before every try: an entry with too large a drift is not sent."""

    async def story(w: Simulation) -> None:
        broker = w.broker("anna")
        broker.broken = Unavailable("away")
        signal = w.make(price="100")
        assert await w.services.storage.signals.store(signal)
        w.services.outbound.broadcaster.broadcast(signal, [ANNA])
        await w.clock.sleep(3)
        assert len(broker.sent) > 1
        broker.broken = None
        w.jump(price)
        await w.settle()
        execution = await w.execution(signal, "anna")
        assert execution is not None
        if enters:
            assert execution.status is ExecutionStatus.EXECUTED
        else:
            assert execution.status is ExecutionStatus.FAILED
            assert execution.failure_reason == DecisionCode.PRICE_DRIFTED
            assert not await w.services.storage.trades.open_positions(ANNA)

    drift = "filters = { max_price_drift_percent = 0.5 }\n"
    run_in_virtual_time(tmp_path, story, user("anna", extra=drift))
