"""Asks strategies that answer later; nobody else waits for their answers.

Every strategy and symbol has a queue of its own, so candles are considered in order and one by
one, and a strategy that hangs delays nothing but itself.
"""

import asyncio
from dataclasses import dataclass, field, replace

import structlog

from signalbot.domain.timeframe import drift_ms
from signalbot.pipeline.signals.signal_recording import EvaluationRun, SignalRecorder
from signalbot.ports import Clock
from signalbot.strategies.base import RemoteStrategy, StrategyFailed, StrategySuspended, Tables

log = structlog.get_logger()

_MAX_QUEUED = 16  # candles of one symbol; beyond it the oldest is passed over


@dataclass(slots=True)
class RemoteEvaluation:
    """The candles that one strategy is asked about on one symbol."""

    strategy: RemoteStrategy
    slots: asyncio.Semaphore  #: shared by the symbols of the strategy
    queue: asyncio.Queue[tuple[EvaluationRun, Tables]] = field(default_factory=asyncio.Queue)
    task: asyncio.Task[None] | None = None


class RemoteEvaluator:
    def __init__(self, signal_recorder: SignalRecorder, clock: Clock) -> None:
        self._signal_recorder = signal_recorder
        self._clock = clock
        self._group: asyncio.TaskGroup | None = None
        self._open: list[RemoteEvaluation] = []

    async def run(self) -> None:
        """Follow every consultation, those opened later included, until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for consultation in self._open:
                self._start(consultation)
            await asyncio.Event().wait()

    def open(self, strategy: RemoteStrategy, slots: asyncio.Semaphore) -> RemoteEvaluation:
        """Begin to ask ``strategy`` about one more symbol."""
        consultation = RemoteEvaluation(strategy, slots)
        self._open.append(consultation)
        self._start(consultation)
        return consultation

    def close(self, consultation: RemoteEvaluation) -> None:
        """Ask no more; an answer still out is not waited for."""
        self._open.remove(consultation)
        if consultation.task is not None:
            consultation.task.cancel()

    def submit(self, consultation: RemoteEvaluation, run: EvaluationRun, tables: Tables) -> None:
        """Have the strategy look at a candle when its turn comes."""
        if consultation.queue.qsize() >= _MAX_QUEUED:
            oldest, _ = consultation.queue.get_nowait()
            self._signal_recorder.record_skip(
                oldest, f"{_MAX_QUEUED} later candles wait for the strategy"
            )
        consultation.queue.put_nowait((run, tables))

    def _start(self, consultation: RemoteEvaluation) -> None:
        if self._group is not None:
            consultation.task = self._group.create_task(
                self._process_queue(consultation), name="consultation"
            )

    async def _process_queue(self, consultation: RemoteEvaluation) -> None:
        while True:
            run, tables = await consultation.queue.get()
            async with consultation.slots:
                await self._evaluate(consultation.strategy, run, tables)

    async def _evaluate(self, strategy: RemoteStrategy, run: EvaluationRun, tables: Tables) -> None:
        now_ms = self._clock.now_ms()
        fields = {"strategy": run.deployment.name, "symbol": run.symbol}
        late_ms = drift_ms(run.candle.close_ms, now_ms)
        run = replace(run, started_ms=now_ms)
        if late_ms >= run.deployment.signal_ttl_ms:
            self._signal_recorder.record_skip(
                run, f"its turn came {late_ms} ms after the candle's close"
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
