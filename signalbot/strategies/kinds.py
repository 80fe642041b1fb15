"""Strategy kinds: which keys a kind has, how it is validated, and how it is built.

A kind is one class. ``BuiltinKind`` is the kind of every built-in strategy; features register the
special ones in ``config.strategy_kinds``. Imports no numerical library at module level.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from signalbot.domain.timeframe import Timeframe
from signalbot.settings.strategy import StrategySettings
from signalbot.strategies import build_strategy

if TYPE_CHECKING:
    from signalbot.strategies.base import LocalStrategy, RemoteStrategy

FILE = "file"
LLM = "llm"
WEBHOOK = "webhook"


class StrategyRuntime(Protocol):
    """Runs strategies of one kind outside this process, as long as the daemon runs."""

    async def open_configured(self, settings: StrategySettings) -> "RemoteStrategy":
        """Open the strategy with these settings.

        Raises:
            StrategyFailed: it cannot run.
            BadParameter: a parameter is invalid.
        """
        ...


class StrategyKind:
    """One kind of strategy; ``name`` is the value of ``kind`` in the configuration."""

    name: str = ""
    own_keys: tuple[str, ...] = ()  #: keys of the strategy's table that no other kind has
    required_keys: tuple[str, ...] = ()  #: those of ``own_keys`` that must be set
    operator_params: tuple[str, ...] = ()  #: params that an administrator alone may change
    is_subscribable: bool = True  #: evaluated on candles while users subscribe; needs a timeframe
    needs_worker: bool = False  #: runs a user's code in a worker; validating it starts one

    def validate(self, settings: StrategySettings) -> Mapping[Timeframe, int]:
        """Validate the parameters and return the required candles by timeframe.

        Raises:
            UnknownKind: there is no such kind.
            BadParameter: a parameter is invalid.
            StrategyFailed: its code cannot run; only if ``needs_worker``.
        """
        raise NotImplementedError

    async def build(
        self, settings: StrategySettings, runtimes: Mapping[str, StrategyRuntime]
    ) -> "LocalStrategy | RemoteStrategy":
        """Build the strategy; kinds that run elsewhere use the runtime of their name.

        Raises:
            ConfigError: this kind cannot run here, for example in a replay.
            StrategyFailed, BadParameter: as ``validate``.
        """
        raise NotImplementedError


class BuiltinKind(StrategyKind):
    """Built-in strategies, one class per kind in this package."""

    def validate(self, settings: StrategySettings) -> Mapping[Timeframe, int]:
        return _built(settings).warm_up

    async def build(
        self, settings: StrategySettings, runtimes: Mapping[str, StrategyRuntime]
    ) -> "LocalStrategy | RemoteStrategy":
        return _built(settings)


class WebhookKind(StrategyKind):
    """Alert sources: they read no candles, and there is nothing to build."""

    name = WEBHOOK
    own_keys = ("webhook",)
    is_subscribable = False

    def validate(self, settings: StrategySettings) -> Mapping[Timeframe, int]:
        return {}


def _built(settings: StrategySettings) -> "LocalStrategy":
    return build_strategy(
        settings.kind, timeframe=settings.candle_timeframe, params=settings.params
    )
