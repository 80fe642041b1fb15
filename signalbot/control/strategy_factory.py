"""Builds running strategies from their settings."""

import json

from signalbot.ai.llm_strategy import LlmStrategyFactory
from signalbot.config.strategy_kinds import strategy_kind
from signalbot.ledger.accounts import StrategyRecord
from signalbot.pipeline.signals.evaluator import Deployment
from signalbot.sandbox.file_strategy import FileStrategy, FileStrategyRegistry
from signalbot.settings.strategy import StrategySettings
from signalbot.strategies.kinds import FILE, LLM, StrategyRuntime


class StrategyFactory:
    """Builds strategies of every kind; of kind "llm" only with ``llm_strategies``."""

    def __init__(
        self, files: FileStrategyRegistry, llm_strategies: LlmStrategyFactory | None = None
    ) -> None:
        self._files = files
        self._runtimes: dict[str, StrategyRuntime] = {FILE: files}
        if llm_strategies is not None:
            self._runtimes[LLM] = llm_strategies

    async def build(self, settings: StrategySettings) -> Deployment:
        """Build a strategy as the evaluator runs it.

        Raises:
            ConfigError: it cannot run.
        """
        return Deployment(
            name=settings.name,
            strategy=await strategy_kind(settings.kind).build(settings, self._runtimes),
            exchange=settings.exchange,
            symbols=settings.symbols,
            signal_ttl_ms=settings.signal_ttl_ms,
        )

    def keep(self, deployment: Deployment) -> None:
        """Register the worker of a deployed strategy under its name."""
        if isinstance(deployment.strategy, FileStrategy):
            self._files.keep(deployment.name, deployment.strategy)

    def discard(self, deployment: Deployment) -> None:
        """Close the worker of a strategy that is not deployed."""
        if isinstance(deployment.strategy, FileStrategy):
            self._files.discard(deployment.strategy)

    def release(self, name: str) -> None:
        """Stop the worker of a removed strategy."""
        self._files.unregister(name)


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
