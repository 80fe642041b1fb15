"""Strategy files as strategies that answer later, each in a worker process of its own."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol, TypeVar
from weakref import WeakSet

import structlog

from signalbot.domain.timeframe import EPOCH, Ms, Timeframe
from signalbot.ports import Clock
from signalbot.sandbox.response_parser import StrategyDescription
from signalbot.sandbox.strategy_runner import StrategyFile, StrategyRunner
from signalbot.sandbox.worker import WorkerDied
from signalbot.strategies.base import SignalProposal, StrategyFailed, StrategySuspended, Tables

log = structlog.get_logger()

T = TypeVar("T")

_MAX_SUSPENSION_S = 300


class WorkerThread(Protocol):
    """Where the blocking calls to one worker are made, one after the other."""

    async def call(self, work: Callable[[], T]) -> T: ...

    def submit(self, work: Callable[[], None]) -> None: ...

    def close(self) -> None: ...


class ThreadExecutor:
    """A thread for one strategy: the loop goes on meanwhile."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="strategy")

    async def call(self, work: Callable[[], T]) -> T:
        try:
            result = asyncio.get_running_loop().run_in_executor(self._executor, work)
        except RuntimeError as e:  # the system has no thread for it, or it is closed
            raise StrategyFailed(f"no thread can be had for it: {e}") from None
        return await result

    def submit(self, work: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # closed before
            self._executor.submit(work)

    def close(self) -> None:
        self._executor.shutdown()


class InlineExecutor:
    """The loop's own thread: for replays, whose time stands still meanwhile."""

    async def call(self, work: Callable[[], T]) -> T:
        return work()

    def submit(self, work: Callable[[], None]) -> None:
        work()

    def close(self) -> None:
        return


class FileStrategy:
    """One strategy file under its configured name; implements ``RemoteStrategy``.

    A worker that died is started anew for the next candle; one that keeps dying rests in between,
    for ever longer, and its candles are passed over.
    """

    max_concurrent = 1

    def __init__(
        self,
        name: str,
        runner: StrategyRunner,
        description: StrategyDescription,
        *,
        thread: WorkerThread,
        clock: Clock,
    ) -> None:
        self.file = runner.file
        self.description = description
        self._name = name
        self._runner = runner
        self._thread = thread
        self._clock = clock
        self._deaths = 0  # in a row
        self._suspended_until_ms = EPOCH

    @property
    def timeframe(self) -> Timeframe:
        return self.file.timeframe

    @property
    def warm_up(self) -> Mapping[Timeframe, int]:
        return self.description.warm_up

    @property
    def pid(self) -> int | None:
        """Its worker's process, while there is one."""
        return self._runner.pid

    async def evaluate(self, symbol: str, tables: Tables) -> SignalProposal | None:
        remaining_ms = self._suspended_until_ms - self._clock.now_ms()
        if remaining_ms > 0:
            raise StrategySuspended(
                f"its worker died {self._deaths} times and rests {remaining_ms / 1000:.0f} s"
            )
        try:
            proposal = await self._thread.call(lambda: self._runner.evaluate(symbol, tables))
        except WorkerDied as e:
            self._count_death()
            raise StrategyFailed(str(e)) from None
        except asyncio.CancelledError:
            self._runner.kill()
            raise
        except StrategyFailed:
            self._deaths = 0
            raise
        self._deaths = 0
        return proposal

    def suspend(self) -> None:
        self._thread.submit(self._runner.suspend)

    def stop(self) -> None:
        """End the worker now; what is asked fails."""
        self._runner.stop()

    def close(self) -> None:
        """Free what is left after ``stop``."""
        self._thread.submit(self._runner.suspend)
        self._thread.close()

    def _count_death(self) -> None:
        """The first death costs nothing: the next candle starts another worker."""
        self._deaths += 1
        pause_s = 0 if self._deaths == 1 else min(2 ** (self._deaths - 2), _MAX_SUSPENSION_S)
        self._suspended_until_ms = Ms(self._clock.now_ms() + pause_s * 1000)
        if pause_s:
            log.warning("strategy.suspended", strategy=self._name, pause_s=pause_s)


class FileStrategyRegistry:
    """The strategy files of one daemon or replay, by configured name."""

    def __init__(
        self, clock: Clock, *, thread: Callable[[], WorkerThread] = ThreadExecutor
    ) -> None:
        self._clock = clock
        self._thread = thread
        self._by_name: dict[str, FileStrategy] = {}
        self._all: WeakSet[FileStrategy] = WeakSet()  # replaced ones, too, while anybody has them

    async def open(self, name: str, file: StrategyFile) -> FileStrategy:
        """Start a file and learn what it needs; nothing runs in it until ``keep``.

        Raises:
            BadParameter: a configured parameter does not suit the file.
            Failed: the file cannot be run.
        """

        def say(line: str) -> None:
            log.info("strategy.output_printed", strategy=name, line=line)

        runner, thread = StrategyRunner(file, say), self._thread()
        try:
            description = await thread.call(runner.describe)
        except BaseException as e:
            runner.stop()
            thread.close()
            if isinstance(e, WorkerDied):
                raise StrategyFailed(str(e)) from None
            raise
        if description.missing:
            log.warning(
                "strategy.isolation_partial", strategy=name, missing=dict(description.missing)
            )
        opened = FileStrategy(name, runner, description, thread=thread, clock=self._clock)
        self._all.add(opened)
        return opened

    def keep(self, name: str, strategy: FileStrategy) -> None:
        """Have a file under its name; one that had it before goes on until it rests."""
        self._by_name[name] = strategy

    def discard(self, strategy: FileStrategy) -> None:
        """Close a file that is not to be run after all."""
        self._all.discard(strategy)
        strategy.stop()
        strategy.close()

    def unregister(self, name: str) -> None:
        """Close a file; nothing happens when none has the name."""
        strategy = self._by_name.pop(name, None)
        if strategy is not None:
            self.discard(strategy)

    def close(self) -> None:
        """Close every file."""
        everything = list(self._all)
        for strategy in everything:
            strategy.stop()
        for strategy in everything:
            strategy.close()
