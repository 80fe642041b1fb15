"""``[users.NAME]``: a user, the account, and the subscriptions."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from signalbot.config.number_types import Number
from signalbot.config.section import Flag, Section, key
from signalbot.config.sections.notify import EventsSection, TimesSection
from signalbot.config.sections.settings_layers import SettingsLayer
from signalbot.config.validators import DIRECT, Egress, Name, NotifyUrl, Text
from signalbot.domain.users import AccountSettings, MarginMode, Mode, Origin, User, UserId


class AccountSection(Section):
    """A user's account at one exchange."""

    exchange: Text = Field(description="Name of an exchange of this file.")
    leverage: Annotated[int, Number(kind=int, at_least=1, at_most=125)] = Field(
        default=1, description="Leverage of every position."
    )
    margin_mode: MarginMode = Field(
        default=MarginMode.ISOLATED, description="Margin mode of positions."
    )
    paper_balance: Annotated[Decimal, Number(above=0)] = Field(
        default=10_000,
        validate_default=True,
        description="Initial balance of a paper account, in quote currency.",
    )
    shadow: Flag = Field(
        default=False,
        description="Whether a paper account mirrors this live account with the same settings.",
    )
    allow_withdrawal_keys: Flag = Field(
        default=False,
        description="Whether to accept a key that can withdraw; else its user is halted.",
    )
    egress: Egress = Field(
        default=DIRECT,
        description="Route of its requests: direct, a proxy URL, or a local address.",
    )


class UserSection(SettingsLayer):
    """One trading account; a person with two accounts is two users."""

    mode: Mode = Field(
        default=Mode.PAPER, description="Notifications only, simulated fills, or real orders."
    )
    notify: tuple[NotifyUrl, ...] = Field(
        default=(), description='apprise URLs to notify; "secret:NAME" is read from the vault.'
    )
    notify_events: EventsSection = key(
        "Level of each notice to this user; overrides notify.events."
    )
    notify_times: TimesSection = key(
        "Summary time and time zone of this user; override those of notify."
    )
    account: AccountSection = Field(description="The account that trades.")
    subscriptions: dict[Name, SettingsLayer] = Field(
        default={}, description="Strategies this user follows, each with its settings."
    )


def user_settings(user_id: UserId, table: UserSection, origin: Origin) -> User:
    """Convert the section to a user."""
    account = table.account
    return User(
        user_id=user_id,
        mode=table.mode,
        account=AccountSettings(
            exchange=account.exchange,
            leverage=account.leverage,
            margin_mode=account.margin_mode,
            paper_balance=account.paper_balance,
            egress=account.egress,
            allow_withdrawal_keys=account.allow_withdrawal_keys,
        ),
        notify=table.notify,
        origin=origin,
    )
