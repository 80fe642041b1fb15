"""Every event the daemon logs, and what it tells: the vocabulary of whoever reads the log."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class EventType:
    levels: tuple[str, ...]  #: it is logged at; "any": as whoever caused it sees it
    meaning: str  #: one sentence


_DEBUG = ("debug",)
_INFO = ("info",)
_WARNING = ("warning",)
_ERROR = ("error",)
_ONCE = ("debug", "warning")
"""A warning the first time; of debug when it fails again, or while its exchange is away."""

EVENTS: Final[Mapping[str, EventType]] = {
    "account.rate_limited": EventType(
        _WARNING, "An exchange limits this account's requests: only this account waits."
    ),
    "account.poll_failed": EventType(
        _DEBUG, "An account could not be refreshed; the next round tries."
    ),
    "account.reconcile_failed": EventType(
        _ONCE, "An exchange could not be asked about an account; the next round asks again."
    ),
    "account.setup_deferred": EventType(
        _ONCE, "An account could not be set up for entries yet; the next round tries."
    ),
    "account.stream_unresponsive": EventType(
        _DEBUG, "An account's stream did not name an order of ours in time; the account is polled."
    ),
    "balance.fetch_failed": EventType(
        _WARNING, "What of a spot position can be sold is not known; it is tried again."
    ),
    "entry.appeared_late": EventType(
        _WARNING, "An entry that had failed as NOT_RECEIVED is there after all, and is taken up."
    ),
    "entry.filled_late": EventType(
        _WARNING, "An entry filled after its position was closed; what it bought is sold at once."
    ),
    "funding.booked": EventType(
        _INFO, "Funding that a position paid (negative) or received was added to what it earned."
    ),
    "funding.fetch_failed": EventType(
        _DEBUG, "Funding could not be asked for; it is asked for again."
    ),
    "funding.schedule_failed": EventType(
        _DEBUG, "How often contracts are settled is not known; funding is asked for every hour."
    ),
    "order.visibility_timed_out": EventType(
        _WARNING, "Look after look does not show a stop or target; another is placed beside it."
    ),
    "strategy.symbol_not_listed": EventType(
        _ERROR, "An exchange does not list a strategy's symbol; it is not traded there."
    ),
    "account.setup_failed": EventType(
        _ERROR, "Leverage or margin mode is not what was asked for; that symbol takes no entry."
    ),
    "account.set_up": EventType(
        _INFO, "Leverage and margin mode are as asked for now; the symbol takes entries again."
    ),
    "archive.failed": EventType(
        _ERROR, "Old rows could not be moved to an archive, and why; they are still in the ledger."
    ),
    "archive.rows_moved": EventType(_INFO, "So many old rows have moved to monthly archives."),
    "backup.failed": EventType(
        _ERROR, "No copy of the ledger could be made, and why; the next is made in its turn."
    ),
    "backup.created": EventType(_INFO, "A copy of the ledger was made, examined and found good."),
    "account.stream_disconnected": EventType(
        _DEBUG, "The stream of an account's orders ended; it is polled, and the stream is dialled."
    ),
    "brackets.fetch_failed": EventType(
        _DEBUG, "An exchange did not tell its maintenance margins; it is asked again later."
    ),
    "candle.invalid": EventType(
        _WARNING, "A closed candle has values that cannot be true; it is dropped."
    ),
    "alert.missed": EventType(
        _WARNING,
        "An alert tells another position than the one before it has left: one in between was lost.",
    ),
    "alert.out_of_order": EventType(
        _WARNING, "An alert came after one that was sent later; what it would enter is left out."
    ),
    "alert.refused": EventType(
        _WARNING,
        "Alerts were not taken: not known to be their source's, or not understood; how many since "
        "it was last told, at most once a minute.",
    ),
    "alert.duplicate_ignored": EventType(
        _INFO, "An alert is literally the last one of its market, come once more; nothing is done."
    ),
    "ai.call_completed": EventType(
        _INFO, "A model has answered; the call is on record with what it cost."
    ),
    "ai.internal_error": EventType(_ERROR, "The AI library failed in a way nobody foresaw: a bug."),
    "ai.budget_exceeded": EventType(
        _WARNING, "The money for AI of this UTC day does not allow another call; none is made."
    ),
    "ai.call_failed": EventType(
        _WARNING, "A model gave no usable answer; each user's ai.on_error says what that means."
    ),
    "api.listening": EventType(_INFO, "HTTP and WebSocket are answered at this address."),
    "api.request_completed": EventType(
        _DEBUG, "A request was answered; its route is told, never its address or what it carried."
    ),
    "api.bind_failed": EventType(
        _ERROR, "The address is taken: trading goes on, the control socket works, it tries again."
    ),
    "candle.dropped": EventType(_DEBUG, "A candle came twice or out of order and was not used."),
    "candle.fetched": EventType(_INFO, "The stream was late or silent, so REST told the candle."),
    "candle.fetch_failed": EventType(_DEBUG, "REST did not tell a candle; it is asked again."),
    "finalizer.failed": EventType(
        _ERROR, "An exception in a finalizer, where nobody could catch it: a bug."
    ),
    "daemon.crashed": EventType(
        _ERROR, "The daemon ends with an exception; the next start recovers from the ledger."
    ),
    "config.changed": EventType(
        _INFO, "A reloaded file or the API has changed who and what takes part; the names follow."
    ),
    "config.reload_failed": EventType(
        _ERROR, "The reloaded file has errors, or needs a restart: nothing has changed."
    ),
    "config.reloading": EventType(_INFO, "SIGHUP: the file is read again."),
    "config.unchanged": EventType(_INFO, "The reloaded file says what is in force already."),
    "daemon.drain_timed_out": EventType(
        _WARNING, "Work under way at shutdown did not end in time; the next start takes it up."
    ),
    "daemon.ready": EventType(
        _INFO, "Recovery is over: signals are taken and orders sent from now on."
    ),
    "daemon.recovery_pending": EventType(
        _WARNING, "So many accounts still wait to be compared; each enters nothing until then."
    ),
    "daemon.starting": EventType(_INFO, "The daemon begins, with this version and configuration."),
    "daemon.stopped": EventType(_INFO, "Everything is closed; positions and their stops stay."),
    "daemon.stopping": EventType(
        _INFO, "A stop was asked for: no new signals, what is under way is finished."
    ),
    "decision.advised": EventType(
        _INFO, "What the AI says of a signal to one user; what it may change, the rules say."
    ),
    "decision.skipped": EventType(
        _INFO, "A user does not take a signal; the code says why, the numbers prove it."
    ),
    "definition.superseded": EventType(
        _WARNING, "What the API had defined is in the file now; the file counts."
    ),
    "disk.low": EventType(
        _ERROR, "The ledger's disk has too little room: nobody enters, exits and stops go on."
    ),
    "disk.recovered": EventType(_INFO, "There is room again: entries go on."),
    "disk.reserve_used": EventType(
        _ERROR, "The disk is full; the room that was set aside is used so that exits are recorded."
    ),
    "exchange.back": EventType(
        _INFO, "An exchange that was lost answers again; accounts are compared with it at once."
    ),
    "exchange.banned": EventType(
        _ERROR, "The exchange limits this address: nothing is sent until the ban is over."
    ),
    "exchange.clock_skewed": EventType(
        _ERROR, "Our clock differs from the exchange's: no entries there."
    ),
    "exchange.close_failed": EventType(_DEBUG, "A connection did not close in order."),
    "exchange.connected": EventType(_INFO, "An exchange's markets and time are known."),
    "exchange.lost": EventType(
        _ERROR, "Nothing has answered there for seconds, told once; stops rest, trying goes on."
    ),
    "exchange.connect_failed": EventType(
        _ONCE, "An exchange is away at start; it is tried again until it is there."
    ),
    "entry.reduced": EventType(
        _INFO,
        "A reversal enters with less than was claimed: its close has set no more margin free.",
    ),
    "execution.duplicate_blocked": EventType(
        _INFO, "A signal reached a user who has executed it before; nothing was sent."
    ),
    "execution.failed": EventType(
        _WARNING, "A claimed entry came to nothing; no position was opened."
    ),
    "execution.resumed": EventType(
        _INFO, "An entry that is proven never to have arrived is sent again while it counts."
    ),
    "execution.executed": EventType(
        _INFO, "The whole story of one user's entry: asked, filled, price, slippage, protection."
    ),
    "fee.conversion_failed": EventType(
        _WARNING, "A fee in a third coin has no known price; the PnL counts it as nothing."
    ),
    "candle.gap_filled": EventType(
        _WARNING, "Candles were missing from the stream and were fetched instead."
    ),
    "fills.never_reported": EventType(
        _WARNING, "An order's fills were never told; its fees are missing from the PnL."
    ),
    "fills.fetch_failed": EventType(
        _ONCE, "An exchange could not be asked about fills; it is asked again."
    ),
    "key.permissions_unknown": EventType(
        _DEBUG, "An exchange could not be asked what a key may do; it is asked again soon."
    ),
    "ledger.mismatch_found": EventType(
        _ERROR, "The ledger is older than what ran here last, or another: trading starts halted."
    ),
    "ledger.opened": EventType(_INFO, "The ledger is open and up to date."),
    "library.logged": EventType(("any",), "A library's own message; the logger's name says whose."),
    "notice.delivery_interrupted": EventType(
        _WARNING, "A service did not answer before its queue was closed: it may be told once more."
    ),
    "notice.delivery_delayed": EventType(
        _WARNING, "A destination does not take notices; it is tried again, told once."
    ),
    "notice.delivery_recovered": EventType(_INFO, "A destination that failed takes notices again."),
    "notice.abandoned": EventType(
        _ERROR, "So many notices were tried too often and are given up; the ledger has them."
    ),
    "notice.destination_invalid": EventType(
        _ERROR, "A destination cannot be used: its URL or its secret is wrong."
    ),
    "notice.render_failed": EventType(
        _ERROR, "A notice could not be put into words, which is a bug."
    ),
    "order.cancel_unconfirmed": EventType(
        _ONCE, "A cancel has no sure answer; entries in that symbol wait for reconciliation."
    ),
    "order.foreign_found": EventType(
        _WARNING, "An account has an order the ledger does not know; it is left alone."
    ),
    "order.lookup_failed": EventType(
        _ONCE, "An order in doubt could not be looked up; it is tried again, never resent."
    ),
    "order.amend_failed": EventType(
        _WARNING, "A resting stop could not be moved in place; another one takes its place."
    ),
    "order.cancel_rejected": EventType(
        _DEBUG, "A cancel was refused; the order is looked up instead."
    ),
    "order.readback_failed": EventType(_DEBUG, "An acknowledged order is not shown yet."),
    "order.send_failed": EventType(
        _ONCE, "The exchange could not be reached, so surely nothing arrived; it is tried again."
    ),
    "order.outcome_unknown": EventType(
        _WARNING, "An order was sent and has no trustworthy answer; it is looked up, never resent."
    ),
    "order.unresolved": EventType(
        _ERROR, "An entry cannot be settled by looking; compare it with the exchange by hand."
    ),
    "order.rejected": EventType(_WARNING, "The exchange refused an order; nothing of it is live."),
    "order.placed": EventType(_INFO, "A limit entry waits at its price."),
    "order.parse_failed": EventType(
        _WARNING, "An open order could not be understood; it is left alone."
    ),
    "order.outcome_pending": EventType(
        ("debug", "warning", "error"),
        "What came of an order is still not known; entries in that symbol wait.",
    ),
    "order.missing": EventType(
        _WARNING, "The exchange does not know a live order any more; a stop is placed anew."
    ),
    "paper.catch_up_failed": EventType(
        _WARNING, "Paper orders could not trade through the time the daemon was away."
    ),
    "position.close_requested": EventType(
        _WARNING, "Somebody asked to close this position by hand."
    ),
    "position.close_failed": EventType(
        _ERROR, "The exchange would not take the exit; the position stays open, trying goes on."
    ),
    "position.closed": EventType(
        _INFO, "A position is flat: why, at what price, with what result."
    ),
    "position.closed_externally": EventType(
        _WARNING, "The exchange no longer holds a position: somebody else closed it."
    ),
    "position.deleveraged": EventType(
        _ERROR, "The exchange closed (a part of) a position to cover a loss of somebody else."
    ),
    "position.liquidated": EventType(_ERROR, "The exchange closed a position by force."),
    "position.mismatch_resolved": EventType(
        _INFO, "Exchange and ledger agree on a position again; entries there go on."
    ),
    "position.mismatch": EventType(
        _ERROR, "Ledger and exchange differ on a position; entries in that symbol wait."
    ),
    "position.fetch_failed": EventType(
        _DEBUG, "What is held after a close could not be read; the next comparison looks."
    ),
    "position.opposite_found": EventType(
        _ERROR,
        "Closing orders opened a position on the other side; it is closed at market at once.",
    ),
    "position.opened": EventType(_INFO, "An entry was filled and its position is followed."),
    "position.reduced": EventType(_INFO, "Part of a position was closed."),
    "position.stop_moved": EventType(_INFO, "A stop follows the price or goes to the entry."),
    "position.stop_move_failed": EventType(
        _WARNING, "A stop could not be moved; the former one still guards the position."
    ),
    "position.target_hit": EventType(_INFO, "A take profit was filled."),
    "position.protection_failed": EventType(
        _ERROR, "No stop could be placed in time, so the position is closed at market."
    ),
    "price.fetch_failed": EventType(_DEBUG, "A price could not be asked for."),
    "signal.cancelled": EventType(_INFO, "A signal was withdrawn; nobody can execute it any more."),
    "signal.redelivered": EventType(
        _INFO, "After a start, an open signal goes to the users who have not decided on it."
    ),
    "signal.conflicted": EventType(
        _WARNING, "A key came twice with different signals; the second was refused."
    ),
    "signal.dropped": EventType(
        _ERROR, "A user's inbox is full: the user does not see this signal."
    ),
    "signal.created": EventType(
        _INFO, "A strategy or sender has a signal; it goes to this many users."
    ),
    "signal.expired": EventType(_DEBUG, "A signal is too old to be executed by anybody."),
    "source.heard": EventType(_INFO, "A source of alerts that was silent has sent one."),
    "source.silent": EventType(
        _WARNING, "A source of alerts was not heard of for longer than its heartbeat."
    ),
    "strategy.failed": EventType(
        _ERROR, "A strategy raised an exception; this candle has no signal."
    ),
    "strategy.suspended": EventType(
        _WARNING, "The worker of a strategy file keeps dying; it is not started for a while."
    ),
    "strategy.output_printed": EventType(_INFO, "A line that a strategy file printed or logged."),
    "strategy.skipped": EventType(_WARNING, "A strategy did not run on a candle, and why."),
    "strategy.started": EventType(
        _INFO, "A strategy has its first subscriber and runs from now on."
    ),
    "strategy.stopped": EventType(_INFO, "A strategy lost its last subscriber and runs no more."),
    "strategy.isolation_partial": EventType(
        _WARNING, "The kernel does not offer all that keeps a strategy file to itself; what lacks."
    ),
    "stream.frame_invalid": EventType(
        _DEBUG, "A frame of a stream could not be read; it is dropped."
    ),
    "stream.unsupported": EventType(
        _INFO, "An exchange's candles have no stream here; they are asked for as they close."
    ),
    "stream.reconnecting": EventType(
        _ONCE, "A stream ended and is begun again after a pause; later tries are of debug."
    ),
    "stream.reconnected": EventType(_INFO, "A stream that had ended tells again."),
    "stream.timed_out": EventType(
        _WARNING, "A stream is open and says nothing; it is dialled again."
    ),
    "task.failed": EventType(
        _ERROR, "A task or callback of the event loop left an exception behind."
    ),
    "task.restarted": EventType(
        _ONCE, "The far side cannot be reached; the task starts again after a pause."
    ),
    "thread.crashed": EventType(_ERROR, "A thread ended with an exception."),
    "subscription.status_changed": EventType(_INFO, "A subscription is paused or active again."),
    "trading.halted": EventType(_WARNING, "Nobody enters any more; exits and stops go on."),
    "trading.resumed": EventType(
        _INFO, "Entries are allowed again, but for users halted themselves."
    ),
    "user.failed": EventType(
        _ERROR, "Something broke while working for one user, who is halted; others go on."
    ),
    "user.positions_orphaned": EventType(
        _ERROR, "A user who is no longer configured has open positions: nobody follows them."
    ),
    "user.status_changed": EventType(_WARNING, "A user was paused, halted or resumed."),
    "user.credentials_loaded": EventType(_INFO, "A user's keys were read from the vault anew."),
    "vault.rotation_interrupted": EventType(
        _WARNING, "A rotation of the master key was cut off; 'signalbot keys rotate' finishes it."
    ),
    "watchdog.ping_resumed": EventType(_INFO, "Everything is alive again; systemd is told so."),
    "watchdog.ping_withheld": EventType(
        _ERROR, "A part of the daemon has stopped, so systemd will restart all of it; which one."
    ),
}


def events_table() -> str:
    """The catalogue as a Markdown table, for the README."""
    rows = (
        f"| `{name}` | {', '.join(event.levels)} | {event.meaning} |"
        for name, event in sorted(EVENTS.items())
    )
    return "\n".join(("| Event | Level | What it tells |", "|---|---|---|", *rows, ""))
