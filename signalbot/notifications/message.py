"""A notice's text, what it is rendered from, and the phrases that several templates share."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from signalbot.domain.signals import Action, Signal
from signalbot.ledger.journal import JournalEvent
from signalbot.notifications.formatting import price_with_distance

EXITS: Mapping[str, str] = {"EXIT_LONG": "LONG", "EXIT_SHORT": "SHORT"}
"""The side that an exit closes, by action."""

BLOCKED = "No new entries; exits and stops continue."
ALLOWED = "Entries are allowed again."


@dataclass(frozen=True, slots=True)
class Message:
    """The text of one notice, without markup."""

    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeContext:
    """An event, and what its text needs beyond the event's own fields."""

    event: JournalEvent
    signal: Signal | None  #: the signal of a decision
    zone: ZoneInfo  #: of the times in the text

    @property
    def detail(self) -> Mapping[str, Any]:
        """The fields of the event; see the event catalogue."""
        return self.event.detail

    @property
    def symbol(self) -> str:
        """The event's symbol; empty for events without one."""
        return self.event.symbol or ""


Template = Callable[[NoticeContext], Message]
"""Renders the text of one kind of notice."""


def message(title: str, lines: Iterable[str]) -> Message:
    """A message with one line of the body for each of ``lines``."""
    return Message(title, "\n".join(lines))


def action_text(action: Action) -> str:
    """``LONG`` for an entry, ``exit LONG`` for an exit."""
    return f"exit {EXITS[action]}" if action in EXITS else action.value


def verb(detail: Mapping[str, Any], *, done: bool = False) -> str:
    """``Buy`` or ``Sell``; ``Bought`` or ``Sold`` once it is done."""
    labels = ("Bought", "Sold") if done else ("Buy", "Sell")
    return labels[detail["side"] == "sell"]


def paper_suffix(detail: Mapping[str, Any]) -> str:
    """`` (paper)`` for a simulated trade, so that no one takes it for a real one."""
    return " (paper)" if detail.get("mode") == "paper" else ""


def targets_line(prices: Any, entry: str | Decimal | None) -> str:
    """The take profits with their distance from ``entry``."""
    label = "Target" if len(prices) == 1 else "Targets"
    return f"{label}: {', '.join(price_with_distance(each, entry) for each in prices)}"
