"""Runs each strategy once per candle, whatever the number of its subscribers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from signalbot.domain.errors import Unavailable
from signalbot.domain.market import Candle
from signalbot.domain.timeframe import Ms, Timeframe, drift_ms
from signalbot.domain.users import UserId
from signalbot.ledger.signals import Signals
from signalbot.pipeline.signals.candle_feed import CandleFeed, CandleKey
from signalbot.pipeline.signals.remote_evaluation import RemoteEvaluation, RemoteEvaluator
from signalbot.pipeline.signals.signal_recording import (
    Deployment,
    Emit,
    EvaluationRun,
    SignalRecorder,
)
from signalbot.ports import Clock, Market
from signalbot.strategies.base import CandleWindow, LocalStrategy, RemoteStrategy

__all__ = ["Deployment", "Emit", "Evaluator"]

log = structlog.get_logger()


@dataclass(slots=True)
class _SymbolEvaluation:
    """One deployment on one symbol: its windows, and the candle it is due to run on."""

    deployment: Deployment
    symbol: str
    windows: dict[Timeframe, CandleWindow]
    last_run_ms: Ms | None
    evaluation: LocalStrategy | RemoteEvaluation  #: runs at once, or queued
    due: Candle | None = None

    @property
    def is_warm(self) -> bool:
        return all(window.is_full for window in self.windows.values())

    def is_ready(self, close_ms: Ms) -> bool:
        """Whether every timeframe's window ends with its last candle closed at ``close_ms``."""
        return all(
            window.close_ms == timeframe.floor(close_ms)
            for timeframe, window in self.windows.items()
        )


@dataclass(slots=True)
class _DeployedStrategy:
    deployment: Deployment
    subscribers: set[UserId] = field(default_factory=set)
    evaluations: list[_SymbolEvaluation] = field(default_factory=list)


class Evaluator:
    """Runs deployed strategies that have subscribers."""

    def __init__(
        self,
        *,
        signals: Signals,
        markets: dict[str, Market],
        feed: CandleFeed,
        emit: Emit,
        clock: Clock,
    ) -> None:
        self._signals = signals
        self._markets = markets
        self._feed = feed
        self._clock = clock
        self._signal_recorder = SignalRecorder(
            signals=signals, markets=markets, emit=emit, clock=clock
        )
        self._remote_evaluator = RemoteEvaluator(self._signal_recorder, clock)
        self._deployed: dict[str, _DeployedStrategy] = {}
        self._by_key: dict[CandleKey, list[_SymbolEvaluation]] = {}

    async def run(self) -> None:
        """Run remote strategies until cancelled; local ones run in ``on_candle``."""
        await self._remote_evaluator.run()

    def deploy(self, deployment: Deployment) -> None:
        """Register a strategy; it runs while it has subscribers."""
        self._deployed[deployment.name] = _DeployedStrategy(deployment)

    def suspend_idle(self) -> None:
        """Suspend remote strategies without subscribers, to release their resources."""
        for deployed in self._deployed.values():
            if not deployed.evaluations:
                _suspend(deployed.deployment)

    def subscribers(self, strategy: str) -> int:
        """Return the number of a strategy's active subscribers."""
        return len(self._deployed[strategy].subscribers)

    async def subscribe(self, strategy: str, user_id: UserId) -> None:
        """Add a subscriber; the first one starts the strategy."""
        deployed = self._deployed[strategy]
        is_first = not deployed.subscribers
        deployed.subscribers.add(user_id)
        if is_first:
            await self._start(deployed)

    def unsubscribe(self, strategy: str, user_id: UserId) -> None:
        """Remove a subscriber; the last one stops the strategy."""
        deployed = self._deployed[strategy]
        if user_id not in deployed.subscribers:
            return
        deployed.subscribers.remove(user_id)
        if not deployed.subscribers:
            self._stop(deployed)

    async def on_candle(self, key: CandleKey, candle: Candle, *, is_history: bool) -> None:
        """Append a closed candle and run the strategies that now have all their candles."""
        for symbol_evaluation in self._by_key.get(key, ()):
            window = symbol_evaluation.windows[key.timeframe]
            if window.close_ms is not None and candle.close_ms <= window.close_ms:
                continue  # already part of the fetched history
            window.append(candle)
            if key.timeframe is symbol_evaluation.deployment.strategy.timeframe:
                self._schedule(symbol_evaluation, candle, is_history=is_history)
            due = symbol_evaluation.due
            if due is not None and symbol_evaluation.is_ready(due.close_ms):
                symbol_evaluation.due = None
                await self._evaluate(symbol_evaluation, due)

    async def _start(self, deployed: _DeployedStrategy) -> None:
        deployment, strategy = deployed.deployment, deployed.deployment.strategy
        slots = asyncio.Semaphore(
            strategy.max_concurrent if isinstance(strategy, RemoteStrategy) else 1
        )
        for symbol in deployment.symbols:
            last = await self._signals.last_run(deployment.name, symbol, strategy.timeframe)
            windows = {
                timeframe: CandleWindow(length) for timeframe, length in strategy.warm_up.items()
            }
            evaluation = (
                self._remote_evaluator.open(strategy, slots)
                if isinstance(strategy, RemoteStrategy)
                else strategy
            )
            symbol_evaluation = _SymbolEvaluation(deployment, symbol, windows, last, evaluation)
            deployed.evaluations.append(symbol_evaluation)
            for timeframe, length in sorted(strategy.warm_up.items(), key=lambda item: -item[0].ms):
                key = CandleKey(deployment.exchange, symbol, timeframe)
                await self._backfill(key, windows[timeframe], length)
                self._by_key.setdefault(key, []).append(symbol_evaluation)
                self._feed.watch(key, history=length)
        log.info("strategy.started", strategy=deployment.name, symbols=len(deployment.symbols))

    async def _backfill(self, key: CandleKey, window: CandleWindow, length: int) -> None:
        """Fetch the history of a stream that is already followed and so delivers none.

        If it cannot be fetched without a gap, the window fills with live candles.
        """
        found: Sequence[Candle] = ()
        while (last_ms := self._feed.last_open_ms(key)) is not None:
            if found and found[-1].open_ms >= last_ms:
                break
            end_ms = Ms(last_ms + key.timeframe.ms)
            market = self._markets[key.exchange]
            try:
                found = await market.history(key.symbol, key.timeframe, end_ms=end_ms, limit=length)
            except Unavailable:
                return
            if not found or found[-1].close_ms < end_ms:
                return
        for candle in found:
            window.append(candle)

    def _stop(self, deployed: _DeployedStrategy) -> None:
        for symbol_evaluation in deployed.evaluations:
            if isinstance(symbol_evaluation.evaluation, RemoteEvaluation):
                self._remote_evaluator.close(symbol_evaluation.evaluation)
            for timeframe in symbol_evaluation.windows:
                key = CandleKey(deployed.deployment.exchange, symbol_evaluation.symbol, timeframe)
                others = [each for each in self._by_key[key] if each is not symbol_evaluation]
                self._by_key[key] = others
                if not others:
                    self._feed.unwatch(key)
        deployed.evaluations.clear()
        _suspend(deployed.deployment)
        log.info("strategy.stopped", strategy=deployed.deployment.name)

    def _schedule(
        self, symbol_evaluation: _SymbolEvaluation, candle: Candle, *, is_history: bool
    ) -> None:
        """Make a candle due for a run, unless it had one or is too late to trade on."""
        if symbol_evaluation.due is not None:
            self._skip(
                symbol_evaluation,
                symbol_evaluation.due,
                "candles of another timeframe did not arrive in time",
            )
            symbol_evaluation.due = None
        is_done = (
            symbol_evaluation.last_run_ms is not None
            and candle.close_ms <= symbol_evaluation.last_run_ms
        )
        if is_done or not symbol_evaluation.is_warm:
            return
        late_ms = drift_ms(candle.close_ms, self._clock.now_ms())
        if late_ms < symbol_evaluation.deployment.signal_ttl_ms:
            symbol_evaluation.due = candle
        elif not is_history:
            self._skip(symbol_evaluation, candle, f"candle arrived {late_ms} ms after its close")

    async def _evaluate(self, symbol_evaluation: _SymbolEvaluation, candle: Candle) -> None:
        run = self._run_of(symbol_evaluation, candle)
        if isinstance(symbol_evaluation.evaluation, RemoteEvaluation):
            tables = {
                timeframe: window.table() for timeframe, window in symbol_evaluation.windows.items()
            }
            symbol_evaluation.last_run_ms = candle.close_ms
            self._remote_evaluator.submit(symbol_evaluation.evaluation, run, tables)
            return
        try:
            proposal = symbol_evaluation.evaluation.on_candle(symbol_evaluation.windows)
        except Exception as e:
            log.exception(
                "strategy.failed",
                strategy=symbol_evaluation.deployment.name,
                symbol=symbol_evaluation.symbol,
            )
            self._signal_recorder.record_failure(run, f"{type(e).__name__}: {e}")
            return
        symbol_evaluation.last_run_ms = candle.close_ms
        await self._signal_recorder.record_result(run, proposal)

    def _skip(self, symbol_evaluation: _SymbolEvaluation, candle: Candle, why: str) -> None:
        self._signal_recorder.record_skip(self._run_of(symbol_evaluation, candle), why)

    def _run_of(self, symbol_evaluation: _SymbolEvaluation, candle: Candle) -> EvaluationRun:
        return EvaluationRun(
            deployment=symbol_evaluation.deployment,
            symbol=symbol_evaluation.symbol,
            candle=candle,
            started_ms=self._clock.now_ms(),
            subscribers=len(self._deployed[symbol_evaluation.deployment.name].subscribers),
        )


def _suspend(deployment: Deployment) -> None:
    if isinstance(deployment.strategy, RemoteStrategy):
        deployment.strategy.suspend()
