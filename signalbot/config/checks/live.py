"""Checks that real exchanges support the configured markets and settings."""

from collections.abc import Iterator, Mapping

from signalbot.config.problems import Problem
from signalbot.config.settings import Config
from signalbot.config.sources import setting_layers
from signalbot.config.toml_positions import Keys
from signalbot.domain.market import MarketKind
from signalbot.domain.orders import OrderType
from signalbot.domain.settings import EntryType, Settings, StopSource, TargetSource
from signalbot.domain.users import Mode, Subscription, User
from signalbot.exchange.live.capabilities import Capabilities, StopSupport
from signalbot.exchange.live.registry import (
    adapters_of,
    exchange_row,
    unsupported_message,
)
from signalbot.exchange.live.transport.ccxt_settings import forbidden_options
from signalbot.exchange.live.transport.client_profile import Sandbox
from signalbot.settings.exchange import ExchangeSettings


def live_problems(config: Config) -> tuple[Problem, ...]:
    """Return every setting that its exchange does not support."""
    return tuple(dict.fromkeys(_problems(config)))


def exchange_capabilities(exchange: ExchangeSettings) -> Mapping[MarketKind, Capabilities]:
    """Return capabilities by kind of market; empty for a simulated or unsupported exchange."""
    if exchange.is_simulated:
        return {}
    return {kind: each.capabilities for kind, each in adapters_of(exchange.ccxt_id).items()}


def _problems(config: Config) -> Iterator[Problem]:
    problem = config.sources.problem
    for exchange in config.exchanges.values():
        if not exchange.is_simulated:
            yield from _of_exchange(config, exchange)
    for strategy in config.strategies.values():
        by_kind = exchange_capabilities(config.exchanges[strategy.exchange])
        for symbol in strategy.symbols if by_kind else ():
            if _kind(symbol) not in by_kind:
                yield problem(
                    ("strategies", strategy.name, "symbols"),
                    f"{symbol!r} is a {_kind(symbol)} market, and {strategy.exchange!r} has only "
                    f"{', '.join(by_kind)} markets here",
                )
    for subscription in config.subscriptions:
        user = config.users[subscription.user_id]
        if user.mode is Mode.LIVE:
            yield from _of_subscription(config, user, subscription)


def _of_exchange(config: Config, exchange: ExchangeSettings) -> Iterator[Problem]:
    problem, table = config.sources.problem, ("exchanges", exchange.name)
    if not exchange_capabilities(exchange):
        yield problem((*table, "ccxt_id"), unsupported_message(exchange.ccxt_id))
    if exchange.sandbox and exchange_row(exchange.ccxt_id).sandbox is Sandbox.NONE:
        yield problem(
            (*table, "sandbox"),
            f"{exchange.ccxt_id!r} has no test network: set it to false, and test in mode 'paper'",
        )
    for where, message in forbidden_options(exchange.ccxt):
        yield problem((*table, "ccxt", *where), message)


def _of_subscription(config: Config, user: User, subscription: Subscription) -> Iterator[Problem]:
    by_kind = exchange_capabilities(config.exchanges[user.account.exchange])
    symbols = config.strategies[subscription.strategy].symbols
    for kind in dict.fromkeys(map(_kind, symbols)):
        if kind not in by_kind:
            continue
        for setting, reason in _unsupported(by_kind[kind], subscription.settings, user):
            layers = setting_layers(subscription.user_id, subscription.strategy)
            path = config.sources.deciding_path(layers, setting) or ("defaults", *setting)
            if setting[0] == "account":
                path = ("users", user.user_id, *setting)
            yield config.sources.problem(
                path, f"{reason} on {kind} markets of {user.account.exchange!r}"
            )


def _unsupported(
    capabilities: Capabilities, settings: Settings, user: User
) -> Iterator[tuple[Keys, str]]:
    """Yield the settings that an exchange does not support, each with the reason."""
    protection = settings.protection
    needs_stop = protection.stop_source is not StopSource.NONE
    if needs_stop and capabilities.stops is StopSupport.NONE:
        yield ("protection", "stop_loss", "source"), "stop orders are not supported"
    if not capabilities.has_take_profit and protection.targets_from is not TargetSource.NONE:
        yield (
            ("protection", "take_profits_from"),
            "stop and take profits would need the same coins: set 'none'",
        )
    if not capabilities.has_take_profit and protection.trailing_percent > 0:
        yield (
            ("protection", "trailing_percent"),
            "a stop cannot be moved without a gap in protection: set 0",
        )
    if settings.entry.type is EntryType.MARKET and OrderType.MARKET not in capabilities.order_types:
        yield ("entry", "type"), "market entries are not supported: set 'limit'"
    if user.account.leverage > 1 and not capabilities.leverage:
        yield ("account", "leverage"), "leverage is not supported: set 1"
    elif capabilities.leverage and user.account.margin_mode not in capabilities.margin_modes:
        yield ("account", "margin_mode"), f"{user.account.margin_mode.value!r} is not supported"


def _kind(symbol: str) -> MarketKind:
    return MarketKind.SWAP if ":" in symbol else MarketKind.SPOT
