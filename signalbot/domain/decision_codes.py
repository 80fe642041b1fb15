"""Every decision code with its cause and fix: why a user did or did not trade a signal.

Ledger, log, API, command line and manual use the same codes.
"""

from signalbot.domain.codes import Code


class DecisionCode(Code):
    """One listener's decision on one signal, as a stable code."""

    APPROVED = (
        "APPROVED",
        "every check passed",
        "nothing to do",
    )

    SIGNAL_NOT_ACTIVE = (
        "SIGNAL_NOT_ACTIVE",
        "the signal had expired or was cancelled before this user could act on it",
        "raise the strategy's signal_ttl if signals often arrive late",
    )
    SIGNAL_TOO_OLD = (
        "SIGNAL_TOO_OLD",
        "the signal's candle closed longer ago than filters.max_signal_age",
        "raise filters.max_signal_age, or find out what delayed the signal",
    )
    ALREADY_EXECUTED = (
        "ALREADY_EXECUTED",
        "this user has already executed this signal",
        "nothing to do: a signal is executed once per user",
    )
    TRADING_HALTED = (
        "TRADING_HALTED",
        "the daemon, or this user, is halted: exits continue, entries are skipped",
        "see why with 'signalbot status', then 'signalbot unhalt' or 'signalbot resume USER'",
    )
    DISK_LOW = (
        "DISK_LOW",
        "free disk space is below daemon.min_free_disk_mb: exits continue, entries are skipped",
        "free disk space; entries resume automatically",
    )
    USER_PAUSED = (
        "USER_PAUSED",
        "the user is paused",
        "resume the user: 'signalbot resume USER'",
    )
    SUBSCRIPTION_NOT_ACTIVE = (
        "SUBSCRIPTION_NOT_ACTIVE",
        "the subscription to this strategy is paused or cancelled",
        "resume the subscription: 'signalbot resume USER STRATEGY'",
    )
    INBOX_FULL = (
        "INBOX_FULL",
        "the user's listener was too far behind to accept another signal",
        "find what blocks the listener: a slow exchange, a slow AI",
    )
    INTERNAL_ERROR = (
        "INTERNAL_ERROR",
        "the listener failed on this signal; the user is halted for entries",
        "report the traceback in the log, then 'signalbot resume USER'",
    )
    SIGNALS_ONLY = (
        "SIGNALS_ONLY",
        "the user's mode is 'signals': notified, never traded",
        "set the user's mode to 'paper' or 'live' to trade",
    )

    SYMBOL_FILTERED = (
        "SYMBOL_FILTERED",
        "the symbol does not pass filters.symbols and filters.exclude_symbols",
        "widen filters.symbols",
    )
    STRENGTH_BELOW_MINIMUM = (
        "STRENGTH_BELOW_MINIMUM",
        "the signal is weaker than filters.min_strength",
        "lower filters.min_strength",
    )
    CONFIDENCE_BELOW_MINIMUM = (
        "CONFIDENCE_BELOW_MINIMUM",
        "the signal's confidence is below filters.min_confidence",
        "lower filters.min_confidence",
    )
    FAR_FROM_MARKET = (
        "FAR_FROM_MARKET",
        "the signal's price, stop or target is too far from the market to be plausible",
        "look for a missing or doubled digit, or for another market, in the sender's alert",
    )
    PRICE_DRIFTED = (
        "PRICE_DRIFTED",
        "the price has moved more than filters.max_price_drift_percent since the signal",
        "raise filters.max_price_drift_percent",
    )
    PRICE_UNKNOWN = (
        "PRICE_UNKNOWN",
        "neither the signal nor the exchange gave a price to size the order with",
        "send a price with the signal, or check the exchange's price feed",
    )
    OUTSIDE_HOURS = (
        "OUTSIDE_HOURS",
        "the time of day is outside filters.hours",
        "widen filters.hours, or check filters.time_zone",
    )

    NO_POSITION = (
        "NO_POSITION",
        "an exit signal, and this user holds no such position from this strategy",
        "nothing to do",
    )
    POSITION_OPEN = (
        "POSITION_OPEN",
        "the user already holds a position in this symbol on the signal's side",
        "nothing to do: positions are not added to",
    )
    OPPOSITE_POSITION_OPEN = (
        "OPPOSITE_POSITION_OPEN",
        "the user holds the opposite position and protection.on_opposite_signal is 'ignore'",
        "set protection.on_opposite_signal to 'close' or 'reverse'",
    )
    SYMBOL_HELD_BY_OTHER_STRATEGY = (
        "SYMBOL_HELD_BY_OTHER_STRATEGY",
        "another strategy of this user holds a position in this symbol",
        "let strategies of one account trade different symbols",
    )
    EXCHANGE_HALTED = (
        "EXCHANGE_HALTED",
        "the exchange accepts no entries from this host now: a ban, or a clock that is off",
        "wait until the time given in the log; if the clock is off, let chrony set it",
    )
    ACCOUNT_NOT_READY = (
        "ACCOUNT_NOT_READY",
        "this account has not been reconciled with its exchange since the start, or not recently",
        "wait; if it persists, search the log for reconcile_failed",
    )
    SHORT_ON_SPOT = (
        "SHORT_ON_SPOT",
        "a spot market cannot be sold short",
        "subscribe to strategies of a futures market for shorts",
    )
    SYMBOL_IN_DOUBT = (
        "SYMBOL_IN_DOUBT",
        "an order of this user in this symbol has an unknown outcome, which blocks entries",
        "wait for reconciliation; if it persists, compare 'signalbot orders' with the exchange",
    )
    ENTRY_PENDING = (
        "ENTRY_PENDING",
        "an entry of this user in this symbol is still waiting to be filled",
        "nothing to do, or shorten entry.timeout",
    )
    SYMBOL_NOT_FIRST = (
        "SYMBOL_NOT_FIRST",
        "an earlier symbol of risk.symbol_priority has no open position yet",
        "nothing to do, or change risk.symbol_priority",
    )
    MAX_OPEN_POSITIONS = (
        "MAX_OPEN_POSITIONS",
        "the number of open positions has reached risk.max_open_positions",
        "raise risk.max_open_positions, or wait for a position to close",
    )
    MAX_CONSECUTIVE_LOSSES = (
        "MAX_CONSECUTIVE_LOSSES",
        "today's consecutive losses have reached risk.max_consecutive_losses",
        "wait for the next UTC day, or raise risk.max_consecutive_losses",
    )
    MAX_TRADES_PER_DAY = (
        "MAX_TRADES_PER_DAY",
        "the number of entries of this UTC day has reached risk.max_trades_per_day",
        "wait for the next UTC day, or raise risk.max_trades_per_day",
    )
    COOLDOWN = (
        "COOLDOWN",
        "the last position in this symbol closed less than risk.cooldown ago",
        "wait, or shorten risk.cooldown",
    )
    MAX_DAILY_LOSS = (
        "MAX_DAILY_LOSS",
        "the loss of this UTC day has reached risk.max_daily_loss_percent of equity",
        "wait for the next UTC day, or raise risk.max_daily_loss_percent",
    )
    BALANCE_TOO_LOW = (
        "BALANCE_TOO_LOW",
        "the account's equity is below risk.min_balance",
        "fund the account, or lower risk.min_balance",
    )
    MAX_EXPOSURE = (
        "MAX_EXPOSURE",
        "open notional has reached risk.max_exposure_percent of equity",
        "close a position, or raise risk.max_exposure_percent",
    )

    AI_DENIED = (
        "AI_DENIED",
        "the user's AI vetoed the signal",
        "see the reason in the detail; adjust the ai settings",
    )
    AI_FAILED = (
        "AI_FAILED",
        "the AI gave no usable response in time and ai.on_error is 'skip'",
        "check the provider, raise the deadline, or set ai.on_error to 'follow'",
    )
    AI_BUDGET_SPENT = (
        "AI_BUDGET_SPENT",
        "the AI budget of this UTC day is spent and ai.on_error is 'skip'",
        "wait for the next UTC day, raise ai.budget_per_day, or set ai.on_error to 'follow'",
    )

    NO_STOP_LOSS = (
        "NO_STOP_LOSS",
        "no stop loss can be set: protection.stop_loss uses the signal's, and the signal has none",
        "use protection.stop_loss.source = 'signal_or_percent'",
    )
    STOP_ON_WRONG_SIDE = (
        "STOP_ON_WRONG_SIDE",
        "the signal's stop loss would trigger at once at the current price",
        "nothing to do: the price has already passed the stop",
    )
    STOP_BEYOND_LIQUIDATION = (
        "STOP_BEYOND_LIQUIDATION",
        "at this leverage the position would be liquidated before its stop is reached",
        "lower account.leverage, or use a closer stop",
    )
    BELOW_MINIMUM = (
        "BELOW_MINIMUM",
        "the sized order is below the instrument's minimum and sizing.below_minimum is 'skip'",
        "set sizing.below_minimum to 'round_up', or risk more per trade",
    )
    INSUFFICIENT_BALANCE = (
        "INSUFFICIENT_BALANCE",
        "the free balance does not cover the smallest tradable order",
        "fund the account, close a position, or raise account.leverage",
    )
