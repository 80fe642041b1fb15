"""Strategy files as remote strategies, each with its own worker process."""

import asyncio
from collections.abc import Callable, Mapping
from weakref import WeakSet

import structlog

from signalbot.domain.timeframe import EPOCH, Ms, Timeframe
from signalbot.ports import Clock
from signalbot.sandbox.executors import ThreadExecutor, WorkerThread
from signalbot.sandbox.response_parser import StrategyDescription
from signalbot.sandbox.strategy_runner import StrategyFile, StrategyRunner
from signalbot.sandbox.worker import WorkerDied
from signalbot.settings.strategy import StrategySettings
from signalbot.strategies.base import SignalProposal, StrategyFailed, StrategySuspended, Tables

log = structlog.get_logger()

_MAX_SUSPENSION_S = 300


class FileStrategy:
    """One strategy file under its configured name; implements ``RemoteStrategy``.

    A worker that died is restarted for the next candle; after repeated deaths it is suspended for
    exponentially longer, and its candles are skipped.
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
        """Process id of its worker, if one is running."""
        return self._runner.pid

    async def evaluate(self, symbol: str, tables: Tables) -> SignalProposal | None:
        remaining_ms = self._suspended_until_ms - self._clock.now_ms()
        if remaining_ms > 0:
            raise StrategySuspended(
                f"its worker died {self._deaths} times; it restarts in {remaining_ms / 1000:.0f} s"
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
        """Kill the worker; a pending call fails."""
        self._runner.stop()

    def close(self) -> None:
        """Release the thread after ``stop``."""
        self._thread.submit(self._runner.suspend)
        self._thread.close()

    def _count_death(self) -> None:
        """Suspend the strategy after repeated deaths; the first has no delay."""
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
        self._all: WeakSet[FileStrategy] = WeakSet()  # including replaced ones still in use

    async def open(self, name: str, file: StrategyFile) -> FileStrategy:
        """Start a worker with the file and read its description; ``keep`` registers it.

        Raises:
            BadParameter: a configured parameter is invalid.
            StrategyFailed: the file cannot run.
        """

        def log_line(line: str) -> None:
            log.info("strategy.output_printed", strategy=name, line=line)

        runner, thread = StrategyRunner(file, log_line), self._thread()
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

    async def open_configured(self, settings: StrategySettings) -> FileStrategy:
        """Open the file of a strategy of kind "file"; see ``open``."""
        return await self.open(settings.name, StrategyFile.configured(settings))

    def keep(self, name: str, strategy: FileStrategy) -> None:
        """Register a file under its name; a replaced one runs until it is suspended."""
        self._by_name[name] = strategy

    def discard(self, strategy: FileStrategy) -> None:
        """Close a file that is not used."""
        self._all.discard(strategy)
        strategy.stop()
        strategy.close()

    def unregister(self, name: str) -> None:
        """Close the file of this name, if there is one."""
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
