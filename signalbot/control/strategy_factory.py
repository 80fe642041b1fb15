"""Makes running strategies of configured ones: built-in, in workers, or asking a model."""

from signalbot.ai.llm_strategy import LlmStrategyFactory
from signalbot.config.checks.strategy_files import read_strategy_file
from signalbot.config.sections.ai import LLM_KIND
from signalbot.config.settings import FILE_KIND, StrategySettings
from signalbot.domain.errors import ConfigError
from signalbot.pipeline.signals.evaluator import Deployment
from signalbot.sandbox.file_strategy import FileStrategy, FileStrategyRegistry
from signalbot.strategies import BadParameter, build_strategy
from signalbot.strategies.base import LocalStrategy, RemoteStrategy, StrategyFailed


class StrategyFactory:
    def __init__(
        self, files: FileStrategyRegistry, analysts: LlmStrategyFactory | None = None
    ) -> None:
        self._files = files
        self._analysts = analysts

    async def build(self, terms: StrategySettings) -> Deployment:
        """A strategy as the evaluator runs it.

        Raises:
            ConfigError: its file cannot be run as it is now.
        """
        return Deployment(
            name=terms.name,
            strategy=await self._strategy(terms),
            exchange=terms.exchange,
            symbols=terms.symbols,
            signal_ttl_ms=terms.signal_ttl_ms,
        )

    def keep(self, deployment: Deployment) -> None:
        """Hold what a strategy needs for as long as it runs under its name."""
        if isinstance(deployment.strategy, FileStrategy):
            self._files.keep(deployment.name, deployment.strategy)

    def discard(self, deployment: Deployment) -> None:
        """Free what a strategy needs that is not to run after all."""
        if isinstance(deployment.strategy, FileStrategy):
            self._files.discard(deployment.strategy)

    def release(self, name: str) -> None:
        """Free what a strategy that runs no more has held."""
        self._files.unregister(name)

    async def _strategy(self, terms: StrategySettings) -> LocalStrategy | RemoteStrategy:
        if terms.kind == LLM_KIND:
            return self._analyst(terms)
        if terms.kind != FILE_KIND:
            return build_strategy(terms.kind, timeframe=terms.candle_timeframe, params=terms.params)
        try:
            return await self._files.open(terms.name, read_strategy_file(terms))
        except (StrategyFailed, BadParameter) as e:
            raise ConfigError(f"strategies.{terms.name}: {terms.path}: {e}") from None

    def _analyst(self, terms: StrategySettings) -> RemoteStrategy:
        if self._analysts is None:
            raise ConfigError(
                f"strategies.{terms.name}: kind 'llm' asks a model, which is not done here: "
                "what it would say today of candles long past proves nothing"
            )
        return self._analysts.open(
            terms.name, timeframe=terms.candle_timeframe, params=terms.params
        )
