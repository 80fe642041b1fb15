"""What responses of every exchange mean, case by case."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from signalbot.tasks import SystemClock
from tests.exchange.live.cases import LINES, LOOKUPS, ORDERS, Answers, LookupCase, OrderCase
from tests.exchange.live.loopback_exchange import LoopbackConnection, loopback_to


@asynccontextmanager
async def _line(name: str, answers: Answers) -> AsyncIterator[LoopbackConnection]:
    kind = LINES[name]
    async with loopback_to(kind.adapter(), kind.market, secret="c2VjcmV0") as line:
        for path, answer in {**kind.answers, **answers}.items():
            body, status = answer if isinstance(answer, tuple) else (answer, 200)
            line.answer(path, body, status=status)
        yield line


@pytest.mark.parametrize(
    "case", LOOKUPS, ids=lambda case: f"{case.line} {case.error.__name__ if case.error else 'no'}"
)
async def test_an_order_is_absent_only_if_the_exchange_says_so(case: LookupCase) -> None:
    """A failed exchange or a revoked key raises, and proves nothing."""
    async with _line(case.line, case.answers) as line:
        for request in case.requests:
            sent = replace(request, intended_at_ms=SystemClock().now_ms())
            if case.error is None:
                assert await line.report(sent) is None
            else:
                with pytest.raises(case.error):
                    await line.report(sent)


@pytest.mark.parametrize("case", ORDERS, ids=lambda case: f"{case.line} {case.code}")
async def test_an_error_of_an_order_has_the_meaning_of_its_code(case: OrderCase) -> None:
    """A code that is not listed is no rejection."""
    async with _line(case.line, case.answers) as line:
        with pytest.raises(case.error) as caught:
            await line.send(case.request)
    assert getattr(caught.value, "rejection_reason", None) is case.reason
