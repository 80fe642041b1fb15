"""Helpers for tasks: what runs, how many at a time, and what ends them."""

import asyncio

import pytest

from signalbot.domain.timeframe import Ms
from signalbot.replay import virtual_time
from signalbot.tasks import LoopClock, SupervisedTasks, background, for_each


async def test_background_tasks_run_for_the_block_and_end_with_it() -> None:
    """They are cancelled, not awaited."""
    log: list[str] = []

    async def work() -> None:
        log.append("started")
        try:
            await asyncio.Event().wait()
        finally:
            log.append("ended")

    async with background({"work": work}):
        await asyncio.sleep(0)
        assert log == ["started"]
    assert log == ["started", "ended"]


async def test_a_background_task_that_fails_ends_the_block() -> None:
    """Its exception is raised to the owner of the block."""

    async def work() -> None:
        raise ValueError("a bug")

    with pytest.raises(ExceptionGroup) as raised:
        async with background({"work": work}):
            await asyncio.Event().wait()
    assert raised.group_contains(ValueError, match="a bug")


async def test_for_each_takes_items_in_order_and_no_more_than_its_limit_at_once() -> None:
    """Every item is processed exactly once."""
    begun: list[int] = []
    working, most = 0, 0

    async def work(item: int) -> None:
        nonlocal working, most
        begun.append(item)
        working += 1
        most = max(most, working)
        await asyncio.sleep(0)
        working -= 1

    await for_each(range(10), work, limit=3, name="work")
    assert begun == list(range(10))
    assert most == 3


def test_supervised_tasks_are_cancelled_by_the_prefix_of_their_name() -> None:
    """The others go on until all are cancelled."""

    async def main() -> None:
        tasks = SupervisedTasks(LoopClock(Ms(0)))
        forever = asyncio.Event().wait

        async def wait() -> None:
            await forever()

        async with tasks:
            feed, listener = tasks.start("feed", wait), tasks.start("listener anna", wait)
            await asyncio.sleep(1)
            tasks.cancel("feed", "exchange")
            await asyncio.sleep(1)
            assert (feed.cancelled(), listener.done()) == (True, False)
            tasks.cancel_all()
        assert listener.cancelled()

    virtual_time.run_virtual(main())
