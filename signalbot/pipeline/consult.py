"""Asks strategies that answer later; nobody else waits for their answers.

Every strategy and symbol has a queue of its own, so candles are considered in order and one by
one, and a strategy that hangs delays nothing but itself.
"""

import asyncio
from dataclasses import dataclass, field, replace

import structlog

from signalbot.domain.timeframe import drift_ms
from signalbot.pipeline.conclude import Concluder, Run
from signalbot.ports import Clock
from signalbot.strategies.base import Failed, RemoteStrategy, Resting, Tables

log = structlog.get_logger()

_MOST_WAITING = 16  # candles of one symbol; beyond it the oldest is passed over


@dataclass(slots=True)
class Consultation:
    """The candles that one strategy is asked about on one symbol."""

    strategy: RemoteStrategy
    turns: asyncio.Semaphore  #: shared by the symbols of the strategy
    waiting: asyncio.Queue[tuple[Run, Tables]] = field(default_factory=asyncio.Queue)
    task: asyncio.Task[None] | None = None


class Consultant:
    def __init__(self, concluder: Concluder, clock: Clock) -> None:
        self._concluder = concluder
        self._clock = clock
        self._group: asyncio.TaskGroup | None = None
        self._open: list[Consultation] = []

    async def run(self) -> None:
        """Follow every consultation, those opened later included, until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for consultation in self._open:
                self._start(consultation)
            await asyncio.Event().wait()

    def open(self, strategy: RemoteStrategy, turns: asyncio.Semaphore) -> Consultation:
        """Begin to ask ``strategy`` about one more symbol."""
        consultation = Consultation(strategy, turns)
        self._open.append(consultation)
        self._start(consultation)
        return consultation

    def close(self, consultation: Consultation) -> None:
        """Ask no more; an answer still out is not waited for."""
        self._open.remove(consultation)
        if consultation.task is not None:
            consultation.task.cancel()

    def ask(self, consultation: Consultation, run: Run, tables: Tables) -> None:
        """Have the strategy look at a candle when its turn comes."""
        if consultation.waiting.qsize() >= _MOST_WAITING:
            oldest, _ = consultation.waiting.get_nowait()
            self._concluder.skip(oldest, f"{_MOST_WAITING} later candles wait for the strategy")
        consultation.waiting.put_nowait((run, tables))

    def _start(self, consultation: Consultation) -> None:
        if self._group is not None:
            consultation.task = self._group.create_task(
                self._follow(consultation), name="consultation"
            )

    async def _follow(self, consultation: Consultation) -> None:
        while True:
            run, tables = await consultation.waiting.get()
            async with consultation.turns:
                await self._consider(consultation.strategy, run, tables)

    async def _consider(self, strategy: RemoteStrategy, run: Run, tables: Tables) -> None:
        now_ms = self._clock.now_ms()
        whose = {"strategy": run.deployment.name, "symbol": run.symbol}
        late_ms = drift_ms(run.candle.close_ms, now_ms)
        run = replace(run, started_ms=now_ms)
        if late_ms >= run.deployment.signal_ttl_ms:
            self._concluder.skip(run, f"its turn came {late_ms} ms after the candle's close")
            return
        try:
            idea = await strategy.consider(run.symbol, tables)
        except Resting as e:
            self._concluder.skip(run, str(e))
        except Failed as e:
            log.error("strategy.failed", **whose, error=str(e))
            self._concluder.fail(run, str(e))
        except Exception as e:
            log.exception("strategy.failed", **whose)
            self._concluder.fail(run, f"{type(e).__name__}: {e}")
        else:
            await self._concluder.conclude(run, idea)
