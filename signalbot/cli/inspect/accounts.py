"""``users``, ``strategies`` and ``subscriptions``: list what the daemon is configured with."""

from typing import Annotated, Literal

import typer

from signalbot.cli.formatting import comma_list, duration, number, utc
from signalbot.cli.ledger_source import open_reader
from signalbot.cli.options import ConfigOption, JsonOption, LedgerOption, StrategyOption, UserOption
from signalbot.cli.render import Column, print_list
from signalbot.ledger import views

UserStatusChoice = Literal["ACTIVE", "PAUSED", "HALTED", "REMOVED"]
SubscriptionStatusChoice = Literal["ACTIVE", "PAUSED", "CANCELLED"]

_USERS = (
    Column("User", "user_id"),
    Column("Mode", "mode"),
    Column("Status", "status"),
    Column("Exchange", "exchange"),
    Column("Leverage", "leverage", is_number=True, is_extra=True),
    Column("Margin", "margin_mode", is_extra=True),
    Column("Paper balance", "paper_balance", number, is_number=True, is_extra=True),
    Column("Subscriptions", "subscriptions", is_number=True, is_extra=True),
    Column("Open", "open_positions", is_number=True),
    Column("Reason", "status_reason", is_prose=True),
)
_STRATEGIES = (
    Column("Strategy", "name"),
    Column("Kind", "kind"),
    Column("Status", "status"),
    Column("Exchange", "exchange", is_extra=True),
    Column("Timeframe", "timeframe"),
    Column("TTL", "signal_ttl_ms", duration, is_extra=True),
    Column("Subscribers", "subscribers", is_number=True),
    Column("Symbols", "symbols", comma_list, is_prose=True),
)
_SUBSCRIPTIONS = (
    Column("Subscription", "subscription_id"),
    Column("User", "user_id"),
    Column("Strategy", "strategy"),
    Column("Status", "status"),
    Column("Origin", "origin"),
    Column("Since", "updated_at_ms", utc, is_extra=True),
)


def users(
    *,
    user: UserOption = None,
    status: Annotated[
        UserStatusChoice | None,
        typer.Option("--status", case_sensitive=False, help="Only users of this status."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    ledger: LedgerOption = None,
) -> None:
    """List users: mode, status, account, open positions."""
    with open_reader(config, ledger) as source:
        selection = source.select(user=user, status=status)
        rows = views.users(source.connection, selection)
    print_list(rows, _USERS, as_json=as_json, none="no users")


def strategies(
    *,
    strategy: StrategyOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    ledger: LedgerOption = None,
) -> None:
    """List strategies: markets, timeframe and number of subscribers."""
    with open_reader(config, ledger) as source:
        selection = source.select(strategy=strategy)
        rows = views.strategies(source.connection, selection)
    print_list(rows, _STRATEGIES, as_json=as_json, none="no strategies")


def subscriptions(
    *,
    user: UserOption = None,
    strategy: StrategyOption = None,
    status: Annotated[
        SubscriptionStatusChoice | None,
        typer.Option("--status", case_sensitive=False, help="Only subscriptions of this status."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    ledger: LedgerOption = None,
) -> None:
    """List the subscriptions of users to strategies."""
    with open_reader(config, ledger) as source:
        selection = source.select(user=user, strategy=strategy, status=status)
        rows = views.subscriptions(source.connection, selection)
    print_list(rows, _SUBSCRIPTIONS, as_json=as_json, none="no subscriptions")
