"""The outcome of a claim: settled once, never rewritten, and counted by status."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.executions import Execution, ExecutionStatus, SignalStatistics
from signalbot.domain.failure_codes import FailureCode
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from tests.domain.samples import ANNA, NOW
from tests.ledger.ledger_fixtures import BEN, Ledger, approved, intent, ledger, pending, signal

KEY = (signal().signal_id, ANNA)
EXECUTED = replace(
    pending(signal()),
    status=ExecutionStatus.EXECUTED,
    executed_at_ms=Ms(NOW + 40),
    actual_entry_price=Decimal("100.50"),
    quantity=Decimal(10),
    order_id="77",
    slippage_bps=Decimal("50.00"),
    latency_ms=40,
)
PARTIAL = replace(
    EXECUTED,
    status=ExecutionStatus.PARTIAL,
    quantity=Decimal(4),
    failure_reason=FailureCode.PARTIAL_FILL,
)
Mark = Callable[[Ledger], Awaitable[None]]


async def _execute(books: Ledger) -> None:
    await books.executions.mark_executed(EXECUTED)


async def _fill_in_part(books: Ledger) -> None:
    await books.executions.mark_executed(PARTIAL)


async def _fail(books: Ledger) -> None:
    await books.executions.mark_failed(
        *KEY, reason=FailureCode.REJECTED, details="no", now_ms=Ms(NOW + 9)
    )


async def _unknown(books: Ledger) -> None:
    await books.executions.mark_unknown(*KEY, details="no answer")


async def _claimed(books: Ledger, user_id: UserId = ANNA) -> None:
    await books.signals.store(signal())
    await books.executions.claim(
        pending(signal(), user_id), approved(signal(), user_id), [intent(signal(), user_id)]
    )


async def _found(books: Ledger) -> Execution:
    found = await books.executions.execution(*KEY)
    assert found is not None
    return found


async def test_an_execution_keeps_what_it_came_to(tmp_path: Path) -> None:
    """Price, quantity, order, slippage and latency."""
    async with ledger(tmp_path) as books:
        await _claimed(books)
        await _execute(books)
        assert await _found(books) == EXECUTED
        assert await books.executions.unresolved_executions(ANNA) == []


async def test_a_failed_execution_has_a_reason(tmp_path: Path) -> None:
    """When, with a code, and with the exchange's own words."""
    async with ledger(tmp_path) as books:
        await _claimed(books)
        await _fail(books)
        assert await _found(books) == replace(
            pending(signal()),
            status=ExecutionStatus.FAILED,
            failed_at_ms=Ms(NOW + 9),
            failure_reason=FailureCode.REJECTED,
            error_details="no",
        )


@pytest.mark.parametrize("mark", [_execute, _fill_in_part, _fail])
async def test_an_unknown_outcome_can_be_settled_in_any_way(tmp_path: Path, mark: Mark) -> None:
    """Looked up, it was filled, filled in part, or never arrived."""
    async with ledger(tmp_path) as books:
        await _claimed(books)
        await _unknown(books)
        assert (await _found(books)).status is ExecutionStatus.UNKNOWN
        assert len(await books.executions.unresolved_executions(ANNA)) == 1
        await mark(books)
        assert (await _found(books)).status.is_settled


@pytest.mark.parametrize("settle", [_execute, _fail])
@pytest.mark.parametrize("mark", [_execute, _fill_in_part, _fail, _unknown])
async def test_what_is_settled_is_never_overwritten(
    tmp_path: Path, settle: Mark, mark: Mark
) -> None:
    """A late answer, a repeated event, a look-up after a restart: all change nothing."""
    async with ledger(tmp_path) as books:
        await _claimed(books)
        await settle(books)
        before = await _found(books)
        await mark(books)
        assert await _found(books) == before


@pytest.mark.parametrize("mark", [_fail, _unknown])
async def test_what_filled_in_part_can_only_fill_further(tmp_path: Path, mark: Mark) -> None:
    """A resting order may be completed; it can no longer come to nothing."""
    async with ledger(tmp_path) as books:
        await _claimed(books)
        await _fill_in_part(books)
        await mark(books)
        assert await _found(books) == PARTIAL
        await _execute(books)
        assert await _found(books) == EXECUTED


async def test_marking_one_users_execution_leaves_the_others_alone(tmp_path: Path) -> None:
    """Same signal, another user."""
    async with ledger(tmp_path) as books:
        await _claimed(books)
        await _claimed(books, BEN)
        await _fail(books)
        other = await books.executions.execution(signal().signal_id, BEN)
        assert other == pending(signal(), BEN)


async def test_an_unclaimed_execution_cannot_be_marked(tmp_path: Path) -> None:
    """No row appears out of nothing."""
    async with ledger(tmp_path) as books:
        await books.signals.store(signal())
        for mark in (_execute, _fail, _unknown):
            await mark(books)
        assert await books.executions.execution(*KEY) is None
        assert await books.executions.executions(signal().signal_id) == []


async def test_statistics_count_and_average_by_status(tmp_path: Path) -> None:
    """Two executed, one in part, one failed, one pending; refusals stand beside them."""
    users = [UserId(name) for name in ("anna", "ben", "cleo", "dora", "emil")]
    outcomes = [
        EXECUTED,
        replace(EXECUTED, slippage_bps=Decimal("-10.01"), latency_ms=45),
        replace(PARTIAL, slippage_bps=None, latency_ms=7),
    ]
    async with ledger(tmp_path, users) as books:
        for each in users:
            await _claimed(books, each)
        for each, outcome in zip(users, outcomes, strict=False):
            await books.executions.mark_executed(replace(outcome, user_id=each))
        await books.executions.mark_failed(
            signal().signal_id, users[3], reason=FailureCode.REJECTED, details="", now_ms=NOW
        )
        assert await books.executions.statistics(signal().signal_id) == SignalStatistics(
            signal_id=signal().signal_id,
            executions=5,
            by_status={"executed": 2, "partial": 1, "failed": 1, "pending": 1},
            average_slippage_bps={"executed": Decimal("20.00")},  # 19.995, to the even hundredth
            average_latency_ms={"executed": Decimal("42.5"), "partial": Decimal("7.0")},
            decisions_by_code={"APPROVED": 5},
        )


async def test_statistics_of_an_untouched_signal_are_empty(tmp_path: Path) -> None:
    """Without executions, no division by zero."""
    async with ledger(tmp_path) as books:
        await books.signals.store(signal())
        statistics = await books.executions.statistics(signal().signal_id)
        assert statistics == SignalStatistics(signal_id=signal().signal_id, executions=0)


async def test_executions_of_a_signal_come_in_the_order_they_were_claimed(tmp_path: Path) -> None:
    """And by name where two were claimed at the same instant."""
    users = [UserId(name) for name in ("zoe", "anna", "ben")]
    async with ledger(tmp_path, users) as books:
        await books.signals.store(signal())
        for each, at_ms in zip(users, (NOW + 1, NOW + 2, NOW + 2), strict=True):
            await books.executions.claim(
                pending(signal(), each, at_ms=at_ms), approved(signal(), each), []
            )
        found = await books.executions.executions(signal().signal_id)
        assert [each.user_id for each in found] == ["zoe", "anna", "ben"]
