"""Builds strategies from their settings: built-in, from a file in a worker, or with an AI model."""

import json

from signalbot.ai.llm_strategy import LlmStrategyFactory
from signalbot.config.checks.strategy_files import read_strategy_file
from signalbot.config.sections.ai import LLM_KIND
from signalbot.config.settings import FILE_KIND, StrategySettings
from signalbot.domain.errors import ConfigError
from signalbot.ledger.accounts import StrategyRecord
from signalbot.pipeline.signals.evaluator import Deployment
from signalbot.sandbox.file_strategy import FileStrategy, FileStrategyRegistry
from signalbot.strategies import BadParameter, build_strategy
from signalbot.strategies.base import LocalStrategy, RemoteStrategy, StrategyFailed


class StrategyFactory:
    """Builds deployments and owns the workers of strategy files."""

    def __init__(
        self, files: FileStrategyRegistry, llm_strategies: LlmStrategyFactory | None = None
    ) -> None:
        """Without ``llm_strategies``, strategies of kind ``llm`` are rejected."""
        self._files = files
        self._llm_strategies = llm_strategies

    async def build(self, settings: StrategySettings) -> Deployment:
        """Build a strategy for the evaluator.

        Raises:
            ConfigError: it cannot be run, for example because of an error in its file.
        """
        return Deployment(
            name=settings.name,
            strategy=await self._strategy(settings),
            exchange=settings.exchange,
            symbols=settings.symbols,
            signal_ttl_ms=settings.signal_ttl_ms,
        )

    def keep(self, deployment: Deployment) -> None:
        """Keep the worker of a deployed strategy until ``release``."""
        if isinstance(deployment.strategy, FileStrategy):
            self._files.keep(deployment.name, deployment.strategy)

    def discard(self, deployment: Deployment) -> None:
        """Stop the worker of a strategy that is not deployed."""
        if isinstance(deployment.strategy, FileStrategy):
            self._files.discard(deployment.strategy)

    def release(self, name: str) -> None:
        """Stop the worker of a removed strategy."""
        self._files.unregister(name)

    async def _strategy(self, settings: StrategySettings) -> LocalStrategy | RemoteStrategy:
        if settings.kind == LLM_KIND:
            return self._llm_strategy(settings)
        if settings.kind != FILE_KIND:
            return build_strategy(
                settings.kind, timeframe=settings.candle_timeframe, params=settings.params
            )
        try:
            return await self._files.open(settings.name, read_strategy_file(settings))
        except (StrategyFailed, BadParameter) as e:
            raise ConfigError(f"strategies.{settings.name}: {settings.path}: {e}") from None

    def _llm_strategy(self, settings: StrategySettings) -> RemoteStrategy:
        if self._llm_strategies is None:
            raise ConfigError(
                f"strategies.{settings.name}: kind 'llm' cannot be replayed: "
                "a model's responses to past candles are not evidence"
            )
        return self._llm_strategies.open(
            settings.name, timeframe=settings.candle_timeframe, params=settings.params
        )


def strategy_record(settings: StrategySettings) -> StrategyRecord:
    """The ledger row of a strategy."""
    return StrategyRecord(
        name=settings.name,
        kind=settings.kind,
        exchange=settings.exchange,
        symbols=settings.symbols,
        timeframe=settings.timeframe or "",
        signal_ttl_ms=settings.signal_ttl_ms,
        params=json.dumps(dict(settings.params), sort_keys=True),
        origin=settings.origin,
        owner=settings.owner,
        version=settings.version,
    )
