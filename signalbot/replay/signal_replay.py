"""Runs the daemon's own pipeline over stored signals: no strategy speaks, the ledger does."""

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

_SETTLE_S = 0.0001  # lets everything that is ready happen; no instant of a signal is so close
_PROGRESS_EVERY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalArrival:
    """A stored signal, and when it reaches the user again."""

    signal: Signal
    at_ms: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChange:
    """Settings that come into force while signals flow."""

    at_ms: Ms
    subscriptions: tuple[Subscription, ...]


def isolate_user(config: Config, user_id: UserId, signals: Sequence[Signal]) -> Config:
    """The configuration as one user's what-if uses it: nobody else, and nothing is sent anywhere.

    The user trades on paper, whatever the mode. Strategies are silent.
    """
    symbols: dict[str, dict[str, None]] = {}
    for signal in signals:
        symbols.setdefault(signal.strategy, {})[signal.symbol] = None
    return replace(
        config,
        strategies={
            name: _without_candles(terms, tuple(symbols.get(name, ())))
            for name, terms in config.strategies.items()
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
    """Let ``config``, made by ``alone``, live through ``arrivals`` into a new ledger file.

    ``candles`` are in the order of their close, and so are ``arrivals`` in theirs; a signal that
    arrives at a close comes after it. The account has nothing open when it begins; ``before`` is
    what counts against its limits then. Two runs over the same input write identical ledgers.
    ``on_progress`` is called with the number of candles played.
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
            *(terms.exchange for terms in config.strategies.values()),
            *(user.account.exchange for user in config.users.values()),
        )
    )
    rules = {name: config.exchanges[name].simulated or SimulationRules() for name in names}
    sides = {
        name: HistoricalExchange(name, rules[name], base=Timeframe.M1, clock=clock)
        for name in names
    }
    async with open_replay_database(ledger) as database:
        services = build(
            config,
            database=database,
            exchanges=sides,
            clock=clock,
            advisor=advisor,
        )
        await database.write(before.copy_into)
        async with running(services):
            for account in services.control.accounts.values():
                account.slippage.restore(before.slippages)
            played = 0
            upcoming = _upcoming_candles(candles)
            _set_upcoming(sides.values(), next(upcoming))
            for each in _merge_by_time(arrivals, candles):
                if isinstance(each, SignalArrival):
                    await clock.sleep_until(each.at_ms)
                    if change is not None and change.at_ms <= each.at_ms:
                        await _apply_settings(services, change)
                        change = None
                    await _deliver_signal(services, each, clock)
                    continue
                await clock.sleep_until(each.close_ms)
                for side in sides.values():
                    side.advance(each)
                _set_upcoming(sides.values(), next(upcoming))
                played += 1
                if played % _PROGRESS_EVERY == 0:
                    on_progress(played)
            await clock.sleep(1)  # what the last one set off comes to its end
    on_progress(played)


def _set_upcoming(sides: Iterable[HistoricalExchange], candles: Iterable[Candle]) -> None:
    for side in sides:
        for candle in candles:
            side.set_upcoming(candle)


def _upcoming_candles(candles: Sequence[Candle]) -> Iterator[list[Candle]]:
    """What forms next: at first in every market, and then in that of each candle that closes."""
    following: dict[str, Candle] = {}
    places: list[list[Candle]] = []
    for candle in reversed(candles):
        later = following.get(candle.symbol)
        places.append([] if later is None else [later])
        following[candle.symbol] = candle
    yield list(following.values())
    yield from reversed(places)


async def _apply_settings(services: Services, change: SettingsChange) -> None:
    for subscription in change.subscriptions:
        await services.control.users.subscribe(subscription)


async def _deliver_signal(services: Services, arrival: SignalArrival, clock: LoopClock) -> None:
    """Broadcast the signal, once everything before it has been booked, and see it decided."""
    await clock.sleep(_SETTLE_S)
    await services.outbound.emitter.accept(
        replace(arrival.signal, status=SignalStatus.ACTIVE, cancelled_at_ms=None)
    )
    await services.outbound.broadcaster.wait_drained()


def _merge_by_time(
    arrivals: Sequence[SignalArrival], candles: Sequence[Candle]
) -> Iterator[SignalArrival | Candle]:  # fmt: skip
    """Both by their instants; a candle comes before a signal of the same."""
    both: tuple[Sequence[SignalArrival | Candle], ...] = (candles, arrivals)
    return merge(*both, key=_instant)


def _instant(each: SignalArrival | Candle) -> Ms:
    return each.at_ms if isinstance(each, SignalArrival) else each.close_ms


def _without_candles(terms: StrategySettings, symbols: tuple[str, ...]) -> StrategySettings:
    """The strategy as a source of signals from outside: it looks at no candles and runs nothing."""
    return replace(
        terms,
        kind=WEBHOOK,
        timeframe=None,
        webhook=WebhookSettings(),
        path=None,
        digest=None,
        symbols=symbols or terms.symbols,
    )
