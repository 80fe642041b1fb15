"""Runs the daemon's own pipeline over stored signals: no strategy speaks, the ledger does."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from pathlib import Path

from signalbot.app import App, running
from signalbot.config.terms import Config, StrategyTerms
from signalbot.config.webhook import WEBHOOK_KIND, WebhookTable
from signalbot.domain.market import Candle
from signalbot.domain.signals import Signal, SignalStatus
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import Mode, Subscription, UserId
from signalbot.exchange.simulated.rules import SimulationRules
from signalbot.ledger.database import open_scratch
from signalbot.ledger.fates import Before
from signalbot.ports import Advisor
from signalbot.replay import virtual_time
from signalbot.replay.exchange import HistoricalExchange
from signalbot.tasks import LoopClock

_SETTLE_S = 0.0001  # lets everything that is ready happen; no instant of a signal is so close
_PROGRESS_EVERY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A stored signal, and when it reaches the user again."""

    signal: Signal
    at_ms: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Settings that come into force while signals flow."""

    at_ms: Ms
    subscriptions: tuple[Subscription, ...]


def alone(config: Config, user_id: UserId, signals: Sequence[Signal]) -> Config:
    """The configuration as one user's what-if uses it: nobody else, and nothing is sent anywhere.

    The user trades on paper, whatever the mode. Strategies are silent.
    """
    symbols: dict[str, dict[str, None]] = {}
    for signal in signals:
        symbols.setdefault(signal.strategy, {})[signal.symbol] = None
    return replace(
        config,
        strategies={
            name: _silent(terms, tuple(symbols.get(name, ())))
            for name, terms in config.strategies.items()
        },
        users={user_id: replace(config.users[user_id], mode=Mode.PAPER)},
        subscriptions=tuple(each for each in config.subscriptions if each.user_id == user_id),
    )


def relive(
    config: Config,
    arrivals: Sequence[Arrival],
    candles: Sequence[Candle],
    *,
    ledger: Path,
    before: Before,
    turn: Turn | None = None,
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
    virtual_time.run(
        _relive(
            config, arrivals, candles, ledger, before, turn,
            advisor=advisor, on_start=on_start, on_progress=on_progress,
        )
    )  # fmt: skip


async def _relive(
    config: Config,
    arrivals: Sequence[Arrival],
    candles: Sequence[Candle],
    ledger: Path,
    before: Before,
    turn: Turn | None,
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
    async with open_scratch(ledger) as database:
        app = App(
            config,
            database=database,
            exchanges=sides,
            clock=clock,
            advisor=advisor,
        )
        await database.write(before.copy_into)
        async with running(app):
            for account in app.accounts.values():
                account.slippage.restore(before.slippages)
            played = 0
            ahead = _ahead(candles)
            _expect(sides.values(), next(ahead))
            for each in _in_order(arrivals, candles):
                if isinstance(each, Arrival):
                    await clock.sleep_until(each.at_ms)
                    if turn is not None and turn.at_ms <= each.at_ms:
                        await _take(app, turn)
                        turn = None
                    await _arrive(app, each, clock)
                    continue
                await clock.sleep_until(each.close_ms)
                for side in sides.values():
                    side.advance(each)
                _expect(sides.values(), next(ahead))
                played += 1
                if played % _PROGRESS_EVERY == 0:
                    on_progress(played)
            await clock.sleep(1)  # what the last one set off comes to its end
    on_progress(played)


def _expect(sides: Iterable[HistoricalExchange], candles: Iterable[Candle]) -> None:
    for side in sides:
        for candle in candles:
            side.expect(candle)


def _ahead(candles: Sequence[Candle]) -> Iterator[list[Candle]]:
    """What forms next: at first in every market, and then in that of each candle that closes."""
    following: dict[str, Candle] = {}
    places: list[list[Candle]] = []
    for candle in reversed(candles):
        later = following.get(candle.symbol)
        places.append([] if later is None else [later])
        following[candle.symbol] = candle
    yield list(following.values())
    yield from reversed(places)


async def _take(app: App, turn: Turn) -> None:
    for subscription in turn.subscriptions:
        await app.roster.subscribe(subscription)


async def _arrive(app: App, arrival: Arrival, clock: LoopClock) -> None:
    """Broadcast the signal, once everything before it has been booked, and see it decided."""
    await clock.sleep(_SETTLE_S)
    await app.emitter.accept(
        replace(arrival.signal, status=SignalStatus.ACTIVE, cancelled_at_ms=None)
    )
    await app.broadcaster.drained()


def _in_order(
    arrivals: Sequence[Arrival], candles: Sequence[Candle]
) -> Iterator[Arrival | Candle]:  # fmt: skip
    """Both by their instants; a candle comes before a signal of the same."""
    both: tuple[Sequence[Arrival | Candle], ...] = (candles, arrivals)
    return merge(*both, key=_instant)


def _instant(each: Arrival | Candle) -> Ms:
    return each.at_ms if isinstance(each, Arrival) else each.close_ms


def _silent(terms: StrategyTerms, symbols: tuple[str, ...]) -> StrategyTerms:
    """The strategy as a source of signals from outside: it looks at no candles and runs nothing."""
    return replace(
        terms,
        kind=WEBHOOK_KIND,
        timeframe=None,
        webhook=WebhookTable(),
        path=None,
        digest=None,
        symbols=symbols or terms.symbols,
    )
