"""Records strategy runs, and turns a strategy's proposal into a stored signal."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import structlog

from signalbot.domain.market import Candle
from signalbot.domain.money import trimmed
from signalbot.domain.signals import Signal, SignalSource, signal_id_of_candle
from signalbot.domain.timeframe import Ms, drift_ms
from signalbot.ledger.signals import RunOutcome, Signals, StrategyRun
from signalbot.ports import Clock, Market
from signalbot.strategies.base import LocalStrategy, RemoteStrategy, SignalProposal

log = structlog.get_logger()

Emit = Callable[[Signal], Awaitable[None]]
"""Emits a signal that has just been stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A configured strategy: its exchange, symbols and the lifetime of its signals."""

    name: str
    strategy: LocalStrategy | RemoteStrategy
    exchange: str
    symbols: tuple[str, ...]
    signal_ttl_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRun:
    """One run of a strategy on one candle."""

    deployment: Deployment
    symbol: str
    candle: Candle
    started_ms: Ms
    subscribers: int


class SignalRecorder:
    """Records every run, and emits the signals of those that proposed one."""

    def __init__(
        self, *, signals: Signals, markets: Mapping[str, Market], emit: Emit, clock: Clock
    ) -> None:
        self._signals = signals
        self._markets = markets
        self._emit = emit
        self._clock = clock

    async def record_result(self, run: EvaluationRun, proposal: SignalProposal | None) -> None:
        """Record a strategy's result; a proposal is stored as a signal, then emitted, once."""
        if proposal is None:
            self._record(run, RunOutcome.NO_SIGNAL)
            return
        try:
            signal = self._signal(run, proposal)
        except (ValueError, ArithmeticError) as e:
            log.error("strategy.failed", **_log_fields(run), error=f"invalid signal proposal: {e}")
            self.record_failure(run, f"{type(e).__name__}: {e}")
            return
        record = self._run_row(run, RunOutcome.SIGNAL, signal)
        if await self._signals.store(signal, record):
            await self._emit(signal)

    def record_failure(self, run: EvaluationRun, error: str) -> None:
        """Record that the run failed with ``error``."""
        self._record(run, RunOutcome.FAILED, error=error)

    def record_skip(self, run: EvaluationRun, why: str) -> None:
        """Record that the strategy was not run on the candle."""
        log.warning("strategy.skipped", **_log_fields(run), why=why)
        self._record(run, RunOutcome.SKIPPED, error=why)

    def _signal(self, run: EvaluationRun, proposal: SignalProposal) -> Signal:
        """Build the signal; the only place that converts a strategy's floats to ticks."""
        deployment, candle = run.deployment, run.candle
        instrument = self._markets[deployment.exchange].instrument(run.symbol)
        now_ms = self._clock.now_ms()

        def tick(price: float) -> Decimal:
            return instrument.round_price(Decimal(repr(float(price))))

        return Signal(
            signal_id=signal_id_of_candle(
                strategy=deployment.name,
                exchange=deployment.exchange,
                symbol=run.symbol,
                timeframe=candle.timeframe,
                close_ms=candle.close_ms,
                action=proposal.action,
            ),
            strategy=deployment.name,
            source=SignalSource.STRATEGY,
            exchange=deployment.exchange,
            symbol=run.symbol,
            timeframe=candle.timeframe,
            action=proposal.action,
            strength=proposal.strength,
            confidence=round(proposal.confidence, 4),
            price=candle.close,
            stop_loss=None if proposal.stop_loss is None else tick(proposal.stop_loss),
            take_profits=tuple(tick(price) for price in proposal.take_profits),
            exit_percent=to_percent(proposal.exit_percent),
            reason=proposal.reason,
            candle_close_ms=candle.close_ms,
            created_at_ms=now_ms,
            expires_at_ms=Ms(now_ms + deployment.signal_ttl_ms),
        )

    def _record(self, run: EvaluationRun, outcome: RunOutcome, *, error: str | None = None) -> None:
        self._signals.record_run(self._run_row(run, outcome, error=error))

    def _run_row(
        self,
        run: EvaluationRun,
        outcome: RunOutcome,
        signal: Signal | None = None,
        error: str | None = None,
    ) -> StrategyRun:
        return StrategyRun(
            strategy=run.deployment.name,
            symbol=run.symbol,
            timeframe=run.candle.timeframe,
            candle_close_ms=run.candle.close_ms,
            started_at_ms=run.started_ms,
            duration_ms=self._clock.now_ms() - run.started_ms,
            drift_ms=drift_ms(run.candle.close_ms, run.started_ms),
            outcome=outcome,
            signal_id=signal.signal_id if signal else None,
            subscribers=run.subscribers,
            error=error,
        )


def to_percent(value: float) -> Decimal:
    """Convert a strategy's percentage to Decimal, rounded to four decimal places."""
    return trimmed(Decimal(repr(round(float(value), 4))))


def _log_fields(run: EvaluationRun) -> dict[str, str]:
    return {"strategy": run.deployment.name, "symbol": run.symbol}
