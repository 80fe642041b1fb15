"""The event catalogue: every kind that log, journal, event stream, notices and metrics use."""

from collections.abc import Mapping
from typing import Final

from signalbot.domain.events.accounts import ACCOUNT_EVENTS
from signalbot.domain.events.event_type import EventType
from signalbot.domain.events.kinds import RENAMED, EventKind, current_kind
from signalbot.domain.events.system import SYSTEM_EVENTS
from signalbot.domain.events.trading import TRADING_EVENTS

__all__ = ["EVENTS", "RENAMED", "EventKind", "EventType", "current_kind", "events_table"]

EVENTS: Final[Mapping[str, EventType]] = {**TRADING_EVENTS, **ACCOUNT_EVENTS, **SYSTEM_EVENTS}


def events_table() -> str:
    """The catalogue as a Markdown table."""
    rows = (
        f"| `{name}` | {', '.join(event.levels) or '-'} | {event.meaning} |"
        f" {', '.join(event.fields)} |"
        for name, event in sorted(EVENTS.items())
    )
    return "\n".join(
        ("| Event | Level | Meaning | Journal fields |", "|---|---|---|---|", *rows, "")
    )
