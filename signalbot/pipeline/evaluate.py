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
from signalbot.pipeline.conclude import Concluder, Deployment, Emit, Run
from signalbot.pipeline.consult import Consultant, Consultation
from signalbot.pipeline.feed import CandleKey, Feed
from signalbot.ports import Clock, Market
from signalbot.strategies.base import CandleWindow, RemoteStrategy, Strategy

__all__ = ["Deployment", "Emit", "Evaluator"]

log = structlog.get_logger()


@dataclass(slots=True)
class _Watch:
    """One deployment on one symbol: its windows, and the candle it still owes a run for."""

    deployment: Deployment
    symbol: str
    windows: dict[Timeframe, CandleWindow]
    last_run_ms: Ms | None
    asked: Strategy | Consultation  #: at once, or in turn
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
        self._clock = clock
        self._concluder = Concluder(signals=signals, markets=markets, emit=emit, clock=clock)
        self._consultant = Consultant(self._concluder, clock)
        self._running: dict[str, _Running] = {}
        self._by_key: dict[CandleKey, list[_Watch]] = {}
        self.feed: Feed | None = None

    async def run(self) -> None:
        """Ask the strategies that answer later, until cancelled. The others need no task."""
        await self._consultant.run()

    def deploy(self, deployment: Deployment) -> None:
        """Make a strategy known. It runs once somebody subscribes."""
        self._running[deployment.name] = _Running(deployment)

    def rest_idle(self) -> None:
        """Let strategies that nobody follows let go of what they hold."""
        for running in self._running.values():
            if not running.watches:
                _let_rest(running.deployment)

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
            window = watch.windows[key.timeframe]
            if window.close_ms is not None and candle.close_ms <= window.close_ms:
                continue  # of a history that was fetched already
            window.append(candle)
            if key.timeframe is watch.deployment.strategy.timeframe:
                self._owe(watch, candle, is_history=is_history)
            due = watch.due
            if due is not None and watch.is_ready(due.close_ms):
                watch.due = None
                await self._evaluate(watch, due)

    async def _start(self, running: _Running) -> None:
        deployment, strategy = running.deployment, running.deployment.strategy
        turns = asyncio.Semaphore(strategy.at_once if isinstance(strategy, RemoteStrategy) else 1)
        for symbol in deployment.symbols:
            last = await self._signals.last_run(deployment.name, symbol, strategy.timeframe)
            windows = {
                timeframe: CandleWindow(length) for timeframe, length in strategy.warm_up.items()
            }
            asked = (
                self._consultant.open(strategy, turns)
                if isinstance(strategy, RemoteStrategy)
                else strategy
            )
            watch = _Watch(deployment, symbol, windows, last, asked)
            running.watches.append(watch)
            for timeframe, length in sorted(strategy.warm_up.items(), key=lambda item: -item[0].ms):
                key = CandleKey(deployment.exchange, symbol, timeframe)
                await self._backfill(key, windows[timeframe], length)
                self._by_key.setdefault(key, []).append(watch)
                if self.feed is not None:
                    self.feed.watch(key, history=length)
        log.info("strategy.started", strategy=deployment.name, symbols=len(deployment.symbols))

    async def _backfill(self, key: CandleKey, window: CandleWindow, length: int) -> None:
        """Fetch the history of a stream that others follow already: it will not tell it again.

        Where that cannot be had without a gap, the window fills with the candles to come.
        """
        found: Sequence[Candle] = ()
        while self.feed is not None and (last_ms := self.feed.last_open_ms(key)) is not None:
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

    def _stop(self, running: _Running) -> None:
        for watch in running.watches:
            if isinstance(watch.asked, Consultation):
                self._consultant.close(watch.asked)
            for timeframe in watch.windows:
                key = CandleKey(running.deployment.exchange, watch.symbol, timeframe)
                others = [each for each in self._by_key[key] if each is not watch]
                self._by_key[key] = others
                if not others and self.feed is not None:
                    self.feed.unwatch(key)
        running.watches.clear()
        _let_rest(running.deployment)
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

    async def _evaluate(self, watch: _Watch, candle: Candle) -> None:
        run = self._run_of(watch, candle)
        if isinstance(watch.asked, Consultation):
            tables = {timeframe: window.table() for timeframe, window in watch.windows.items()}
            watch.last_run_ms = candle.close_ms
            self._consultant.ask(watch.asked, run, tables)
            return
        try:
            idea = watch.asked.on_candle(watch.windows)
        except Exception as e:
            log.exception("strategy.failed", strategy=watch.deployment.name, symbol=watch.symbol)
            self._concluder.fail(run, f"{type(e).__name__}: {e}")
            return
        watch.last_run_ms = candle.close_ms
        await self._concluder.conclude(run, idea)

    def _skip(self, watch: _Watch, candle: Candle, why: str) -> None:
        self._concluder.skip(self._run_of(watch, candle), why)

    def _run_of(self, watch: _Watch, candle: Candle) -> Run:
        return Run(
            deployment=watch.deployment,
            symbol=watch.symbol,
            candle=candle,
            started_ms=self._clock.now_ms(),
            subscribers=len(self._running[watch.deployment.name].subscribers),
        )


def _let_rest(deployment: Deployment) -> None:
    if isinstance(deployment.strategy, RemoteStrategy):
        deployment.strategy.rest()
