"""The day's money is never exceeded, however many calls are under way."""

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.ai.daily_budget import DAY_MS, DailyBudget, DailyBudgetExceeded
from signalbot.domain.timeframe import Ms
from signalbot.tasks import LoopClock

AMOUNTS = st.decimals(min_value=0, max_value=10, places=3)


@given(calls=st.lists(st.tuples(AMOUNTS, st.decimals(min_value=0, max_value=1, places=2))))
def test_what_is_spent_stays_within_the_limit(calls: list[tuple[Decimal, Decimal]]) -> None:
    """A call costs at most what was set aside for it, and what was not there is not spent."""

    async def spend() -> Decimal:
        budget = DailyBudget(Decimal(5), spent=Decimal(0), clock=LoopClock(Ms(DAY_MS * 20_000)))
        for most, share in calls:
            try:
                budget.reserve(most)
            except DailyBudgetExceeded:
                continue
            budget.settle(most, most * share)
        return budget.spent

    assert asyncio.run(spend()) <= 5


async def test_two_calls_at_once_cannot_both_take_the_last_of_it() -> None:
    """The first has it set aside; once it turns out cheaper, the second may go."""
    budget = DailyBudget(Decimal(1), spent=Decimal(0), clock=LoopClock(Ms(DAY_MS * 20_000)))
    budget.reserve(Decimal("0.6"))
    with pytest.raises(DailyBudgetExceeded):
        budget.reserve(Decimal("0.6"))
    budget.settle(Decimal("0.6"), Decimal("0.1"))
    budget.reserve(Decimal("0.6"))
    assert budget.spent == Decimal("0.1")
