"""Evaluates strategies that respond asynchronously, without delaying other strategies.

Every strategy and symbol has a queue, so candles are evaluated in order and one at a time, and a
strategy that hangs delays only itself.
"""

import asyncio
from dataclasses import dataclass, field, replace

import structlog

from signalbot.domain.timeframe import drift_ms
from signalbot.pipeline.signals.signal_recording import EvaluationRun, SignalRecorder
from signalbot.ports import Clock
from signalbot.strategies.base import RemoteStrategy, StrategyFailed, StrategySuspended, Tables

log = structlog.get_logger()

_MAX_QUEUED = 16  # candles of one symbol; beyond that the oldest is skipped


@dataclass(slots=True)
class RemoteEvaluation:
    """The queue of candles of one strategy on one symbol."""

    strategy: RemoteStrategy
    slots: asyncio.Semaphore  #: shared by the symbols of the strategy
    queue: asyncio.Queue[tuple[EvaluationRun, Tables]] = field(default_factory=asyncio.Queue)
    task: asyncio.Task[None] | None = None


class RemoteEvaluator:
    """Runs the evaluation queues of remote strategies."""

    def __init__(self, signal_recorder: SignalRecorder, clock: Clock) -> None:
        self._signal_recorder = signal_recorder
        self._clock = clock
        self._group: asyncio.TaskGroup | None = None
        self._open: list[RemoteEvaluation] = []

    async def run(self) -> None:
        """Process every queue, including those opened later, until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for evaluation in self._open:
                self._start(evaluation)
            await asyncio.Event().wait()

    def open(self, strategy: RemoteStrategy, slots: asyncio.Semaphore) -> RemoteEvaluation:
        """Open the queue of ``strategy`` for one more symbol."""
        evaluation = RemoteEvaluation(strategy, slots)
        self._open.append(evaluation)
        self._start(evaluation)
        return evaluation

    def close(self, evaluation: RemoteEvaluation) -> None:
        """Stop processing a queue; a pending response is discarded."""
        self._open.remove(evaluation)
        if evaluation.task is not None:
            evaluation.task.cancel()

    def submit(self, evaluation: RemoteEvaluation, run: EvaluationRun, tables: Tables) -> None:
        """Queue a candle for evaluation."""
        if evaluation.queue.qsize() >= _MAX_QUEUED:
            oldest, _ = evaluation.queue.get_nowait()
            self._signal_recorder.record_skip(
                oldest, f"{_MAX_QUEUED} later candles wait for the strategy"
            )
        evaluation.queue.put_nowait((run, tables))

    def _start(self, evaluation: RemoteEvaluation) -> None:
        if self._group is not None:
            evaluation.task = self._group.create_task(
                self._process_queue(evaluation), name="evaluation"
            )

    async def _process_queue(self, evaluation: RemoteEvaluation) -> None:
        while True:
            run, tables = await evaluation.queue.get()
            async with evaluation.slots:
                await self._evaluate(evaluation.strategy, run, tables)

    async def _evaluate(self, strategy: RemoteStrategy, run: EvaluationRun, tables: Tables) -> None:
        now_ms = self._clock.now_ms()
        fields = {"strategy": run.deployment.name, "symbol": run.symbol}
        late_ms = drift_ms(run.candle.close_ms, now_ms)
        run = replace(run, started_ms=now_ms)
        if late_ms >= run.deployment.signal_ttl_ms:
            self._signal_recorder.record_skip(
                run, f"evaluation would start {late_ms} ms after the candle's close"
            )
            return
        try:
            proposal = await strategy.evaluate(run.symbol, tables)
        except StrategySuspended as e:
            self._signal_recorder.record_skip(run, str(e))
        except StrategyFailed as e:
            log.error("strategy.failed", **fields, error=str(e))
            self._signal_recorder.record_failure(run, str(e))
        except Exception as e:
            log.exception("strategy.failed", **fields)
            self._signal_recorder.record_failure(run, f"{type(e).__name__}: {e}")
        else:
            await self._signal_recorder.record_result(run, proposal)
