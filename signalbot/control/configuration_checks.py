"""Checks of a configuration change beyond those of the file: rights, names, accounts in use."""

from collections.abc import Iterable, Iterator, Mapping

import structlog

from signalbot.config.problems import Problem
from signalbot.config.runtime_definitions import Definition
from signalbot.config.settings import Config
from signalbot.config.toml_positions import Keys
from signalbot.control.config_diff import ConfigDiff
from signalbot.control.subscription_registry import SubscriptionRegistry
from signalbot.domain.errors import Conflict, NotAllowed
from signalbot.domain.settings import Settings
from signalbot.domain.settings_bounds import loosened_fields
from signalbot.domain.users import StatusBy, SubscriptionStatus, User, UserId
from signalbot.ports import Exchange

log = structlog.get_logger()


def require_free_name(config: Config, path: Keys) -> None:
    """Raise unless ``path`` is defined neither by the API nor in the file.

    Raises:
        Conflict: it is defined.
    """
    if path in config.sources.definitions:
        raise Conflict(f"{'.'.join(path)} exists already")
    if config.sources.has(*path):
        raise Conflict(
            f"{'.'.join(path)} is defined in {config.path.name}: change it there, then reload"
        )


def require_own_definition(definition: Definition, subscriptions: SubscriptionRegistry) -> None:
    """Raise unless the user may end this subscription.

    Raises:
        NotAllowed: the operator has defined or paused it.
    """
    _, user_id, _, strategy = definition.path
    existing = subscriptions.get(UserId(user_id), strategy)
    is_paused_by_operator = (
        existing is not None
        and existing.status is SubscriptionStatus.PAUSED
        and existing.status_by is StatusBy.OPERATOR
    )
    if definition.operator_table is not None or is_paused_by_operator:
        raise NotAllowed("the operator has made or paused this subscription: pause it instead")


def require_not_loosened(path: Keys, *, bounds: Config, new: Config) -> None:
    """Raise unless the subscription at ``path`` only tightens the operator's settings.

    Raises:
        NotAllowed: it loosens some; the message names them.
    """
    loosened = loosened_fields(
        _subscription_settings(bounds, path), _subscription_settings(new, path)
    )
    if loosened:
        raise NotAllowed(
            f"only the operator may loosen {', '.join(loosened)}: leave it out, or tighten it"
        )


def subscriptions_to(path: Keys, definitions: Iterable[Keys]) -> list[Keys]:
    """Paths of the API's subscriptions to the strategy at ``path``: they end with it."""
    if path[0] != "strategies":
        return []
    return [each for each in definitions if len(each) > len(path) and each[-1] == path[-1]]


def unlisted_symbols(
    config: Config, exchange: str, exchanges: Mapping[str, Exchange]
) -> Iterator[tuple[str, str]]:
    """Strategy and symbol of everything configured at ``exchange`` that it does not list.

    Symbols that are listed are registered with the market, which follows their prices.
    """
    market = exchanges[exchange].market
    for strategy in config.strategies.values():
        for symbol in strategy.symbols if strategy.exchange == exchange else ():
            try:
                market.instrument(symbol)
            except KeyError:
                yield strategy.name, symbol


def symbol_problems(config: Config, exchanges: Mapping[str, Exchange]) -> Iterator[Problem]:
    """A problem for each symbol that the exchange of its strategy does not list."""
    for exchange in dict.fromkeys(each.exchange for each in config.strategies.values()):
        for name, symbol in unlisted_symbols(config, exchange, exchanges):
            path = ("strategies", name, "symbols")
            yield config.sources.problem(path, f"{exchange} does not list {symbol}")


def log_unlisted_symbols(config: Config, exchanges: Mapping[str, Exchange], exchange: str) -> None:
    """Log an error for each symbol that an exchange connected after the start does not list."""
    for name, symbol in unlisted_symbols(config, exchange, exchanges):
        problem = f"strategies.{name}.symbols: {exchange} does not list {symbol}"
        log.error("strategy.symbol_not_listed", exchange=exchange, problem=problem)


def departing_users(old: Config, diff: ConfigDiff) -> tuple[UserId, ...]:
    """Users that are removed, or that change a setting which open positions depend on."""
    moved = (
        user.user_id
        for user in diff.users.changed
        if _account_identity(user) != _account_identity(old.users[user.user_id])
    )
    return (*diff.users.removed, *moved)


def in_use_problems(new: Config, user_ids: Iterable[UserId]) -> Iterator[Problem]:
    """A problem for each user that cannot leave because of its positions or orders."""
    for user_id in user_ids:
        yield new.sources.problem(
            ("users", user_id),
            "has open positions or orders: close them before the account goes or changes",
        )


def _account_identity(user: User) -> tuple[object, ...]:
    """The settings that an open position depends on."""
    return (user.mode, user.account.exchange, user.account.margin_mode, user.account.leverage)


def _subscription_settings(config: Config, path: Keys) -> Settings:
    """The merged settings of the subscription at ``path``."""
    _, user_id, _, strategy = path
    return next(
        each.settings
        for each in config.subscriptions
        if (each.user_id, each.strategy) == (user_id, strategy)
    )
