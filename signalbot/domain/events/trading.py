"""Events of signals, decisions, executions, orders and fills."""

from collections.abc import Mapping
from typing import Final

from signalbot.domain.events.event_type import (
    DEBUG,
    ERROR,
    ESCALATING,
    INFO,
    JOURNAL_ONLY,
    REPEATED,
    WARNING,
    EventType,
)
from signalbot.domain.events.kinds import EventKind

_EXECUTION: Final = (
    "mode action quantity leverage price slippage_bps latency_ms failure_reason error_details"
)
_ORDER: Final = "leg side quantity price client_order_id mode position_side left realized_pnl"

TRADING_EVENTS: Final[Mapping[str, EventType]] = {
    EventKind.SIGNAL_CREATED: EventType(
        INFO,
        "A strategy, alert or operator created a signal; it goes to its subscribers.",
        "source exchange timeframe action strength confidence price stop_loss take_profits "
        "take_profit_shares trailing_percent exit_percent reason expires_at_ms",
    ),
    EventKind.SIGNAL_EXPIRED: EventType(
        DEBUG, "A signal has passed its time to live and is no longer executed.", "action"
    ),
    EventKind.SIGNAL_CANCELLED: EventType(
        INFO, "An operator or user withdrew a signal; it is no longer executed.", "action"
    ),
    EventKind.SIGNAL_CONFLICTED: EventType(
        WARNING, "An idempotency key was reused with a different signal; the second is discarded."
    ),
    EventKind.SIGNAL_DROPPED: EventType(
        ERROR, "A user's inbox is full; the user does not receive this signal."
    ),
    EventKind.SIGNAL_REDELIVERED: EventType(
        INFO, "After a start, an active signal is delivered to users without a decision on it."
    ),
    EventKind.DECISION_ACCEPTED: EventType(
        JOURNAL_ONLY,
        "A user's checks accept a signal; its execution follows.",
        "code action numbers",
    ),
    EventKind.DECISION_SKIPPED: EventType(
        INFO,
        "A user does not trade a signal; code and numbers give the reason.",
        "code action numbers",
    ),
    EventKind.DECISION_ADVISED: EventType(
        INFO, "The AI's advice on a signal for one user; the user's rules bound its effect."
    ),
    EventKind.EXECUTION_CLAIMED: EventType(
        JOURNAL_ONLY,
        "The right to execute a signal for a user is recorded, before anything is sent.",
        "mode action quantity leverage",
    ),
    EventKind.EXECUTION_EXECUTED: EventType(
        INFO, "An entry is complete: quantity, price, slippage, latency and protection.", _EXECUTION
    ),
    EventKind.EXECUTION_PARTIALLY_FILLED: EventType(
        JOURNAL_ONLY, "An entry ended with part of its quantity filled.", _EXECUTION
    ),
    EventKind.EXECUTION_OUTCOME_UNKNOWN: EventType(
        JOURNAL_ONLY,
        "An entry's outcome is not known yet; its order is looked up, never resent.",
        _EXECUTION,
    ),
    EventKind.EXECUTION_FAILED: EventType(
        WARNING, "A claimed entry opened no position.", _EXECUTION
    ),
    EventKind.EXECUTION_DUPLICATE_BLOCKED: EventType(
        INFO, "A signal reached a user who has executed it already; nothing is sent."
    ),
    EventKind.EXECUTION_RESUMED: EventType(
        INFO, "An entry order that provably never arrived is sent again while its signal is active."
    ),
    EventKind.ENTRY_APPEARED_LATE: EventType(
        WARNING,
        "An entry that failed as NOT_RECEIVED reached the exchange after all; it is tracked.",
    ),
    EventKind.ENTRY_FILLED_LATE: EventType(
        WARNING, "An entry filled after its position was closed; it is closed again at once."
    ),
    EventKind.ENTRY_REDUCED: EventType(
        INFO, "A reversal enters with less than claimed: its close freed too little margin."
    ),
    EventKind.ORDER_SENT: EventType(
        JOURNAL_ONLY,
        "The exchange acknowledged an entry order.",
        "leg side type quantity price client_order_id",
    ),
    EventKind.ORDER_PLACED: EventType(INFO, "A limit entry rests in the order book."),
    EventKind.ORDER_FILLED: EventType(JOURNAL_ONLY, "An order is completely filled.", _ORDER),
    EventKind.ORDER_REJECTED: EventType(
        WARNING, "The exchange rejected an order; nothing of it is live."
    ),
    EventKind.ORDER_OUTCOME_UNKNOWN: EventType(
        WARNING, "An order was sent without a conclusive response; it is looked up, never resent."
    ),
    EventKind.ORDER_OUTCOME_PENDING: EventType(
        ESCALATING, "An order's outcome is still unknown; entries in that symbol are blocked."
    ),
    EventKind.ORDER_UNRESOLVED: EventType(
        ERROR, "An entry cannot be resolved by lookup; compare it with the exchange manually."
    ),
    EventKind.ORDER_LOOKUP_FAILED: EventType(
        REPEATED, "An unresolved order could not be looked up; it is retried, never resent."
    ),
    EventKind.ORDER_SEND_FAILED: EventType(
        REPEATED, "The exchange was unreachable, so the order surely did not arrive; it is retried."
    ),
    EventKind.ORDER_VISIBILITY_TIMED_OUT: EventType(
        WARNING,
        "A stop or target stays invisible at the exchange; another one is placed beside it.",
    ),
    EventKind.ORDER_MISSING: EventType(
        WARNING, "The exchange no longer reports a live order; a missing stop is placed again."
    ),
    EventKind.ORDER_FOREIGN_FOUND: EventType(
        WARNING, "An account has an order that is not in the ledger; it is left alone."
    ),
    EventKind.ORDER_AMEND_FAILED: EventType(
        WARNING, "A stop could not be amended in place; a new one replaces it."
    ),
    EventKind.ORDER_CANCEL_REJECTED: EventType(
        DEBUG, "The exchange rejected a cancel; the order is looked up instead."
    ),
    EventKind.ORDER_CANCEL_UNCONFIRMED: EventType(
        REPEATED,
        "A cancel has no conclusive response; entries in that symbol wait for reconciliation.",
    ),
    EventKind.ORDER_READBACK_FAILED: EventType(
        DEBUG, "An acknowledged order is not visible at the exchange yet."
    ),
    EventKind.ORDER_PARSE_FAILED: EventType(
        WARNING, "An open order could not be parsed; it is left alone."
    ),
    EventKind.FILLS_FETCH_FAILED: EventType(
        REPEATED, "Fills could not be fetched; the request is retried."
    ),
    EventKind.FILLS_NEVER_REPORTED: EventType(
        WARNING, "The exchange never reported an order's fills; its fees are missing from the PnL."
    ),
    EventKind.FEE_CONVERSION_FAILED: EventType(
        WARNING, "A fee in a third currency has no known price; the PnL counts it as zero."
    ),
}
