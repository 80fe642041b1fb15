"""The strategy kind "llm": a model evaluates the candles."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from signalbot.domain.errors import ConfigError
from signalbot.domain.timeframe import Timeframe
from signalbot.settings.strategy import StrategySettings
from signalbot.strategies.kinds import LLM, StrategyKind, StrategyRuntime

if TYPE_CHECKING:
    from signalbot.strategies.base import RemoteStrategy


class LlmKind(StrategyKind):
    """Strategies that call a model; they run in the daemon only."""

    name = LLM
    operator_params = ("provider", "model")  # they decide who is paid

    def validate(self, settings: StrategySettings) -> Mapping[Timeframe, int]:
        from signalbot.ai.analysis import parse_analysis_params  # noqa: PLC0415 - loads numpy

        parse_analysis_params(settings.candle_timeframe, settings.params)
        return {settings.candle_timeframe: 1}

    async def build(
        self, settings: StrategySettings, runtimes: Mapping[str, StrategyRuntime]
    ) -> "RemoteStrategy":
        if LLM not in runtimes:
            raise ConfigError(
                f"strategies.{settings.name}: kind 'llm' is not available here: a model may know "
                "past prices, so its results on historical candles prove nothing"
            )
        return await runtimes[LLM].open_configured(settings)
