"""Which events become notices, of which kind, with which text: one row for each."""

from collections.abc import Callable
from dataclasses import dataclass

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.events import EventKind
from signalbot.domain.notices import NoticeKind
from signalbot.domain.positions import CloseReason
from signalbot.ledger.journal import JournalEvent
from signalbot.notifications.message import EXITS, Message, NoticeContext, Template
from signalbot.notifications.templates import entries, exits, incidents


def _always(_event: JournalEvent) -> bool:
    return True


def _is_signals_only(event: JournalEvent) -> bool:
    return bool(event.detail["code"] == DecisionCode.SIGNALS_ONLY)


def _is_entry(event: JournalEvent) -> bool:
    """An exit's notice is that of the closed position."""
    return event.detail["action"] not in EXITS


def _lacked_stop(event: JournalEvent) -> bool:
    return bool(event.detail["close_reason"] == CloseReason.UNPROTECTED)


@dataclass(frozen=True, slots=True)
class NoticeType:
    """Events of ``event`` for which ``applies`` is true become notices of ``kind``."""

    event: EventKind
    kind: NoticeKind
    template: Template
    applies: Callable[[JournalEvent], bool] = _always


NOTICE_TYPES = (
    NoticeType(
        EventKind.DECISION_SKIPPED, NoticeKind.SIGNAL, entries.signal, applies=_is_signals_only
    ),
    NoticeType(EventKind.DECISION_SKIPPED, NoticeKind.SKIPPED, entries.skipped),
    NoticeType(EventKind.ORDER_SENT, NoticeKind.SENT, entries.order_sent),
    NoticeType(EventKind.EXECUTION_EXECUTED, NoticeKind.FILLED, entries.filled, applies=_is_entry),
    NoticeType(
        EventKind.EXECUTION_PARTIALLY_FILLED, NoticeKind.FILLED, entries.filled, applies=_is_entry
    ),
    NoticeType(EventKind.EXECUTION_FAILED, NoticeKind.FAILED, entries.failed),
    NoticeType(EventKind.POSITION_PROTECTED, NoticeKind.PROTECTED, entries.protected),
    NoticeType(EventKind.POSITION_TARGET_HIT, NoticeKind.TARGET_HIT, exits.target_hit),
    NoticeType(EventKind.POSITION_REDUCED, NoticeKind.REDUCED, exits.reduced),
    NoticeType(
        EventKind.POSITION_CLOSED, NoticeKind.UNPROTECTED, exits.unprotected, applies=_lacked_stop
    ),
    NoticeType(EventKind.POSITION_CLOSED, NoticeKind.CLOSED, exits.closed),
    NoticeType(EventKind.POSITION_MISMATCH_FOUND, NoticeKind.HALTED, incidents.mismatch),
    NoticeType(EventKind.POSITION_OPPOSITE_FOUND, NoticeKind.HALTED, incidents.opposite_position),
    NoticeType(EventKind.USER_RESUMED, NoticeKind.HALTED, incidents.resumed),
    NoticeType(EventKind.USER_PAUSED, NoticeKind.HALTED, incidents.paused),
    NoticeType(EventKind.USER_HALTED, NoticeKind.HALTED, incidents.halted),
    NoticeType(EventKind.TRADING_HALTED, NoticeKind.HALTED, incidents.halted),
    NoticeType(EventKind.TRADING_RESUMED, NoticeKind.HALTED, incidents.resumed),
    NoticeType(EventKind.DISK_LOW, NoticeKind.TROUBLE, incidents.disk_low),
    NoticeType(EventKind.DISK_RECOVERED, NoticeKind.TROUBLE, incidents.disk_recovered),
    NoticeType(
        EventKind.EXCHANGE_DISCONNECTED, NoticeKind.TROUBLE, incidents.exchange_disconnected
    ),
    NoticeType(EventKind.EXCHANGE_RECONNECTED, NoticeKind.TROUBLE, incidents.exchange_reconnected),
    NoticeType(EventKind.ALERT_MISSED, NoticeKind.TROUBLE, incidents.alert_missed),
    NoticeType(EventKind.SOURCE_HEARTBEAT_MISSED, NoticeKind.TROUBLE, incidents.heartbeat_missed),
    NoticeType(EventKind.SOURCE_RECOVERED, NoticeKind.TROUBLE, incidents.source_recovered),
)
"""The first row that applies counts. Only certain states, never intents or unknown outcomes."""


def notice_type(event: JournalEvent) -> NoticeType | None:
    """The row of an event; None for an event without a notice."""
    rows = (row for row in NOTICE_TYPES if row.event == event.kind and row.applies(event))
    return next(rows, None)


def notice_kind(event: JournalEvent) -> NoticeKind | None:
    """The kind of an event's notice; None for an event without a notice."""
    found = notice_type(event)
    return None if found is None else found.kind


def render_notice(context: NoticeContext) -> Message:
    """The text of an event that has a notice."""
    found = notice_type(context.event)
    assert found is not None, "only events with a notice are rendered"  # noqa: S101 - the caller's
    return found.template(context)
