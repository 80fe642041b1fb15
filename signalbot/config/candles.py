"""Candles that an exchange does not tell: refused before anybody waits for them."""

from collections.abc import Iterator, Mapping

from signalbot.config.problems import Problem
from signalbot.config.terms import FILE_KIND, Config, ExchangeTerms, StrategyTerms
from signalbot.domain.market import MarketKind
from signalbot.domain.timeframe import Timeframe
from signalbot.exchange.live.capability import Capabilities
from signalbot.exchange.live.dialects import dialects_of
from signalbot.strategies import BadParameter, UnknownKind, build

_DAYS_ELSEWHERE = {"htx": "its days open at 16:00 UTC"}


def candle_problems(config: Config) -> Iterator[Problem]:
    """Strategies whose candles, or whose warm-up, their exchange does not tell.

    A strategy file says itself what it needs, when it is tried.
    """
    for strategy in config.strategies.values():
        if strategy.timeframe is not None and strategy.kind != FILE_KIND:
            yield from window_problems(config, strategy, _warm_up(strategy))


def window_problems(
    config: Config, strategy: StrategyTerms, warm_up: Mapping[Timeframe, int]
) -> Iterator[Problem]:
    """The same for one strategy that needs so many candles of each length."""
    table = ("strategies", strategy.name)
    for can in _capabilities(config.exchanges[strategy.exchange], strategy):
        for timeframe, candles in warm_up.items():
            key = "timeframe" if timeframe is strategy.timeframe else "params"
            if timeframe not in can.timeframes:
                yield config.sources.problem((*table, key), _not_told(can, timeframe))
            elif can.candles_told is not None and candles > can.candles_told:
                yield config.sources.problem(
                    (*table, "params"),
                    f"it needs {candles} candles of {timeframe} before it can say anything, and "
                    f"{can.exchange!r} tells the latest {can.candles_told}: use shorter periods",
                )


def _not_told(can: Capabilities, timeframe: Timeframe) -> str:
    offered = ", ".join(each for each in Timeframe if each in can.timeframes)
    why = _DAYS_ELSEWHERE.get(can.exchange, "") if timeframe is Timeframe.D1 else ""
    because = f" ({why})" if why else ""
    return f"{can.exchange!r} tells no candles of {timeframe}{because}: use one of {offered}"


def _warm_up(strategy: StrategyTerms) -> Mapping[Timeframe, int]:
    """What a built-in strategy needs; of others at least the candles that run them."""
    least = {strategy.candles: 1}
    try:
        built = build(strategy.kind, timeframe=strategy.candles, params=strategy.params)
    except (UnknownKind, BadParameter):
        return least  # told elsewhere
    return built.warm_up


def _capabilities(exchange: ExchangeTerms, strategy: StrategyTerms) -> list[Capabilities]:
    """Of the kinds of market in which a strategy's symbols are."""
    if exchange.is_simulated:
        return []
    kinds = {MarketKind.SWAP if ":" in each else MarketKind.SPOT for each in strategy.symbols}
    return [
        each.capabilities
        for kind, each in dialects_of(exchange.ccxt_id).items()
        if kind in kinds
    ]  # fmt: skip
