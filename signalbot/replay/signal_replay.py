"""Runs the daemon's pipeline over stored signals, without strategies."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from pathlib import Path

from signalbot.app.composition import build
from signalbot.app.lifecycle import running
from signalbot.app.services import Services
from signalbot.config.settings import Config
from signalbot.domain.market import Candle
from signalbot.domain.signals import Signal, SignalStatus
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import Mode, Subscription, UserId
from signalbot.ledger.database import open_replay_database
from signalbot.ledger.signal_outcomes import AccountHistory
from signalbot.ports import Advisor
from signalbot.replay import virtual_time
from signalbot.replay.historical_exchange import HistoricalExchange
from signalbot.settings.simulation import SimulationRules
from signalbot.settings.strategy import StrategySettings
from signalbot.settings.webhook import WebhookSettings
from signalbot.strategies.kinds import WEBHOOK
from signalbot.tasks import LoopClock

_SETTLE_S = 0.0001  # lets pending work finish; signals are further apart
_PROGRESS_EVERY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalArrival:
    """A stored signal and the time it reaches the user in the replay."""

    signal: Signal
    at_ms: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChange:
    """Settings that take effect during the replay."""

    at_ms: Ms
    subscriptions: tuple[Subscription, ...]


def isolate_user(config: Config, user_id: UserId, signals: Sequence[Signal]) -> Config:
    """Return the configuration of one user's what-if; it sends nothing anywhere.

    It has only this user, on paper whatever the mode, and strategies that produce no signals.
    """
    symbols: dict[str, dict[str, None]] = {}
    for signal in signals:
        symbols.setdefault(signal.strategy, {})[signal.symbol] = None
    return replace(
        config,
        strategies={
            name: _without_candles(settings, tuple(symbols.get(name, ())))
            for name, settings in config.strategies.items()
        },
        users={user_id: replace(config.users[user_id], mode=Mode.PAPER)},
        subscriptions=tuple(each for each in config.subscriptions if each.user_id == user_id),
    )


def replay_signals(
    config: Config,
    arrivals: Sequence[SignalArrival],
    candles: Sequence[Candle],
    *,
    ledger: Path,
    before: AccountHistory,
    change: SettingsChange | None = None,
    advisor: Advisor | None = None,
    on_start: Callable[[LoopClock], None] = lambda _: None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Replay ``arrivals`` with ``config``, made by ``isolate_user``, into a new ledger file.

    ``candles`` are in order of their close, ``arrivals`` in order of time; a signal that arrives at
    a close comes after it. The account starts without positions; ``before`` counts towards its
    limits. Two runs over the same input write identical ledgers. ``on_progress`` is called with the
    number of candles replayed.
    """
    virtual_time.run_virtual(
        _replay_signals(
            config, arrivals, candles, ledger, before, change,
            advisor=advisor, on_start=on_start, on_progress=on_progress,
        )
    )  # fmt: skip


async def _replay_signals(
    config: Config,
    arrivals: Sequence[SignalArrival],
    candles: Sequence[Candle],
    ledger: Path,
    before: AccountHistory,
    change: SettingsChange | None,
    *,
    advisor: Advisor | None,
    on_start: Callable[[LoopClock], None],
    on_progress: Callable[[int], None],
) -> None:
    clock = LoopClock(candles[0].open_ms)
    on_start(clock)
    names = dict.fromkeys(
        (
            *(settings.exchange for settings in config.strategies.values()),
            *(user.account.exchange for user in config.users.values()),
        )
    )
    rules = {name: config.exchanges[name].simulated or SimulationRules() for name in names}
    exchanges = {
        name: HistoricalExchange(name, rules[name], base=Timeframe.M1, clock=clock)
        for name in names
    }
    async with open_replay_database(ledger) as database:
        services = build(
            config,
            database=database,
            exchanges=exchanges,
            clock=clock,
            advisor=advisor,
        )
        await database.write(before.copy_into)
        async with running(services):
            for account in services.control.accounts.values():
                account.slippage.restore(before.slippages)
            played = 0
            upcoming = _upcoming_candles(candles)
            _set_upcoming(exchanges.values(), next(upcoming))
            for each in _merge_by_time(arrivals, candles):
                if isinstance(each, SignalArrival):
                    await clock.sleep_until(each.at_ms)
                    if change is not None and change.at_ms <= each.at_ms:
                        await _apply_settings(services, change)
                        change = None
                    await _deliver_signal(services, each, clock)
                    continue
                await clock.sleep_until(each.close_ms)
                for exchange in exchanges.values():
                    exchange.advance(each)
                _set_upcoming(exchanges.values(), next(upcoming))
                played += 1
                if played % _PROGRESS_EVERY == 0:
                    on_progress(played)
            await clock.sleep(1)  # lets the work of the last candle finish
    on_progress(played)


def _set_upcoming(exchanges: Iterable[HistoricalExchange], candles: Iterable[Candle]) -> None:
    for exchange in exchanges:
        for candle in candles:
            exchange.set_upcoming(candle)


def _upcoming_candles(candles: Sequence[Candle]) -> Iterator[list[Candle]]:
    """Yield the forming candles: first of every market, then the next after each closed candle."""
    following: dict[str, Candle] = {}
    upcoming: list[list[Candle]] = []
    for candle in reversed(candles):
        later = following.get(candle.symbol)
        upcoming.append([] if later is None else [later])
        following[candle.symbol] = candle
    yield list(following.values())
    yield from reversed(upcoming)


async def _apply_settings(services: Services, change: SettingsChange) -> None:
    for subscription in change.subscriptions:
        await services.control.users.subscribe(subscription)


async def _deliver_signal(services: Services, arrival: SignalArrival, clock: LoopClock) -> None:
    """Broadcast the signal after earlier work is booked, and wait until it is decided."""
    await clock.sleep(_SETTLE_S)
    await services.outbound.emitter.accept(
        replace(arrival.signal, status=SignalStatus.ACTIVE, cancelled_at_ms=None)
    )
    await services.outbound.broadcaster.wait_drained()


def _merge_by_time(
    arrivals: Sequence[SignalArrival], candles: Sequence[Candle]
) -> Iterator[SignalArrival | Candle]:  # fmt: skip
    """Merge by time; a candle precedes a signal of the same instant."""
    both: tuple[Sequence[SignalArrival | Candle], ...] = (candles, arrivals)
    return merge(*both, key=_instant)


def _instant(each: SignalArrival | Candle) -> Ms:
    return each.at_ms if isinstance(each, SignalArrival) else each.close_ms


def _without_candles(settings: StrategySettings, symbols: tuple[str, ...]) -> StrategySettings:
    """Return the strategy as an external source: it watches no candles and runs no code."""
    return replace(
        settings,
        kind=WEBHOOK,
        timeframe=None,
        webhook=WebhookSettings(),
        path=None,
        digest=None,
        symbols=symbols or settings.symbols,
    )
