"""Runs each strategy once per candle, whatever the number of its subscribers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal

import structlog

from signalbot.domain.market import Candle
from signalbot.domain.signals import Signal, SignalSource, signal_id_of_candle
from signalbot.domain.timeframe import Ms, Timeframe, drift_ms
from signalbot.domain.users import UserId
from signalbot.ledger.signals import RunOutcome, Signals, StrategyRun
from signalbot.pipeline.feed import CandleKey, Feed
from signalbot.ports import Clock, Market
from signalbot.strategies.base import CandleWindow, Idea, Strategy

log = structlog.get_logger()

Emit = Callable[[Signal], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A strategy as configured: what it looks at and how long its signals live."""

    name: str
    strategy: Strategy
    exchange: str
    symbols: tuple[str, ...]
    signal_ttl_ms: int


@dataclass(slots=True)
class _Watch:
    """One deployment on one symbol: its windows, and the candle it still owes a run for."""

    deployment: Deployment
    symbol: str
    windows: dict[Timeframe, CandleWindow]
    last_run_ms: Ms | None
    due: Candle | None = None

    @property
    def is_warm(self) -> bool:
        return all(window.is_full for window in self.windows.values())

    def is_ready(self, close_ms: Ms) -> bool:
        """Every timeframe has its newest candle that closed by then: nothing less, never more."""
        return all(
            window.close_ms == timeframe.floor(close_ms)
            for timeframe, window in self.windows.items()
        )


@dataclass(slots=True)
class _Running:
    deployment: Deployment
    subscribers: set[UserId] = field(default_factory=set)
    watches: list[_Watch] = field(default_factory=list)


class Evaluator:
    def __init__(
        self, *, signals: Signals, markets: dict[str, Market], emit: Emit, clock: Clock
    ) -> None:
        self._signals = signals
        self._markets = markets
        self._emit = emit
        self._clock = clock
        self._running: dict[str, _Running] = {}
        self._by_key: dict[CandleKey, list[_Watch]] = {}
        self.feed: Feed | None = None

    def deploy(self, deployment: Deployment) -> None:
        """Make a strategy known. It runs once somebody subscribes."""
        self._running[deployment.name] = _Running(deployment)

    def subscribers(self, strategy: str) -> int:
        """How many active subscribers a strategy has."""
        return len(self._running[strategy].subscribers)

    async def subscribe(self, strategy: str, user_id: UserId) -> None:
        """The first subscriber of a strategy starts its candles."""
        running = self._running[strategy]
        is_first = not running.subscribers
        running.subscribers.add(user_id)
        if is_first:
            await self._start(running)

    def unsubscribe(self, strategy: str, user_id: UserId) -> None:
        """The last one gone stops them."""
        running = self._running[strategy]
        if user_id not in running.subscribers:
            return
        running.subscribers.remove(user_id)
        if not running.subscribers:
            self._stop(running)

    async def on_candle(self, key: CandleKey, candle: Candle, *, is_history: bool) -> None:
        """Take in a closed candle and run the strategies that now have all they need."""
        for watch in self._by_key.get(key, ()):
            watch.windows[key.timeframe].append(candle)
            if key.timeframe is watch.deployment.strategy.timeframe:
                self._owe(watch, candle, is_history=is_history)
            due = watch.due
            if due is not None and watch.is_ready(due.close_ms):
                watch.due = None
                await self._run(watch, due)

    async def _start(self, running: _Running) -> None:
        deployment, strategy = running.deployment, running.deployment.strategy
        for symbol in deployment.symbols:
            last = await self._signals.last_run(deployment.name, symbol, strategy.timeframe)
            windows = {
                timeframe: CandleWindow(length) for timeframe, length in strategy.warm_up.items()
            }
            watch = _Watch(deployment, symbol, windows, last)
            running.watches.append(watch)
            for timeframe, length in sorted(strategy.warm_up.items(), key=lambda item: -item[0].ms):
                key = CandleKey(deployment.exchange, symbol, timeframe)
                self._by_key.setdefault(key, []).append(watch)
                if self.feed is not None:
                    self.feed.watch(key, history=length)
        log.info("strategy.started", strategy=deployment.name, symbols=len(deployment.symbols))

    def _stop(self, running: _Running) -> None:
        for watch in running.watches:
            for timeframe in watch.windows:
                key = CandleKey(running.deployment.exchange, watch.symbol, timeframe)
                others = [each for each in self._by_key[key] if each is not watch]
                self._by_key[key] = others
                if not others and self.feed is not None:
                    self.feed.unwatch(key)
        running.watches.clear()
        log.info("strategy.stopped", strategy=running.deployment.name)

    def _owe(self, watch: _Watch, candle: Candle, *, is_history: bool) -> None:
        """Note that this candle wants a run, unless it had one or came too late to trade on."""
        if watch.due is not None:
            self._skip(watch, watch.due, "candles of another timeframe did not arrive in time")
            watch.due = None
        is_done = watch.last_run_ms is not None and candle.close_ms <= watch.last_run_ms
        if is_done or not watch.is_warm:
            return
        late_ms = drift_ms(candle.close_ms, self._clock.now_ms())
        if late_ms < watch.deployment.signal_ttl_ms:
            watch.due = candle
        elif not is_history:
            self._skip(watch, candle, f"candle arrived {late_ms} ms after its close")

    async def _run(self, watch: _Watch, candle: Candle) -> None:
        started_ms = self._clock.now_ms()
        try:
            idea = watch.deployment.strategy.on_candle(watch.windows)
        except Exception as e:
            log.exception("strategy.failed", strategy=watch.deployment.name, symbol=watch.symbol)
            error = f"{type(e).__name__}: {e}"
            self._record(watch, candle, started_ms, RunOutcome.FAILED, error=error)
            return
        watch.last_run_ms = candle.close_ms
        if idea is None:
            self._record(watch, candle, started_ms, RunOutcome.NO_SIGNAL)
            return
        signal = self._signal(watch, candle, idea)
        run = self._outcome(watch, candle, started_ms, RunOutcome.SIGNAL, signal)
        if await self._signals.store(signal, run):
            await self._emit(signal)

    def _signal(self, watch: _Watch, candle: Candle, idea: Idea) -> Signal:
        """The one place where a strategy's floats meet the instrument's ticks."""
        deployment = watch.deployment
        instrument = self._markets[deployment.exchange].instrument(watch.symbol)
        now_ms = self._clock.now_ms()

        def tick(price: float) -> Decimal:
            return instrument.round_price(Decimal(repr(float(price))))

        return Signal(
            signal_id=signal_id_of_candle(
                strategy=deployment.name,
                exchange=deployment.exchange,
                symbol=watch.symbol,
                timeframe=candle.timeframe,
                close_ms=candle.close_ms,
                action=idea.action,
            ),
            strategy=deployment.name,
            source=SignalSource.STRATEGY,
            exchange=deployment.exchange,
            symbol=watch.symbol,
            timeframe=candle.timeframe,
            action=idea.action,
            strength=idea.strength,
            confidence=round(idea.confidence, 4),
            price=candle.close,
            stop_loss=None if idea.stop_loss is None else tick(idea.stop_loss),
            take_profits=tuple(tick(price) for price in idea.take_profits),
            reason=idea.reason,
            candle_close_ms=candle.close_ms,
            created_at_ms=now_ms,
            expires_at_ms=Ms(now_ms + deployment.signal_ttl_ms),
        )

    def _skip(self, watch: _Watch, candle: Candle, why: str) -> None:
        log.warning(
            "strategy.skipped", strategy=watch.deployment.name, symbol=watch.symbol, why=why
        )
        self._record(watch, candle, self._clock.now_ms(), RunOutcome.SKIPPED, error=why)

    def _record(
        self,
        watch: _Watch,
        candle: Candle,
        started_ms: Ms,
        outcome: RunOutcome,
        *,
        error: str | None = None,
    ) -> None:
        self._signals.record_run(self._outcome(watch, candle, started_ms, outcome, error=error))

    def _outcome(
        self,
        watch: _Watch,
        candle: Candle,
        started_ms: Ms,
        outcome: RunOutcome,
        signal: Signal | None = None,
        error: str | None = None,
    ) -> StrategyRun:
        return StrategyRun(
            strategy=watch.deployment.name,
            symbol=watch.symbol,
            timeframe=candle.timeframe,
            candle_close_ms=candle.close_ms,
            started_at_ms=started_ms,
            duration_ms=self._clock.now_ms() - started_ms,
            drift_ms=drift_ms(candle.close_ms, started_ms),
            outcome=outcome,
            signal_id=signal.signal_id if signal else None,
            subscribers=len(self._running[watch.deployment.name].subscribers),
            error=error,
        )
