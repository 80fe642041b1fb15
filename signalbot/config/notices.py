"""The keys of the file about notices, and what they come to."""

import re
from dataclasses import replace
from datetime import time
from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from signalbot.config.numbers import NO_LIMIT
from signalbot.config.table import Table, given, key
from signalbot.config.words import Notify, TimeZone
from signalbot.domain.notices import FOR_OPERATOR, LocalTime, Loudness, NoticeRules

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)


def _clock_time(value: object) -> time | None:
    if value in (None, NO_LIMIT):
        return None
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise ValueError("is not a time of day such as '08:00', or 'none'")
    return time.fromisoformat(value)


ClockTime = Annotated[
    time | None,
    PlainValidator(_clock_time),
    WithJsonSchema({"type": "string", "examples": ["08:00", NO_LIMIT]}),
]


class EventsTable(Table):
    """How loudly each kind of notice is told: on, silent or off."""

    signal: Loudness = key('A signal for a user of mode "signals": the whole advice.')
    sent: Loudness = key("An entry that the exchange has taken and not filled yet.")
    filled: Loudness = key("An entry that was filled.")
    protected: Loudness = key("The stop is in place.")
    target_hit: Loudness = key("A take profit was filled.")
    reduced: Loudness = key("An exit has closed a part of a position.")
    closed: Loudness = key("A position is closed, with its result.")
    unprotected: Loudness = key("A position was closed because its stop could not be placed.")
    refused: Loudness = key("A signal that was not taken, and why.")
    failed: Loudness = key("An entry that came to nothing.")
    halted: Loudness = key(
        "A user or all trading is halted, paused or resumed; a symbol waits: the exchange differs."
    )
    trouble: Loudness = key(
        "The disk is filling up, an exchange is away, a source is silent or lost an alert."
    )
    summary: Loudness = key("The summary of the day.")


class TimesTable(Table):
    """By which clocks somebody is told, and when the day is summed up."""

    daily_summary: ClockTime = key('When the day is summed up; "none" for never.')
    time_zone: TimeZone = key("The IANA time zone of notices, such as Europe/Berlin.")


class NotifyTable(Table):
    """Notices to the operator, and how loudly everybody is told."""

    operator: tuple[Notify, ...] = Field(
        default=(),
        description='apprise URLs of whoever runs it; "secret:NAME" is read from the vault.',
    )
    daily_summary: ClockTime = Field(
        default="08:00",
        validate_default=True,
        description='When the day is summed up; "none" for never.',
    )
    time_zone: TimeZone = Field(
        default="UTC", description="The IANA time zone of notices, such as Europe/Berlin."
    )
    events: EventsTable = key("How loudly users are told.")
    operator_events: EventsTable = key("How loudly the operator is told.")


def rules_for_users(table: NotifyTable, own: EventsTable | None) -> NoticeRules:
    """What holds for a user whose own table is ``own``."""
    return NoticeRules(**{**_given(table.events), **_given(own)})


def own_time(table: NotifyTable, own: TimesTable | None) -> LocalTime | None:
    """The clocks of a user whose own table is ``own``; None: as everybody else's."""
    if own is None:
        return None
    common = LocalTime(daily_summary=table.daily_summary, time_zone=table.time_zone)
    return replace(common, **given(own))


def rules_for_operator(table: NotifyTable) -> NoticeRules:
    """What holds for the operator."""
    return replace(FOR_OPERATOR, **_given(table.operator_events))


def _given(table: EventsTable | None) -> dict[str, Loudness]:
    return {} if table is None else given(table)


def notices_table() -> str:
    """Every kind of notice and how loudly it is told by default, as Markdown for the README."""
    users, operator = NoticeRules(), FOR_OPERATOR
    rows = (
        f"| `{name}` | {getattr(users, name)} | {getattr(operator, name)} | {field.description} |"
        for name, field in EventsTable.model_fields.items()
    )
    return "\n".join(("| Notice | Users | Operator | When |", "|---|---|---|---|", *rows))
