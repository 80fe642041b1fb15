"""Compares two configurations, and finds the changes that need a restart. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Generic, TypeVar

from signalbot.config.problems import Problem
from signalbot.config.settings import Config
from signalbot.domain.users import Subscription, User, UserId
from signalbot.settings.strategy import StrategySettings

K = TypeVar("K")
V = TypeVar("V")

SubscriptionKey = tuple[UserId, str]

RELOADABLE = frozenset(
    {"path", "notify", "users", "strategies", "subscriptions", "warnings", "sources"}
)
"""Parts of a configuration that are reloaded; all others are read only at the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDiff(Generic[K, V]):
    """The difference of two tables of definitions."""

    added: tuple[V, ...]
    changed: tuple[V, ...]  #: their new values
    removed: tuple[K, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigDiff:
    """The difference of two configurations in everything that is reloaded."""

    users: TableDiff[UserId, User]
    strategies: TableDiff[str, StrategySettings]
    subscriptions: TableDiff[SubscriptionKey, Subscription]
    notify: bool = False  #: whether notification settings changed

    def __bool__(self) -> bool:
        return bool(self.users or self.strategies or self.subscriptions or self.notify)

    def summary(self) -> dict[str, list[str]]:
        """Names of everything changed, for the log; empty lists are omitted."""
        users, strategies, subscriptions = self.users, self.strategies, self.subscriptions
        found = {
            "users_added": [user.user_id for user in users.added],
            "users_changed": [user.user_id for user in users.changed],
            "users_removed": users.removed,
            "strategies_added": [strategy.name for strategy in strategies.added],
            "strategies_changed": [strategy.name for strategy in strategies.changed],
            "strategies_removed": strategies.removed,
            "subscriptions_added": [each.subscription_id for each in subscriptions.added],
            "subscriptions_changed": [each.subscription_id for each in subscriptions.changed],
            "subscriptions_removed": ["/".join(key) for key in subscriptions.removed],
            "sections": ["notify"] if self.notify else [],
        }
        return {what: [*map(str, names)] for what, names in found.items() if names}


def diff_configs(old: Config, new: Config) -> ConfigDiff:
    """The difference from ``old`` to ``new``."""
    return ConfigDiff(
        users=_diff_tables(old.users, new.users),
        strategies=_diff_tables(old.strategies, new.strategies),
        subscriptions=_diff_tables(_by_key(old), _by_key(new)),
        notify=old.notify != new.notify,
    )


def restart_problems(old: Config, new: Config) -> Iterator[Problem]:
    """A problem for every section that has changed and is read only at the start."""
    for field in fields(Config):
        if field.name in RELOADABLE or getattr(old, field.name) == getattr(new, field.name):
            continue
        yield new.sources.problem(
            (field.name,), "is read only at the start: put it back, or restart the daemon"
        )


def _by_key(config: Config) -> dict[SubscriptionKey, Subscription]:
    return {(each.user_id, each.strategy): each for each in config.subscriptions}


def _diff_tables(old: Mapping[K, V], new: Mapping[K, V]) -> TableDiff[K, V]:
    return TableDiff(
        added=tuple(value for key, value in new.items() if key not in old),
        changed=tuple(value for key, value in new.items() if key in old and old[key] != value),
        removed=tuple(key for key in old if key not in new),
    )
