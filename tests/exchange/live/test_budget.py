"""No window of an exchange's limits is ever overrun, and what protects goes first."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.capabilities import RateLimit
from signalbot.exchange.live.transport.error_codes import AddressRateLimited
from signalbot.exchange.live.transport.exchange_api import RequestPriority
from signalbot.exchange.live.transport.rate_limiter import RateLimiter
from signalbot.replay import virtual_time
from signalbot.tasks import LoopClock

RATE = RateLimit(cost=20, per_ms=1_000)


def in_virtual_time(story: Coroutine[Any, Any, None]) -> None:
    virtual_time.run_virtual(story)


def budget(*, rates: tuple[RateLimit, ...] = (RATE,), in_flight: int = 64) -> RateLimiter:
    return RateLimiter("x", rates=rates, in_flight=in_flight, clock=LoopClock(Ms(1_000_000)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(RequestPriority),
            st.integers(1, 5),
            st.integers(0, 400),
            st.integers(0, 300),
            st.integers(0, 300),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_no_window_holds_more_than_the_limit(
    asked: list[tuple[RequestPriority, int, int, int, int]],
) -> None:
    """Whatever is asked, at whatever pace, and whenever under way the exchange counts it."""

    async def story() -> None:
        shared, clock = budget(), LoopClock(Ms(0))
        counted: list[tuple[int, int]] = []

        async def ask(
            priority: RequestPriority, cost: int, delay_ms: int, there_ms: int, back_ms: int
        ) -> None:
            await asyncio.sleep(delay_ms / 1000)
            async with shared.slot(priority, cost):
                await asyncio.sleep(there_ms / 1000)
                counted.append((clock.now_ms(), cost))
                await asyncio.sleep(back_ms / 1000)

        async with asyncio.TaskGroup() as group:
            for each in asked:
                group.create_task(ask(*each))
        assert len(counted) == len(asked)
        for at_ms, _ in counted:
            window = [cost for ms, cost in counted if at_ms <= ms < at_ms + RATE.per_ms]
            assert sum(window) <= RATE.cost

    in_virtual_time(story())


SHARES = [
    (RequestPriority.PROTECT, 20),
    (RequestPriority.ENTRY, 18),
    (RequestPriority.SETTLE, 15),
    (RequestPriority.POLL, 12),
    (RequestPriority.RECOVER, 10),
]


@pytest.mark.parametrize(("lane", "most"), SHARES)
def test_a_lane_fills_its_share_and_no_more(lane: RequestPriority, most: int) -> None:
    """At once, and again when the window has passed: nothing of the limit is wasted."""

    async def story() -> None:
        shared, clock = budget(), LoopClock(Ms(0))
        granted: list[int] = []

        async def ask() -> None:
            async with shared.slot(lane):
                granted.append(clock.now_ms())

        async with asyncio.TaskGroup() as group:
            for _ in range(2 * most):
                group.create_task(ask())
        assert granted == [0] * most + [RATE.per_ms] * most

    in_virtual_time(story())


@pytest.mark.parametrize(("lane", "most"), SHARES)
def test_a_lane_has_its_share_under_way_and_no_more(lane: RequestPriority, most: int) -> None:
    """Polls that hang do not keep a stop from going out."""

    async def story() -> None:
        shared, under_way = budget(rates=(), in_flight=20), list[int]()

        async def ask(number: int) -> None:
            async with shared.slot(lane):
                under_way.append(number)
                await asyncio.sleep(5)

        async with asyncio.TaskGroup() as group:
            for number in range(30):
                group.create_task(ask(number))
            await asyncio.sleep(1)
            assert under_way == list(range(most))

    in_virtual_time(story())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([RequestPriority.ENTRY, RequestPriority.SETTLE, RequestPriority.POLL]),
            st.integers(0, 900),
            st.integers(0, 2_000),
        ),
        max_size=80,
    ),
    st.integers(0, 1_500),
    st.sampled_from([(RATE,), ()]),
)
def test_protection_waits_for_nobody(
    others: list[tuple[RequestPriority, int, int]], at_ms: int, rates: tuple[RateLimit, ...]
) -> None:
    """Whatever the other lanes do, the reserve is free: of the limit and of what is under way."""

    async def story() -> None:
        shared, clock = budget(rates=rates, in_flight=20), LoopClock(Ms(0))

        async def ask(priority: RequestPriority, delay_ms: int, takes_ms: int) -> None:
            await asyncio.sleep(delay_ms / 1000)
            async with shared.slot(priority):
                await asyncio.sleep(takes_ms / 1000)

        async with asyncio.TaskGroup() as group:
            for each in others:
                group.create_task(ask(*each))
            await asyncio.sleep(at_ms / 1000)
            async with shared.slot(RequestPriority.PROTECT), shared.slot(RequestPriority.PROTECT):
                assert clock.now_ms() == at_ms

    in_virtual_time(story())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(RequestPriority), st.integers(1, 5), st.integers(0, 800)),
        max_size=50,
    ),
    st.integers(1, 4),
)
def test_nothing_is_lost_when_waiting_ends_early(
    asked: list[tuple[RequestPriority, int, int]], in_flight: int
) -> None:
    """Whoever gives up, waiting or under way: afterwards everything is free again."""

    async def story() -> None:
        shared, clock = budget(in_flight=in_flight), LoopClock(Ms(0))

        async def ask(priority: RequestPriority, cost: int, patience_ms: int) -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_ms / 1000), shared.slot(priority, cost):
                    await asyncio.sleep(0.2)

        async with asyncio.TaskGroup() as group:
            for each in asked:
                group.create_task(ask(*each))
        assert shared.queued == 0
        await asyncio.sleep(RATE.per_ms / 1000)
        assert shared.free_share() == 1.0
        began_ms = clock.now_ms()
        async with AsyncExitStack() as stack:
            for _ in range(in_flight):
                await stack.enter_async_context(shared.slot(RequestPriority.PROTECT))
        assert clock.now_ms() == began_ms

    in_virtual_time(story())


def test_protection_goes_before_everything_that_waits() -> None:
    """Five hundred polls are queued; a stop is placed at once when there is room at all."""

    async def story() -> None:
        shared, order = budget(), list[RequestPriority]()

        async def ask(priority: RequestPriority) -> None:
            async with shared.slot(priority):
                order.append(priority)

        async with asyncio.TaskGroup() as group:
            for _ in range(500):
                group.create_task(ask(RequestPriority.POLL))
            await asyncio.sleep(1.5)
            polled = len(order)
            group.create_task(ask(RequestPriority.PROTECT))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert order[polled:] == [RequestPriority.PROTECT]

    in_virtual_time(story())


def test_a_cancelled_request_leaves_no_trace() -> None:
    """Neither its place in the queue nor its slot."""

    async def story() -> None:
        shared = budget(in_flight=1)
        async with shared.slot(RequestPriority.ENTRY):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1), shared.slot(RequestPriority.ENTRY):
                    pass
            assert shared.queued == 0
        async with asyncio.timeout(0.1), shared.slot(RequestPriority.ENTRY):
            pass

    in_virtual_time(story())


def test_a_turn_that_comes_too_late_is_passed_on() -> None:
    """Given and given up in one moment: the next one has it."""

    async def story() -> None:
        shared = budget(in_flight=1)

        async def ask() -> None:
            async with shared.slot(RequestPriority.ENTRY):
                pass

        async with asyncio.TaskGroup() as group:
            async with shared.slot(RequestPriority.ENTRY):
                task = group.create_task(ask())
                await asyncio.sleep(0)
            task.cancel()
        assert task.cancelled()
        async with asyncio.timeout(0.1), shared.slot(RequestPriority.ENTRY):
            pass

    in_virtual_time(story())


def test_who_gives_up_makes_way() -> None:
    """A large request holds up a small one behind it, but only for as long as it waits."""

    async def story() -> None:
        shared, clock = budget(), LoopClock(Ms(0))
        went: list[int] = []

        async def ask(cost: int, patience_s: float) -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s), shared.slot(RequestPriority.PROTECT, cost):
                    went.append(clock.now_ms())

        async with shared.slot(RequestPriority.PROTECT, 18), asyncio.TaskGroup() as group:
            group.create_task(ask(5, 0.1))
            await asyncio.sleep(0)
            group.create_task(ask(2, 9.0))
        assert went == [100]

    in_virtual_time(story())


def test_a_ban_stops_everybody_until_it_is_over() -> None:
    """Those who wait hear of it too; afterwards it goes on by itself."""

    async def story() -> None:
        shared = budget(in_flight=1)
        refused: list[str] = []

        async def ask() -> None:
            try:
                async with shared.slot(RequestPriority.PROTECT):
                    pass
            except AddressRateLimited as e:
                refused.append(str(e))

        async with shared.slot(RequestPriority.ENTRY), asyncio.TaskGroup() as group:
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


def test_a_last_warning_lasts_twice_as_long() -> None:
    """HTTP 418 means that we went on asking."""

    async def story() -> None:
        shared, clock = budget(), LoopClock(Ms(1_000_000))
        shared.ban(retry_after_s=None, reason="HTTP 418", status=418)
        assert shared.banned_until_ms - clock.now_ms() == 120_000

    in_virtual_time(story())


def test_many_answers_at_once_are_one_offence() -> None:
    """Fifty requests were under way when the limit was hit; the exchange means it once."""

    async def story() -> None:
        shared, clock = budget(), LoopClock(Ms(1_000_000))
        for _ in range(50):
            shared.ban(retry_after_s=None, reason="HTTP 429", status=429)
        assert shared.banned_until_ms - clock.now_ms() == 60_000
        shared.ban(retry_after_s=90, reason="HTTP 429", status=429)
        assert shared.banned_until_ms - clock.now_ms() == 90_000

    in_virtual_time(story())


class SetBack:
    """A clock that somebody sets back by an hour."""

    def __init__(self) -> None:
        self.at_ms = Ms(10_000_000)

    def now_ms(self) -> Ms:
        return self.at_ms

    async def sleep(self, delay_s: float) -> None:
        self.at_ms = Ms(self.at_ms + round(delay_s * 1000))

    async def sleep_until(self, at_ms: Ms) -> None:
        self.at_ms = max(self.at_ms, at_ms)


async def test_a_clock_set_back_holds_nobody_up_for_long() -> None:
    """What was counted before counts for one more window, not for the hour."""
    clock = SetBack()
    shared = RateLimiter("x", rates=(RATE,), clock=clock)
    for _ in range(20):
        async with shared.slot(RequestPriority.PROTECT):
            pass
    clock.at_ms = Ms(clock.at_ms - 3_600_000)
    assert shared.free_share() == 0.0
    await clock.sleep(1)
    assert shared.free_share() == 1.0
