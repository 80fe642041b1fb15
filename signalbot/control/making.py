"""Makes running strategies of configured ones: built-in, in workers, or asking a model."""

from signalbot.advisor.analyst import Analysts
from signalbot.config.ai import LLM_KIND
from signalbot.config.files import strategy_file
from signalbot.config.terms import FILE_KIND, StrategyTerms
from signalbot.domain.errors import ConfigError
from signalbot.pipeline.evaluate import Deployment
from signalbot.sandbox.files import FileStrategy, StrategyFiles
from signalbot.strategies import BadParameter, build
from signalbot.strategies.base import Failed, RemoteStrategy, Strategy


class Maker:
    def __init__(self, files: StrategyFiles, analysts: Analysts | None = None) -> None:
        self._files = files
        self._analysts = analysts

    async def make(self, terms: StrategyTerms) -> Deployment:
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

    def forget(self, name: str) -> None:
        """Free what a strategy that runs no more has held."""
        self._files.drop(name)

    async def _strategy(self, terms: StrategyTerms) -> Strategy | RemoteStrategy:
        if terms.kind == LLM_KIND:
            return self._analyst(terms)
        if terms.kind != FILE_KIND:
            return build(terms.kind, timeframe=terms.candles, params=terms.params)
        try:
            return await self._files.open(terms.name, strategy_file(terms))
        except (Failed, BadParameter) as e:
            raise ConfigError(f"strategies.{terms.name}: {terms.path}: {e}") from None

    def _analyst(self, terms: StrategyTerms) -> RemoteStrategy:
        if self._analysts is None:
            raise ConfigError(
                f"strategies.{terms.name}: kind 'llm' asks a model, which is not done here: "
                "what it would say today of candles long past proves nothing"
            )
        return self._analysts.open(terms.name, timeframe=terms.candles, params=terms.params)
