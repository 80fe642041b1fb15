"""No window of an exchange's limits is ever overrun, and what protects goes first."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.budget import Budget
from signalbot.exchange.live.capability import Rate
from signalbot.exchange.live.codes import Limited
from signalbot.exchange.live.lanes import Lane
from signalbot.replay import virtual_time
from signalbot.tasks import LoopClock

RATE = Rate(cost=20, per_ms=1_000)


def in_virtual_time(story: Coroutine[Any, Any, None]) -> None:
    virtual_time.run(story)


def budget(*, rates: tuple[Rate, ...] = (RATE,), in_flight: int = 64) -> Budget:
    return Budget("x", rates=rates, in_flight=in_flight, clock=LoopClock(Ms(1_000_000)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(Lane), st.integers(1, 5), st.integers(0, 400)),
        min_size=1,
        max_size=60,
    )
)
def test_no_window_holds_more_than_the_limit(asked: list[tuple[Lane, int, int]]) -> None:
    """Whatever is asked, in whatever order and at whatever pace."""

    async def story() -> None:
        shared, clock = budget(), LoopClock(Ms(0))
        granted: list[tuple[int, int]] = []

        async def ask(lane: Lane, cost: int, delay_ms: int) -> None:
            await asyncio.sleep(delay_ms / 1000)
            async with shared.slot(lane, cost):
                granted.append((clock.now_ms(), cost))

        async with asyncio.TaskGroup() as group:
            for each in asked:
                group.create_task(ask(*each))
        assert len(granted) == len(asked)
        for at_ms, _ in granted:
            window = [cost for ms, cost in granted if at_ms <= ms < at_ms + RATE.per_ms]
            assert sum(window) <= RATE.cost

    in_virtual_time(story())


def test_protection_goes_before_everything_that_waits() -> None:
    """Five hundred polls are queued; a stop is placed at once when there is room at all."""

    async def story() -> None:
        shared, order = budget(), list[Lane]()

        async def ask(lane: Lane) -> None:
            async with shared.slot(lane):
                order.append(lane)

        async with asyncio.TaskGroup() as group:
            for _ in range(500):
                group.create_task(ask(Lane.POLL))
            await asyncio.sleep(1)
            polled = len(order)
            group.create_task(ask(Lane.PROTECT))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert order[polled:] == [Lane.PROTECT]

    in_virtual_time(story())


def test_a_cancelled_request_leaves_no_trace() -> None:
    """Neither its place in the queue nor its slot."""

    async def story() -> None:
        shared = budget(in_flight=1)
        async with shared.slot(Lane.ENTRY):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1), shared.slot(Lane.ENTRY):
                    pass
            assert shared.queued == 0
        async with asyncio.timeout(0.1), shared.slot(Lane.ENTRY):
            pass

    in_virtual_time(story())


def test_a_ban_stops_everybody_until_it_is_over() -> None:
    """Those who wait hear of it too; afterwards it goes on by itself."""

    async def story() -> None:
        shared = budget(in_flight=1)
        refused: list[str] = []

        async def ask() -> None:
            try:
                async with shared.slot(Lane.PROTECT):
                    pass
            except Limited as e:
                refused.append(str(e))

        async with shared.slot(Lane.ENTRY), asyncio.TaskGroup() as group:
            group.create_task(ask())
            await asyncio.sleep(0.1)
            shared.ban(retry_after_s=7, reason="HTTP 429")
        await ask()
        assert len(refused) == 2
        assert all("7 s more: HTTP 429" in each for each in refused)
        await asyncio.sleep(7)
        await ask()
        assert len(refused) == 2

    in_virtual_time(story())


def test_without_a_term_bans_grow() -> None:
    """One, two, four minutes: an exchange that repeats itself means it."""

    async def story() -> None:
        shared, lengths = budget(), list[int]()
        clock = LoopClock(Ms(1_000_000))
        for _ in range(3):
            shared.ban(retry_after_s=None, reason="HTTP 418")
            left_ms = shared.banned_until_ms - clock.now_ms()
            lengths.append(round(left_ms / 60_000))
            await asyncio.sleep(left_ms / 1000)
        assert lengths == [1, 2, 4]

    in_virtual_time(story())
