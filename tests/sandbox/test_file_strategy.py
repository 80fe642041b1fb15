"""Strategy files run concurrently, and a dead worker is restarted."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from signalbot.domain.timeframe import Ms
from signalbot.sandbox.executors import InlineExecutor
from signalbot.sandbox.file_strategy import FileStrategy, FileStrategyRegistry
from signalbot.sandbox.strategy_runner import WorkerLimits
from signalbot.strategies.base import (
    RemoteStrategy,
    SignalProposal,
    StrategyFailed,
    StrategySuspended,
)
from tests.sandbox.strategy_fixtures import LIMITS, read, tables, write


class HandClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = Ms(0)

    def now_ms(self) -> Ms:
        return self.now

    async def sleep(self, delay_s: float) -> None:
        self.now = Ms(self.now + round(delay_s * 1000))

    async def sleep_until(self, at_ms: Ms) -> None:
        self.now = max(self.now, at_ms)


CRASH = "if candles.main.close[-1] > 1:\n    import os; os._exit(1)\nreturn long('fine')"


async def consider(strategy: FileStrategy, close: float = 1.0) -> SignalProposal | None:
    return await strategy.evaluate("BTC/USDT:USDT", tables(close))


async def with_file(
    tmp_path: Path,
    body: str,
    story: Callable[[FileStrategy, HandClock], Awaitable[None]],
    limits: WorkerLimits = LIMITS,
) -> None:
    clock = HandClock()
    files = FileStrategyRegistry(clock)
    try:
        strategy = await files.open("own", read(write(tmp_path, body), limits=limits))
        await story(strategy, clock)
    finally:
        files.close()


async def test_the_loop_goes_on_while_a_strategy_computes(tmp_path: Path) -> None:
    """Another one answers while the first hangs until its deadline."""
    clock = HandClock()
    files = FileStrategyRegistry(clock)
    slow = await files.open(
        "slow",
        read(write(tmp_path / "a", "while True: pass"), limits=WorkerLimits(deadline_s=1.0)),
    )
    quick = await files.open("quick", read(write(tmp_path / "b", "return long('fine')")))
    try:
        async with asyncio.TaskGroup() as group:
            hanging = group.create_task(_failing(consider(slow)))
            for _ in range(20):
                assert await consider(quick)
            assert not hanging.done()
        assert "did not respond within 1 s" in hanging.result()
    finally:
        files.close()


async def _failing(asked: Awaitable[object]) -> str:
    with pytest.raises(StrategyFailed) as caught:
        await asked
    return str(caught.value)


async def test_the_first_death_costs_nothing_the_next_ones_ever_more(tmp_path: Path) -> None:
    """An answer makes good for all of them."""

    async def story(strategy: FileStrategy, clock: HandClock) -> None:
        for pause_s in (0, 1, 2, 4):
            assert "exit code 1" in await _failing(consider(strategy, 100))
            if pause_s:
                with pytest.raises(StrategySuspended, match="its worker died"):
                    await consider(strategy)
            await clock.sleep(pause_s)
        assert await consider(strategy)
        await _failing(consider(strategy, 100))
        assert await consider(strategy)

    await with_file(tmp_path, CRASH, story)


async def test_a_cancelled_call_ends_the_worker(tmp_path: Path) -> None:
    """The caller was cancelled; the next call gets its own response."""

    async def story(strategy: FileStrategy, _: HandClock) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await consider(strategy, 100)
        assert await consider(strategy)

    hang = "if candles.main.close[-1] > 1:\n    while True: pass\nreturn long('fine')"
    await with_file(tmp_path, hang, story, WorkerLimits(deadline_s=60))


async def test_it_rests_and_wakes(tmp_path: Path) -> None:
    """Without followers it holds no process; a question starts one."""

    async def story(strategy: FileStrategy, _: HandClock) -> None:
        assert isinstance(strategy, RemoteStrategy)
        assert await consider(strategy)
        strategy.suspend()
        assert await consider(strategy)

    await with_file(tmp_path, "return long('fine')", story)


async def test_what_runs_is_what_was_read_until_it_is_opened_again(tmp_path: Path) -> None:
    """A half-saved file is not picked up by a restart of the worker."""
    files = FileStrategyRegistry(HandClock(), thread=InlineExecutor)
    first = await files.open("own", read(write(tmp_path, "return long('first')")))
    path = write(tmp_path, "return long('second')")
    first.suspend()
    before = await consider(first)
    assert before is not None
    assert before.reason == "first"
    second = await files.open("own", read(path))
    after = await consider(second)
    assert after is not None
    assert after.reason == "second"
    files.close()


async def test_an_edit_that_cannot_run_leaves_the_former_one_in_place(tmp_path: Path) -> None:
    """The name still answers."""
    files = FileStrategyRegistry(HandClock())
    first = await files.open("own", read(write(tmp_path, "return long('first')")))
    broken = tmp_path / "broken.py"
    broken.write_text("def broken(:")
    with pytest.raises(StrategyFailed, match="SyntaxError"):
        await files.open("own", read(broken))
    assert await consider(first)
    files.close()
