"""Runs the daemon's pipeline over historical candles in virtual time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from signalbot.app.composition import build
from signalbot.app.lifecycle import running
from signalbot.config.settings import Config
from signalbot.config.strategy_kinds import strategy_kind
from signalbot.domain.errors import ConfigError
from signalbot.domain.market import Candle
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import Mode, UserId, owner_of
from signalbot.ledger.database import open_replay_database
from signalbot.replay import virtual_time
from signalbot.replay.equity_tracking import equity_curves
from signalbot.replay.funding import FundingRate, FundingReplay
from signalbot.replay.historical_exchange import HistoricalExchange
from signalbot.sandbox.executors import InlineExecutor
from signalbot.sandbox.file_strategy import FileStrategyRegistry
from signalbot.settings.simulation import SimulationRules
from signalbot.settings.strategy import StrategySettings
from signalbot.tasks import LoopClock

EquityCurves = dict[UserId, list[tuple[Ms, Decimal]]]

_PROGRESS_EVERY = 500


@dataclass(slots=True)
class ReplayResult:
    """Results of a replay that its ledger does not contain."""

    equity: EquityCurves = field(default_factory=dict)  #: see ``equity_tracking.equity_curves``
    candles: int = 0


def config_for_symbol(config: Config, symbol: str) -> Config:
    """Return the configuration for replaying one symbol; it sends nothing anywhere.

    Strategies watch only this symbol; live users trade on paper, without their shadows.

    Raises:
        ConfigError: no strategy trades the symbol.
    """
    strategies = {
        name: replace(settings, symbols=(symbol,))
        for name, settings in config.strategies.items()
        if symbol in settings.symbols
    }
    if not strategies:
        traded = sorted(
            {each for settings in config.strategies.values() for each in settings.symbols}
        )
        raise ConfigError(f"{config.path}: no strategy trades {symbol}; strategies trade {traded}")
    users = {
        user_id: replace(user, mode=Mode.PAPER) if user.mode is Mode.LIVE else user
        for user_id, user in config.users.items()
        if owner_of(user_id) is None
    }
    subscriptions = tuple(
        each
        for each in config.subscriptions
        if each.strategy in strategies and each.user_id in users
    )
    return replace(config, strategies=strategies, users=users, subscriptions=subscriptions)


def check_candle_length(config: Config, timeframe: Timeframe, *, source: str) -> None:
    """Check that every strategy's candles can be built from ``timeframe`` candles.

    ``config`` is a result of ``config_for_symbol``.

    Raises:
        ConfigError: a strategy needs shorter candles.
    """
    for settings in config.strategies.values():
        for needed in sorted(_needed_timeframes(settings), key=lambda each: each.ms):
            if needed.ms % timeframe.ms:
                raise ConfigError(
                    f"{source}: strategy {settings.name!r} needs {needed} candles, which cannot be "
                    f"built from {timeframe} candles: use {needed} or shorter candles"
                )


def _needed_timeframes(settings: StrategySettings) -> set[Timeframe]:
    """Return the timeframes of a strategy; a file's others are multiples of its first."""
    if settings.timeframe is None:
        return set()
    kind = strategy_kind(settings.kind)
    return {settings.timeframe, *({} if kind.needs_worker else kind.validate(settings))}


def replay(
    config: Config,
    candles: Sequence[Candle],
    *,
    timeframe: Timeframe,
    ledger: Path,
    funding: Sequence[FundingRate] = (),
    on_start: Callable[[LoopClock], None] = lambda _: None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> ReplayResult:
    """Replay ``candles`` (valid, in order, of one symbol) into a new ledger file.

    ``funding`` are the rates of the symbol, oldest first. Two runs over the same input write
    identical ledgers. ``on_start`` is given the virtual clock; ``on_progress`` is called with the
    number of candles replayed.
    """
    return virtual_time.run_virtual(
        _replay(
            config, candles, timeframe, ledger, funding, on_start=on_start, on_progress=on_progress
        )
    )


async def _replay(
    config: Config,
    candles: Sequence[Candle],
    timeframe: Timeframe,
    ledger: Path,
    funding: Sequence[FundingRate],
    *,
    on_start: Callable[[LoopClock], None],
    on_progress: Callable[[int], None],
) -> ReplayResult:
    clock = LoopClock(candles[0].open_ms)
    on_start(clock)
    exchanges = {
        name: HistoricalExchange(name, rules_of(config, name), base=timeframe, clock=clock)
        for name in exchanges_of(config)
    }
    async with open_replay_database(ledger) as database:
        files = FileStrategyRegistry(clock, thread=InlineExecutor)
        services = build(
            config, database=database, exchanges=exchanges, clock=clock, strategy_files=files
        )
        async with running(services):
            payments = FundingReplay(services, {candles[0].symbol: funding})
            return await _run_candles(
                list(exchanges.values()), candles, clock, payments, on_progress
            )


async def _run_candles(
    exchanges: Sequence[HistoricalExchange],
    candles: Sequence[Candle],
    clock: LoopClock,
    funding: FundingReplay,
    on_progress: Callable[[int], None],
) -> ReplayResult:
    result = ReplayResult()
    for candle in candles:
        for exchange in exchanges:
            exchange.set_upcoming(candle)
        await clock.sleep_until(candle.close_ms)
        for exchange in exchanges:
            exchange.advance(candle)
        if funding.is_due(candle):
            await funding.pay_due(candle, exchanges)
        result.candles += 1
        if result.candles % _PROGRESS_EVERY == 0:
            on_progress(result.candles)
    await clock.sleep(1)  # lets the work of the last candle finish
    await funding.settle()
    on_progress(result.candles)
    tracks = {user: track for each in exchanges for user, track in each.tracks.items()}
    by_symbol = {candles[0].symbol: candles}
    result.equity = equity_curves(tracks, by_symbol, end_ms=clock.now_ms())
    return result


def exchanges_of(config: Config) -> list[str]:
    """Return the exchanges of strategies and of users."""
    used = (settings.exchange for settings in config.strategies.values())
    accounts = (user.account.exchange for user in config.users.values())
    return list(dict.fromkeys((*used, *accounts)))


def rules_of(config: Config, exchange: str) -> SimulationRules:
    """Return the simulation rules of an exchange."""
    return config.exchanges[exchange].simulated or SimulationRules()
