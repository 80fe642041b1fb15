"""Checks that exchanges offer the candles, and the history, that strategies need."""

from collections.abc import Iterator, Mapping

from signalbot.config.problems import Problem
from signalbot.config.settings import Config
from signalbot.domain.market import MarketKind
from signalbot.domain.timeframe import Timeframe
from signalbot.exchange.live.capabilities import Capabilities
from signalbot.exchange.live.registry import adapters_of, exchange_row
from signalbot.settings.exchange import ExchangeSettings
from signalbot.settings.strategy import StrategySettings


def window_problems(
    config: Config, strategy: StrategySettings, warm_up: Mapping[Timeframe, int]
) -> Iterator[Problem]:
    """Yield timeframes of ``warm_up`` that the exchange does not offer, or not far enough back."""
    table = ("strategies", strategy.name)
    for capabilities in _capabilities(config.exchanges[strategy.exchange], strategy):
        for timeframe, candles in warm_up.items():
            key = "timeframe" if timeframe is strategy.timeframe else "params"
            if timeframe not in capabilities.timeframes:
                yield config.sources.problem((*table, key), _unavailable(capabilities, timeframe))
            elif (
                capabilities.max_candle_history is not None
                and candles > capabilities.max_candle_history
            ):
                yield config.sources.problem(
                    (*table, "params"),
                    f"the warm-up needs {candles} candles of {timeframe}, and "
                    f"{capabilities.exchange!r} provides the latest "
                    f"{capabilities.max_candle_history}: use shorter periods",
                )


def _unavailable(capabilities: Capabilities, timeframe: Timeframe) -> str:
    offered = ", ".join(each for each in Timeframe if each in capabilities.timeframes)
    row = exchange_row(capabilities.exchange)
    reason = row.no_daily_candles_reason if timeframe is Timeframe.D1 else ""
    because = f" ({reason})" if reason else ""
    return f"{capabilities.exchange!r} has no {timeframe} candles{because}: use one of {offered}"


def _capabilities(exchange: ExchangeSettings, strategy: StrategySettings) -> list[Capabilities]:
    """Return the exchange's capabilities for the kinds of market of a strategy's symbols."""
    if exchange.is_simulated:
        return []
    kinds = {MarketKind.SWAP if ":" in each else MarketKind.SPOT for each in strategy.symbols}
    return [
        each.capabilities
        for kind, each in adapters_of(exchange.ccxt_id).items()
        if kind in kinds
    ]  # fmt: skip
