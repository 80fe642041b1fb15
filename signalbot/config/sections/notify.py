"""The keys of the file about notices, and what they come to."""

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
    """How loudly each kind of notice is told: on, silent or off."""

    signal: NotifyLevel = key('A signal for a user of mode "signals": the whole advice.')
    sent: NotifyLevel = key("An entry that the exchange has taken and not filled yet.")
    filled: NotifyLevel = key("An entry that was filled.")
    protected: NotifyLevel = key("The stop is in place.")
    target_hit: NotifyLevel = key("A take profit was filled.")
    reduced: NotifyLevel = key("An exit has closed a part of a position.")
    closed: NotifyLevel = key("A position is closed, with its result.")
    unprotected: NotifyLevel = key("A position was closed because its stop could not be placed.")
    refused: NotifyLevel = key("A signal that was not taken, and why.")
    failed: NotifyLevel = key("An entry that came to nothing.")
    halted: NotifyLevel = key(
        "A user or all trading is halted, paused or resumed; a symbol waits: the exchange differs."
    )
    trouble: NotifyLevel = key(
        "The disk is filling up, an exchange is away, a source is silent or lost an alert."
    )
    summary: NotifyLevel = key("The summary of the day.")


class TimesSection(Section):
    """By which clocks somebody is told, and when the day is summed up."""

    daily_summary: ClockTimeOrNone = key('When the day is summed up; "none" for never.')
    time_zone: TimeZone = key("The IANA time zone of notices, such as Europe/Berlin.")


class NotifySection(Section):
    """Notices to the operator, and how loudly everybody is told."""

    operator: tuple[NotifyUrl, ...] = Field(
        default=(),
        description='apprise URLs of whoever runs it; "secret:NAME" is read from the vault.',
    )
    daily_summary: ClockTimeOrNone = Field(
        default="08:00",
        validate_default=True,
        description='When the day is summed up; "none" for never.',
    )
    time_zone: TimeZone = Field(
        default="UTC", description="The IANA time zone of notices, such as Europe/Berlin."
    )
    events: EventsSection = key("How loudly users are told.")
    operator_events: EventsSection = key("How loudly the operator is told.")


def rules_for_users(table: NotifySection, own: EventsSection | None) -> NoticeRules:
    """What holds for a user whose own table is ``own``."""
    return NoticeRules(**{**_given(table.events), **_given(own)})


def user_times(table: NotifySection, own: TimesSection | None) -> TimeSettings | None:
    """The clocks of a user whose own table is ``own``; None: as everybody else's."""
    if own is None:
        return None
    common = TimeSettings(daily_summary=table.daily_summary, time_zone=table.time_zone)
    return replace(common, **given_fields(own))


def rules_for_operator(table: NotifySection) -> NoticeRules:
    """What holds for the operator."""
    return replace(OPERATOR_DEFAULTS, **_given(table.operator_events))


def _given(table: EventsSection | None) -> dict[str, NotifyLevel]:
    return {} if table is None else given_fields(table)


def notices_table() -> str:
    """Every kind of notice and how loudly it is told by default, as Markdown for the README."""
    users, operator = NoticeRules(), OPERATOR_DEFAULTS
    rows = (
        f"| `{name}` | {getattr(users, name)} | {getattr(operator, name)} | {field.description} |"
        for name, field in EventsSection.model_fields.items()
    )
    return "\n".join(("| Notice | Users | Operator | When |", "|---|---|---|---|", *rows))
