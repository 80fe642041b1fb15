"""One signal, every user's own trade, exactly once each: the cases this product exists for."""

from decimal import Decimal
from pathlib import Path

from signalbot.domain.advice import Advice, Verdict
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.executions import DecisionOutcome, ExecutionStatus
from signalbot.domain.signals import Signal, SignalStatus
from signalbot.domain.users import UserId
from tests.simulation import Simulation, run_in_virtual_time, user

A, B, C = user("anna"), user("ben"), user("cleo")


async def _assert_executed(w: Simulation, signal: Signal, name: str) -> None:
    execution = await w.execution(signal, name)
    assert execution is not None
    assert execution.status is ExecutionStatus.EXECUTED
    assert execution.actual_entry_price == Decimal(100)
    assert await w.services.storage.executions.has_user_executed(signal.signal_id, UserId(name))


def test_user_a_executes(tmp_path: Path) -> None:
    """A signal becomes a filled, protected position of its subscriber."""

    async def story(w: Simulation) -> None:
        signal = await w.send(w.make(targets=("110", "120")))
        await _assert_executed(w, signal, "anna")
        (position,) = await w.services.storage.trades.open_positions(UserId("anna"))
        assert position.quantity == Decimal(10)
        assert position.protected_at_ms is not None

    run_in_virtual_time(tmp_path, story, A)


def test_user_b_executes_the_same_signal(tmp_path: Path) -> None:
    """A's execution does not affect B: the signal stays ACTIVE."""

    async def story(w: Simulation) -> None:
        signal = w.make()
        assert await w.services.storage.signals.store(signal)
        w.services.outbound.broadcaster.broadcast(signal, [UserId("anna")])
        await w.settle()
        await _assert_executed(w, signal, "anna")
        stored = await w.services.storage.signals.signal(signal.signal_id)
        assert stored is not None
        assert stored.status is SignalStatus.ACTIVE
        w.services.outbound.broadcaster.broadcast(signal, [UserId("ben")])
        await w.settle()
        await _assert_executed(w, signal, "ben")

    run_in_virtual_time(tmp_path, story, A, B)


def test_user_c_too(tmp_path: Path) -> None:
    """Three users, three executions of one signal, each with its own order."""

    async def story(w: Simulation) -> None:
        signal = await w.send(w.make())
        for name in ("anna", "ben", "cleo"):
            await _assert_executed(w, signal, name)
        executions = await w.services.storage.executions.executions(signal.signal_id)
        assert len({each.client_order_id for each in executions}) == 3

    run_in_virtual_time(tmp_path, story, A, B, C)


def test_a_second_try_is_blocked_by_the_unique_index(tmp_path: Path) -> None:
    """The same signal delivered again sends nothing and changes nothing."""

    async def story(w: Simulation) -> None:
        signal = await w.send(w.make())
        before = await w.execution(signal, "anna")
        sent = len(w.broker("anna").sent)
        w.services.outbound.broadcaster.broadcast(signal, [UserId("anna")])
        await w.services.outbound.emitter.redeliver(signal)
        await w.settle()
        assert await w.execution(signal, "anna") == before
        assert len(w.broker("anna").sent) == sent
        decision = await w.decision(signal, "anna")
        assert decision is not None
        assert decision.outcome is DecisionOutcome.EXECUTE

    run_in_virtual_time(tmp_path, story, A, B)


def test_has_user_executed_is_right_per_user(tmp_path: Path) -> None:
    """A rejected user has not executed; a filled one has."""

    async def story(w: Simulation) -> None:
        signal = await w.send(w.make())
        assert await w.services.storage.executions.has_user_executed(
            signal.signal_id, UserId("anna")
        )
        assert not await w.services.storage.executions.has_user_executed(
            signal.signal_id, UserId("ben")
        )

    run_in_virtual_time(
        tmp_path, story, A, user("ben", extra="filters = { min_strength = 'VERY_STRONG' }")
    )


def test_statistics_of_a_signal_aggregate_all_executions(tmp_path: Path) -> None:
    """Count, average slippage and average latency by status, over every user."""

    async def story(w: Simulation) -> None:
        w.broker("ben").refuse(lambda _: True, "margin is insufficient")
        signal = await w.send(w.make(price="99"))
        statistics = await w.services.storage.executions.statistics(signal.signal_id)
        assert statistics.executions == 3
        assert statistics.by_status == {"executed": 2, "failed": 1}
        assert statistics.average_slippage_bps == {"executed": Decimal("101.01")}
        assert statistics.average_latency_ms["executed"] >= 0
        assert statistics.decisions_by_code == {"APPROVED": 3}

    run_in_virtual_time(tmp_path, story, A, B, C)


def test_mark_as_executed_with_details(tmp_path: Path) -> None:
    """Price, quantity, slippage, latency and order ids of an execution are kept."""

    async def story(w: Simulation) -> None:
        signal = await w.send(w.make(price="99.5"))
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert execution.actual_entry_price == Decimal(100)
        assert execution.quantity == Decimal(10)
        assert execution.slippage_bps == Decimal("50.25")
        assert execution.latency_ms is not None
        assert execution.order_id
        assert execution.client_order_id
        assert execution.position_id
        assert execution.leverage == 5

    run_in_virtual_time(tmp_path, story, A)


def test_mark_as_failed_with_reason(tmp_path: Path) -> None:
    """A rejected entry leaves a failed execution with its reason, and no position."""

    async def story(w: Simulation) -> None:
        w.broker("anna").refuse(lambda _: True, "margin is insufficient")
        signal = await w.send(w.make())
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.FAILED
        assert execution.failure_reason == "REJECTED"
        assert execution.error_details == "margin is insufficient"
        assert execution.failed_at_ms is not None
        assert await w.services.storage.trades.open_positions(UserId("anna")) == []
        assert await w.services.storage.trades.unfinished_orders(UserId("anna")) == []

    run_in_virtual_time(tmp_path, story, A)


class _Denies:
    async def advise(self, *_: object) -> Advice:
        return Advice(verdict=Verdict.DENY, confidence=0.9, reason="against the trend")


def test_filtered_ai_skipped_and_too_poor_users_leave_no_execution_row(tmp_path: Path) -> None:
    """A skip is a decision with a code, never an execution."""

    async def story(w: Simulation) -> None:
        signal = await w.send(w.make())
        expected = {
            "filtered": DecisionCode.SYMBOL_FILTERED,
            "advised": DecisionCode.AI_DENIED,
            "poor": DecisionCode.BALANCE_TOO_LOW,
            "told": DecisionCode.SIGNALS_ONLY,
        }
        for name, code in expected.items():
            decision = await w.decision(signal, name)
            assert decision is not None
            assert (decision.outcome, decision.code) == (DecisionOutcome.SKIP, code)
            assert await w.execution(signal, name) is None
        await _assert_executed(w, signal, "anna")

    run_in_virtual_time(
        tmp_path,
        story,
        A,
        user("filtered", extra="filters = { symbols = ['ETH/*'] }"),
        user("advised", extra="ai = { enabled = true, provider = 'main', model = 'small' }"),
        user("poor", extra="risk = { min_balance = 20000 }"),
        user("told", mode="signals"),
        "[ai.providers.main]\nkind = 'openai-compatible'\nbase_url = 'http://127.0.0.1:9'\n",
        advisor=_Denies(),
    )


def test_a_signal_stays_active_until_it_expires_then_no_user_can_execute_it(
    tmp_path: Path,
) -> None:
    """It expires for all users at once, whether or not one has executed it."""

    async def story(w: Simulation) -> None:
        signal = w.make(ttl_ms=300_000)
        assert await w.services.storage.signals.store(signal)
        w.services.outbound.expirer.schedule(signal)
        w.services.outbound.broadcaster.broadcast(signal, [UserId("anna")])
        await w.clock.sleep(299)
        stored = await w.services.storage.signals.signal(signal.signal_id)
        assert stored is not None
        assert stored.status is SignalStatus.ACTIVE
        await w.clock.sleep(2)
        stored = await w.services.storage.signals.signal(signal.signal_id)
        assert stored is not None
        assert stored.status is SignalStatus.EXPIRED
        w.services.outbound.broadcaster.broadcast(signal, [UserId("ben")])
        await w.settle()
        assert await w.execution(signal, "ben") is None
        decision = await w.decision(signal, "ben")
        assert decision is not None
        assert decision.code is DecisionCode.SIGNAL_NOT_ACTIVE
        await _assert_executed(w, signal, "anna")

    run_in_virtual_time(tmp_path, story, A, B)


def test_a_cancelled_signal_can_no_longer_be_executed(tmp_path: Path) -> None:
    """The claim itself checks the status, whatever a listener has read before."""

    async def story(w: Simulation) -> None:
        signal = w.make()
        assert await w.services.storage.signals.store(signal)
        assert await w.services.outbound.expirer.cancel(signal.signal_id)
        assert not await w.services.outbound.expirer.cancel(signal.signal_id)
        w.services.outbound.broadcaster.broadcast(signal, [UserId("anna")])
        await w.settle()
        assert await w.execution(signal, "anna") is None
        decision = await w.decision(signal, "anna")
        assert decision is not None
        assert decision.code is DecisionCode.SIGNAL_NOT_ACTIVE

    run_in_virtual_time(tmp_path, story, A)
