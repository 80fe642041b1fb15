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
from signalbot.sandbox.answer import Description
from signalbot.sandbox.runner import Runner, StrategyFile
from signalbot.sandbox.worker import WorkerDied
from signalbot.strategies.base import Failed, Idea, Resting, Tables

log = structlog.get_logger()

T = TypeVar("T")

_MOST_REST_S = 300


class Thread(Protocol):
    """Where the blocking calls to one worker are made, one after the other."""

    async def call(self, work: Callable[[], T]) -> T: ...

    def post(self, work: Callable[[], None]) -> None: ...

    def close(self) -> None: ...


class OwnThread:
    """A thread for one strategy: the loop goes on meanwhile."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="strategy")

    async def call(self, work: Callable[[], T]) -> T:
        try:
            result = asyncio.get_running_loop().run_in_executor(self._executor, work)
        except RuntimeError as e:  # the system has no thread for it, or it is closed
            raise Failed(f"no thread can be had for it: {e}") from None
        return await result

    def post(self, work: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # closed before
            self._executor.submit(work)

    def close(self) -> None:
        self._executor.shutdown()


class SameThread:
    """The loop's own thread: for replays, whose time stands still meanwhile."""

    async def call(self, work: Callable[[], T]) -> T:
        return work()

    def post(self, work: Callable[[], None]) -> None:
        work()

    def close(self) -> None:
        return


class FileStrategy:
    """One strategy file under its configured name; implements ``RemoteStrategy``.

    A worker that died is started anew for the next candle; one that keeps dying rests in between,
    for ever longer, and its candles are passed over.
    """

    at_once = 1

    def __init__(
        self, name: str, runner: Runner, description: Description, *, thread: Thread, clock: Clock
    ) -> None:
        self.file = runner.file
        self.description = description
        self._name = name
        self._runner = runner
        self._thread = thread
        self._clock = clock
        self._deaths = 0  # in a row
        self._rest_until_ms = EPOCH

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

    async def consider(self, symbol: str, tables: Tables) -> Idea | None:
        left_ms = self._rest_until_ms - self._clock.now_ms()
        if left_ms > 0:
            raise Resting(f"its worker died {self._deaths} times and rests {left_ms / 1000:.0f} s")
        try:
            idea = await self._thread.call(lambda: self._runner.consider(symbol, tables))
        except WorkerDied as e:
            self._count_death()
            raise Failed(str(e)) from None
        except asyncio.CancelledError:
            self._runner.kill()
            raise
        except Failed:
            self._deaths = 0
            raise
        self._deaths = 0
        return idea

    def rest(self) -> None:
        self._thread.post(self._runner.rest)

    def stop(self) -> None:
        """End the worker now; what is asked fails."""
        self._runner.stop()

    def close(self) -> None:
        """Free what is left after ``stop``."""
        self._thread.post(self._runner.rest)
        self._thread.close()

    def _count_death(self) -> None:
        """The first death costs nothing: the next candle starts another worker."""
        self._deaths += 1
        pause_s = 0 if self._deaths == 1 else min(2 ** (self._deaths - 2), _MOST_REST_S)
        self._rest_until_ms = Ms(self._clock.now_ms() + pause_s * 1000)
        if pause_s:
            log.warning("strategy.resting", strategy=self._name, pause_s=pause_s)


class StrategyFiles:
    """The strategy files of one daemon or replay, by configured name."""

    def __init__(self, clock: Clock, *, thread: Callable[[], Thread] = OwnThread) -> None:
        self._clock = clock
        self._thread = thread
        self._open: dict[str, FileStrategy] = {}
        self._all: WeakSet[FileStrategy] = WeakSet()  # replaced ones, too, while anybody has them

    async def open(self, name: str, file: StrategyFile) -> FileStrategy:
        """Start a file and learn what it needs; nothing runs in it until ``keep``.

        Raises:
            BadParameter: a configured parameter does not suit the file.
            Failed: the file cannot be run.
        """

        def say(line: str) -> None:
            log.info("strategy.said", strategy=name, line=line)

        runner, thread = Runner(file, say), self._thread()
        try:
            description = await thread.call(runner.describe)
        except BaseException as e:
            runner.stop()
            thread.close()
            if isinstance(e, WorkerDied):
                raise Failed(str(e)) from None
            raise
        if description.missing:
            log.warning("strategy.uncontained", strategy=name, missing=dict(description.missing))
        opened = FileStrategy(name, runner, description, thread=thread, clock=self._clock)
        self._all.add(opened)
        return opened

    def keep(self, name: str, strategy: FileStrategy) -> None:
        """Have a file under its name; one that had it before goes on until it rests."""
        self._open[name] = strategy

    def discard(self, strategy: FileStrategy) -> None:
        """Close a file that is not to be run after all."""
        self._all.discard(strategy)
        strategy.stop()
        strategy.close()

    def drop(self, name: str) -> None:
        """Close a file; nothing happens when none has the name."""
        strategy = self._open.pop(name, None)
        if strategy is not None:
            self.discard(strategy)

    def close(self) -> None:
        """Close every file."""
        everything = list(self._all)
        for strategy in everything:
            strategy.stop()
        for strategy in everything:
            strategy.close()
