"""``[notify]`` and the notification tables of users, and their conversion to settings."""

import re
from dataclasses import replace
from datetime import time
from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from signalbot.config.number_types import NO_LIMIT
from signalbot.config.section import Section, given_fields, key
from signalbot.config.validators import NotifyUrl, TimeZone
from signalbot.domain.notices import OPERATOR_DEFAULTS, NoticeRules, NotifyLevel, TimeSettings

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)


def _clock_time(value: object) -> time | None:
    if value in (None, NO_LIMIT):
        return None
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise ValueError("is not a time of day such as '08:00', or 'none'")
    return time.fromisoformat(value)


ClockTimeOrNone = Annotated[
    time | None,
    PlainValidator(_clock_time),
    WithJsonSchema({"type": "string", "examples": ["08:00", NO_LIMIT]}),
]


class EventsSection(Section):
    """Level of each kind of notice: on, silent or off."""

    signal: NotifyLevel = key('A signal, in full, for a user of mode "signals".')
    sent: NotifyLevel = key("An entry order is accepted and not filled yet.")
    filled: NotifyLevel = key("An entry order is filled.")
    protected: NotifyLevel = key("The stop is in place.")
    target_hit: NotifyLevel = key("A take profit is filled.")
    reduced: NotifyLevel = key("An exit closed part of a position.")
    closed: NotifyLevel = key("A position is closed, with its result.")
    unprotected: NotifyLevel = key("A position was closed because its stop could not be placed.")
    refused: NotifyLevel = key("A signal was skipped, with the reason.")
    failed: NotifyLevel = key("An entry failed.")
    halted: NotifyLevel = key(
        "A user or all trading is halted, paused or resumed; a symbol is blocked by a mismatch."
    )
    trouble: NotifyLevel = key(
        "The disk is almost full, an exchange is unreachable, a source is silent or lost an alert."
    )
    summary: NotifyLevel = key("The summary of the day.")


class TimesSection(Section):
    """Time of the daily summary, and time zone of notices."""

    daily_summary: ClockTimeOrNone = key('Time of the daily summary; "none" for never.')
    time_zone: TimeZone = key("IANA time zone of notices, such as Europe/Berlin.")


class NotifySection(Section):
    """Notices to the operator, and default levels of all notices."""

    operator: tuple[NotifyUrl, ...] = Field(
        default=(),
        description='apprise URLs of the operator; "secret:NAME" is read from the vault.',
    )
    daily_summary: ClockTimeOrNone = Field(
        default="08:00",
        validate_default=True,
        description='Time of the daily summary; "none" for never.',
    )
    time_zone: TimeZone = Field(
        default="UTC", description="IANA time zone of notices, such as Europe/Berlin."
    )
    events: EventsSection = key("Level of each notice to users.")
    operator_events: EventsSection = key("Level of each notice to the operator.")


def rules_for_users(table: NotifySection, own: EventsSection | None) -> NoticeRules:
    """Return the notice levels of a user: ``own`` over the defaults for users."""
    return NoticeRules(**{**_given(table.events), **_given(own)})


def user_times(table: NotifySection, own: TimesSection | None) -> TimeSettings | None:
    """Return a user's summary time and time zone; None without a table of the user."""
    if own is None:
        return None
    common = TimeSettings(daily_summary=table.daily_summary, time_zone=table.time_zone)
    return replace(common, **given_fields(own))


def rules_for_operator(table: NotifySection) -> NoticeRules:
    """Return the notice levels of the operator."""
    return replace(OPERATOR_DEFAULTS, **_given(table.operator_events))


def _given(table: EventsSection | None) -> dict[str, NotifyLevel]:
    return {} if table is None else given_fields(table)


def notices_table() -> str:
    """Return all kinds of notices with their default levels, as a Markdown table."""
    users, operator = NoticeRules(), OPERATOR_DEFAULTS
    rows = (
        f"| `{name}` | {getattr(users, name)} | {getattr(operator, name)} | {field.description} |"
        for name, field in EventsSection.model_fields.items()
    )
    return "\n".join(("| Notice | Users | Operator | When |", "|---|---|---|---|", *rows))
