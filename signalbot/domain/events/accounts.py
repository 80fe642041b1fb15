"""Events of positions, accounts, users and subscriptions."""

from collections.abc import Mapping
from typing import Final

from signalbot.domain.events.event_type import (
    DEBUG,
    ERROR,
    INFO,
    JOURNAL_ONLY,
    REPEATED,
    WARNING,
    EventType,
)
from signalbot.domain.events.kinds import EventKind

_ORDER: Final = "leg side quantity price client_order_id mode position_side left realized_pnl"

ACCOUNT_EVENTS: Final[Mapping[str, EventType]] = {
    EventKind.POSITION_OPENED: EventType(
        INFO,
        "An entry filled and its position is tracked.",
        "mode side quantity entry_price stop_loss take_profits leverage",
    ),
    EventKind.POSITION_PROTECTED: EventType(
        JOURNAL_ONLY,
        "A position's stop rests at the exchange.",
        "mode side quantity entry_price stop_loss take_profits",
    ),
    EventKind.POSITION_PROTECTION_FAILED: EventType(
        ERROR, "No stop could be placed in time; the position is closed at market."
    ),
    EventKind.POSITION_TARGET_HIT: EventType(INFO, "A take profit filled.", _ORDER),
    EventKind.POSITION_REDUCED: EventType(INFO, "Part of a position was closed.", _ORDER),
    EventKind.POSITION_CLOSED: EventType(
        INFO,
        "A position is flat: reason, price and result.",
        "mode side quantity entry_price exit_price close_reason realized_pnl fees funding "
        "opened_at_ms",
    ),
    EventKind.POSITION_CLOSED_EXTERNALLY: EventType(
        WARNING, "The exchange no longer holds a position: it was closed outside signalbot."
    ),
    EventKind.POSITION_CLOSE_REQUESTED: EventType(
        WARNING, "An operator or user requested a manual close of a position."
    ),
    EventKind.POSITION_CLOSE_FAILED: EventType(
        ERROR, "The exchange rejected an exit; the position stays open and the exit is retried."
    ),
    EventKind.POSITION_DELEVERAGED: EventType(
        ERROR, "The exchange reduced or closed a position by auto-deleveraging."
    ),
    EventKind.POSITION_LIQUIDATED: EventType(ERROR, "The exchange liquidated a position."),
    EventKind.POSITION_STOP_MOVED: EventType(
        INFO, "A stop moved to the entry price or trails the market."
    ),
    EventKind.POSITION_STOP_MOVE_FAILED: EventType(
        WARNING, "A stop could not be moved; the previous stop still protects the position."
    ),
    EventKind.POSITION_MISMATCH_FOUND: EventType(
        ERROR,
        "Ledger and exchange differ on a position; entries in that symbol are blocked.",
        "exchange ledger held",
    ),
    EventKind.POSITION_MISMATCH_RESOLVED: EventType(
        INFO, "Ledger and exchange agree on a position again; entries there are allowed."
    ),
    EventKind.POSITION_OPPOSITE_FOUND: EventType(
        ERROR,
        "Closing orders opened a position on the opposite side; it is closed at market at once.",
        "exchange side quantity",
    ),
    EventKind.POSITION_FETCH_FAILED: EventType(
        DEBUG, "The position after a close could not be fetched; the next reconciliation checks it."
    ),
    EventKind.PRICE_FETCH_FAILED: EventType(DEBUG, "A price could not be fetched."),
    EventKind.BALANCE_FETCH_FAILED: EventType(
        WARNING,
        "The sellable balance of a spot position could not be fetched; the request is retried.",
    ),
    EventKind.BRACKETS_FETCH_FAILED: EventType(
        DEBUG, "Maintenance margins could not be fetched; they are requested again later."
    ),
    EventKind.FUNDING_BOOKED: EventType(
        INFO, "A funding payment, negative when paid, was added to a position's result.", "amount"
    ),
    EventKind.FUNDING_FETCH_FAILED: EventType(
        DEBUG, "Funding payments could not be fetched; the request is retried."
    ),
    EventKind.FUNDING_SCHEDULE_FAILED: EventType(
        DEBUG, "A contract's funding interval is unknown; funding is fetched every hour."
    ),
    EventKind.ACCOUNT_RATE_LIMITED: EventType(
        WARNING, "An exchange limits this account's requests; only this account waits."
    ),
    EventKind.ACCOUNT_POLL_FAILED: EventType(
        DEBUG, "An account could not be refreshed; the next round retries."
    ),
    EventKind.ACCOUNT_RECONCILE_FAILED: EventType(
        REPEATED, "An account could not be reconciled with its exchange; the next round retries."
    ),
    EventKind.ACCOUNT_SETUP_DEFERRED: EventType(
        REPEATED, "An account could not be set up for entries yet; the next round retries."
    ),
    EventKind.ACCOUNT_SETUP_FAILED: EventType(
        ERROR,
        "Leverage or margin mode could not be set as configured; the symbol takes no entries.",
    ),
    EventKind.ACCOUNT_SET_UP: EventType(
        INFO, "Leverage and margin mode are set as configured; the symbol takes entries again."
    ),
    EventKind.ACCOUNT_STREAM_DISCONNECTED: EventType(
        DEBUG, "An account's order stream ended; the account is polled until it reconnects."
    ),
    EventKind.ACCOUNT_STREAM_UNRESPONSIVE: EventType(
        DEBUG,
        "An account's stream did not report one of our orders in time; the account is polled.",
    ),
    EventKind.USER_PAUSED: EventType(
        WARNING, "A user was paused: no new entries for this user.", "reason by"
    ),
    EventKind.USER_HALTED: EventType(
        WARNING, "A user was halted: no new entries until the user is resumed.", "reason by"
    ),
    EventKind.USER_RESUMED: EventType(
        WARNING, "A paused or halted user was resumed: entries are allowed again.", "reason by"
    ),
    EventKind.USER_REMOVED: EventType(
        WARNING, "A user was removed from the configuration.", "reason by"
    ),
    EventKind.USER_FAILED: EventType(
        ERROR, "An error while working for one user; the user is halted, others continue."
    ),
    EventKind.USER_POSITIONS_ORPHANED: EventType(
        ERROR, "A user who is no longer configured has open positions that are not managed."
    ),
    EventKind.USER_CREDENTIALS_LOADED: EventType(
        INFO, "A user's credentials were reloaded from the vault."
    ),
    EventKind.SUBSCRIPTION_PAUSED: EventType(
        INFO, "A subscription was paused: its signals are not executed.", "subscription_id"
    ),
    EventKind.SUBSCRIPTION_RESUMED: EventType(
        INFO, "A subscription was resumed.", "subscription_id"
    ),
    EventKind.SUBSCRIPTION_CANCELLED: EventType(
        INFO, "A subscription was cancelled.", "subscription_id"
    ),
    EventKind.TRADING_HALTED: EventType(
        WARNING,
        "Trading was halted for all users: no new entries; exits and stops continue.",
        "reason",
    ),
    EventKind.TRADING_RESUMED: EventType(
        INFO, "Trading was resumed; users halted individually stay halted.", "reason"
    ),
    EventKind.KEY_PERMISSIONS_UNKNOWN: EventType(
        DEBUG, "An API key's permissions could not be fetched; the request is retried soon."
    ),
    EventKind.PAPER_CATCH_UP_FAILED: EventType(
        WARNING, "Paper orders could not be matched against the time the daemon was down."
    ),
}
