"""The strategies of the running daemon: built, deployed, replaced and removed."""

import asyncio
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from signalbot.control.strategy_factory import StrategyFactory
from signalbot.control.subscription_registry import SubscriptionRegistry
from signalbot.domain.users import UserId
from signalbot.pipeline.signals.evaluator import Deployment, Evaluator
from signalbot.settings.strategy import StrategySettings


class StrategyRegistry:
    """Strategies by name. Those with a webhook receive alerts; all others run on candles."""

    def __init__(
        self,
        factory: StrategyFactory,
        evaluator: Evaluator,
        subscriptions: SubscriptionRegistry,
    ) -> None:
        self._factory = factory
        self._evaluator = evaluator
        self._subscriptions = subscriptions
        self._settings: dict[str, StrategySettings] = {}

    @property
    def all(self) -> Mapping[str, StrategySettings]:
        """A live, read-only view of every strategy's settings by name."""
        return MappingProxyType(self._settings)

    def symbols_of(self, names: Iterable[str]) -> set[str]:
        """The symbols of these strategies. ``KeyError`` for an unknown strategy."""
        return {symbol for name in names for symbol in self._settings[name].symbols}

    def load(self, strategies: Mapping[str, StrategySettings]) -> None:
        """Register the configured strategies; ``start`` deploys them."""
        self._settings.update(strategies)

    async def start(self) -> None:
        """Build and deploy every strategy that runs on candles; builds run concurrently.

        Raises:
            ConfigError: a strategy cannot be built.
        """
        async with asyncio.TaskGroup() as group:
            builds = [
                group.create_task(self._factory.build(each), name=f"build {each.name}")
                for each in self._settings.values()
                if each.webhook is None
            ]
        for task in builds:
            self._factory.keep(task.result())
            self._evaluator.deploy(task.result())

    async def build(self, strategies: Iterable[StrategySettings]) -> dict[str, Deployment]:
        """Build deployments of the strategies that run on candles, by name: all or none.

        Raises:
            ConfigError: a strategy cannot be built; nothing has changed.
        """
        built: dict[str, Deployment] = {}
        try:
            for each in strategies:
                if each.webhook is None:
                    built[each.name] = await self._factory.build(each)
        except BaseException:
            for deployment in built.values():
                self._factory.discard(deployment)
            raise
        return built

    def deploy(self, settings: StrategySettings, deployment: Deployment | None) -> None:
        """Add a strategy, or replace the one of the same name; None for one with a webhook.

        A replaced strategy continues with its next candle: no candle is evaluated twice. Its users
        must be subscribed again.
        """
        self._detach(settings.name)
        self._settings[settings.name] = settings
        if deployment is not None:
            self._factory.keep(deployment)
            self._evaluator.deploy(deployment)

    def remove(self, name: str) -> None:
        """Remove a strategy without subscribers."""
        del self._settings[name]
        self._factory.release(name)

    async def subscribe(self, name: str, user_id: UserId) -> None:
        """Run a strategy for this user, too; no effect on one with a webhook."""
        if self._runs_on_candles(name):
            await self._evaluator.subscribe(name, user_id)

    def unsubscribe(self, name: str, user_id: UserId) -> None:
        """Stop running a strategy for this user; it stops with its last user."""
        if self._runs_on_candles(name):
            self._evaluator.unsubscribe(name, user_id)

    def suspend_idle(self) -> None:
        """Release the resources of strategies without users."""
        self._evaluator.suspend_idle()

    def _detach(self, name: str) -> None:
        if name in self._settings:
            for user_id in self._subscriptions.users_of(name):
                self.unsubscribe(name, user_id)

    def _runs_on_candles(self, name: str) -> bool:
        return self._settings[name].webhook is None
