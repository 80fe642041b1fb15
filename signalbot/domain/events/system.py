"""Events of the daemon, its inputs, its exchanges and its surroundings."""

from collections.abc import Mapping
from typing import Final

from signalbot.domain.events.event_type import (
    ANY_LEVEL,
    DEBUG,
    ERROR,
    INFO,
    REPEATED,
    WARNING,
    EventType,
)
from signalbot.domain.events.kinds import EventKind

SYSTEM_EVENTS: Final[Mapping[str, EventType]] = {
    EventKind.AI_CALL_COMPLETED: EventType(
        INFO, "A model responded; the call and its cost are recorded."
    ),
    EventKind.AI_CALL_FAILED: EventType(
        WARNING, "A model gave no usable response; the user's ai.on_error decides what that means."
    ),
    EventKind.AI_BUDGET_EXCEEDED: EventType(
        WARNING, "The AI budget of this UTC day allows no further call."
    ),
    EventKind.AI_INTERNAL_ERROR: EventType(
        ERROR, "The AI library raised an unexpected exception: a bug."
    ),
    EventKind.ALERT_MISSED: EventType(
        WARNING,
        "An alert implies a different previous position than the last one left: one was lost.",
        "known told position",
    ),
    EventKind.ALERT_OUT_OF_ORDER: EventType(
        WARNING, "An alert arrived after one that was sent later; its entry is skipped."
    ),
    EventKind.ALERT_DISCARDED: EventType(
        WARNING,
        "Alerts were discarded as unauthentic or unreadable; counted, at most one line a minute.",
    ),
    EventKind.ALERT_DUPLICATE_IGNORED: EventType(
        INFO, "An alert repeats the last one of its market word for word; it is ignored."
    ),
    EventKind.SOURCE_HEARTBEAT_MISSED: EventType(
        WARNING, "A source sent no alert for longer than its heartbeat interval.", "heard_at_ms"
    ),
    EventKind.SOURCE_RECOVERED: EventType(
        INFO, "A source that missed its heartbeat sends alerts again.", "heard_at_ms"
    ),
    EventKind.API_LISTENING: EventType(
        INFO, "HTTP and WebSocket requests are served at this address."
    ),
    EventKind.API_BIND_FAILED: EventType(
        ERROR, "The address is in use: trading and the control socket work, the bind is retried."
    ),
    EventKind.API_REQUEST_COMPLETED: EventType(
        DEBUG, "A request was served; logs the route, never the address or the content."
    ),
    EventKind.ARCHIVE_ROWS_MOVED: EventType(INFO, "Number of old rows moved to monthly archives."),
    EventKind.ARCHIVE_FAILED: EventType(
        ERROR, "Old rows could not be archived; they stay in the ledger."
    ),
    EventKind.BACKUP_CREATED: EventType(INFO, "A copy of the ledger was made and verified."),
    EventKind.BACKUP_FAILED: EventType(
        ERROR, "No copy of the ledger could be made; the next one is made on schedule."
    ),
    EventKind.CANDLE_DROPPED: EventType(
        DEBUG, "A candle was a duplicate or out of order; it is not used."
    ),
    EventKind.CANDLE_FETCHED: EventType(
        INFO, "The stream was late or silent, so the candle was fetched over REST."
    ),
    EventKind.CANDLE_FETCH_FAILED: EventType(
        DEBUG, "A candle could not be fetched over REST; the request is retried."
    ),
    EventKind.CANDLE_GAP_FILLED: EventType(
        WARNING, "Candles missing from the stream were fetched over REST."
    ),
    EventKind.CANDLE_INVALID: EventType(
        WARNING, "A closed candle has impossible values; it is dropped."
    ),
    EventKind.CONFIG_CHANGED: EventType(
        INFO,
        "A reloaded file or the API changed users, strategies or subscriptions; lists their names.",
    ),
    EventKind.CONFIG_RELOAD_FAILED: EventType(
        ERROR, "The reloaded file has errors or needs a restart; nothing changed."
    ),
    EventKind.CONFIG_RELOADING: EventType(
        INFO, "SIGHUP received: the configuration file is read again."
    ),
    EventKind.CONFIG_UNCHANGED: EventType(
        INFO, "The reloaded file matches the configuration in use."
    ),
    EventKind.DAEMON_STARTING: EventType(
        INFO, "The daemon starts with this version and configuration."
    ),
    EventKind.DAEMON_READY: EventType(
        INFO, "Recovery is complete: signals are accepted and orders sent from now on."
    ),
    EventKind.DAEMON_RECOVERY_PENDING: EventType(
        WARNING, "Number of accounts not yet reconciled; their entries are blocked."
    ),
    EventKind.DAEMON_STOPPING: EventType(
        INFO, "Shutdown was requested: no new signals; work in progress is finished."
    ),
    EventKind.DAEMON_STOPPED: EventType(
        INFO, "Everything is closed; positions and their stops remain."
    ),
    EventKind.DAEMON_DRAIN_TIMED_OUT: EventType(
        WARNING, "Work in progress did not finish before shutdown; the next start resumes it."
    ),
    EventKind.DAEMON_CRASHED: EventType(
        ERROR, "The daemon exits with an exception; the next start recovers from the ledger."
    ),
    EventKind.DEFINITION_SUPERSEDED: EventType(
        WARNING, "A definition made over the API is now in the file; the file takes precedence."
    ),
    EventKind.DISK_LOW: EventType(
        ERROR,
        "The ledger's disk is low on space: entries are blocked, exits and stops continue.",
        "reason",
    ),
    EventKind.DISK_RECOVERED: EventType(
        INFO, "The ledger's disk has space again: entries are allowed.", "reason"
    ),
    EventKind.DISK_RESERVE_USED: EventType(
        ERROR, "The disk is full; the reserved space is used to record exits."
    ),
    EventKind.EXCHANGE_CONNECTED: EventType(INFO, "An exchange's markets and clock are loaded."),
    EventKind.EXCHANGE_CONNECT_FAILED: EventType(
        REPEATED, "An exchange is unreachable at start; the connection is retried."
    ),
    EventKind.EXCHANGE_DISCONNECTED: EventType(
        ERROR,
        "No response for several seconds. Resting stops stay active; retrying.",
        "exchange egress since_ms",
    ),
    EventKind.EXCHANGE_RECONNECTED: EventType(
        INFO,
        "The exchange responds again; its accounts are reconciled at once.",
        "exchange egress since_ms",
    ),
    EventKind.EXCHANGE_BANNED: EventType(
        ERROR, "The exchange banned this address; no requests are sent until the ban ends."
    ),
    EventKind.EXCHANGE_CLOCK_SKEWED: EventType(
        ERROR, "The local clock differs from the exchange's; entries there are blocked."
    ),
    EventKind.EXCHANGE_CLOSE_FAILED: EventType(DEBUG, "A connection did not close cleanly."),
    EventKind.FINALIZER_FAILED: EventType(ERROR, "A finalizer raised an exception: a bug."),
    EventKind.LEDGER_OPENED: EventType(INFO, "The ledger is open and its schema is current."),
    EventKind.LEDGER_MISMATCH_FOUND: EventType(
        ERROR,
        "The ledger is older than the last one used, or a different one: trading starts halted.",
    ),
    EventKind.LIBRARY_LOGGED: EventType(
        ANY_LEVEL, "A third-party library's log message; includes its logger's name."
    ),
    EventKind.NOTICE_ABANDONED: EventType(
        ERROR, "Number of notices given up after too many attempts; they stay in the ledger."
    ),
    EventKind.NOTICE_DELIVERY_DELAYED: EventType(
        WARNING, "A destination does not accept notices; delivery is retried, logged once."
    ),
    EventKind.NOTICE_DELIVERY_RECOVERED: EventType(
        INFO, "A destination that failed accepts notices again."
    ),
    EventKind.NOTICE_DELIVERY_INTERRUPTED: EventType(
        WARNING, "A delivery was in progress at shutdown; that notice may arrive twice."
    ),
    EventKind.NOTICE_DESTINATION_INVALID: EventType(
        ERROR, "A destination cannot be used: its URL or secret is wrong."
    ),
    EventKind.NOTICE_RENDER_FAILED: EventType(
        ERROR, "A notice's text could not be rendered: a bug."
    ),
    EventKind.STRATEGY_STARTED: EventType(
        INFO, "A strategy has its first subscriber and runs from now on."
    ),
    EventKind.STRATEGY_STOPPED: EventType(
        INFO, "A strategy lost its last subscriber and no longer runs."
    ),
    EventKind.STRATEGY_FAILED: EventType(
        ERROR, "A strategy raised an exception; this candle gives no signal."
    ),
    EventKind.STRATEGY_SKIPPED: EventType(
        WARNING, "A strategy did not run on a candle; gives the reason."
    ),
    EventKind.STRATEGY_SUSPENDED: EventType(
        WARNING, "A strategy file's worker keeps dying; it is not restarted for a while."
    ),
    EventKind.STRATEGY_OUTPUT_PRINTED: EventType(
        INFO, "A line that a strategy file printed or logged."
    ),
    EventKind.STRATEGY_ISOLATION_PARTIAL: EventType(
        WARNING, "The kernel lacks some sandbox features; lists them."
    ),
    EventKind.STRATEGY_SYMBOL_NOT_LISTED: EventType(
        ERROR, "An exchange does not list a strategy's symbol; it is not traded there."
    ),
    EventKind.STREAM_UNSUPPORTED: EventType(
        INFO, "An exchange has no candle stream here; candles are fetched over REST as they close."
    ),
    EventKind.STREAM_RECONNECTING: EventType(
        REPEATED, "A stream ended and is restarted after a pause; later attempts log at debug."
    ),
    EventKind.STREAM_RECONNECTED: EventType(INFO, "A stream that had ended delivers again."),
    EventKind.STREAM_TIMED_OUT: EventType(
        WARNING, "An open stream delivers nothing; it is reconnected."
    ),
    EventKind.STREAM_FRAME_INVALID: EventType(
        DEBUG, "A stream frame could not be parsed; it is dropped."
    ),
    EventKind.TASK_FAILED: EventType(
        ERROR, "A task or callback of the event loop raised an exception."
    ),
    EventKind.TASK_RESTARTED: EventType(
        REPEATED, "A task failed because its peer is unreachable; it restarts after a pause."
    ),
    EventKind.THREAD_CRASHED: EventType(ERROR, "A thread ended with an exception."),
    EventKind.VAULT_ROTATION_INTERRUPTED: EventType(
        WARNING, "A master key rotation was interrupted; 'signalbot keys rotate' completes it."
    ),
    EventKind.WATCHDOG_PING_WITHHELD: EventType(
        ERROR,
        "A part of the daemon, named here, stopped responding; systemd will restart the daemon.",
    ),
    EventKind.WATCHDOG_PING_RESUMED: EventType(
        INFO, "All parts respond again; systemd is notified."
    ),
}
