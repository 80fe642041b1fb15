"""What senders call things: one table, tried in this order; the README shows it."""

from collections.abc import Mapping

from signalbot.intake.fields import Fields

ALIASES: Mapping[str, tuple[str, ...]] = {
    "symbol": ("symbol", "ticker", "pair", "tv_instrument", "instrument", "market", "coin"),
    "exchange": ("exchange", "tv_exchange", "venue"),
    "action": (
        "action",
        "signal",
        "order.action",
        "strategy.order.action",
        "order_action",
    ),
    "type": ("type",),
    "side": ("side", "position_side", "positionside", "direction"),
    "position": (
        "market_position",
        "strategy_info.market_position",
        "sentiment",
        "strategy.market_position",
    ),
    "previous_position": (
        "prev_market_position",
        "strategy_info.prev_market_position",
        "strategy.prev_market_position",
    ),
    "price": (
        "price",
        "signalprice",
        "signal_price",
        "trigger_price",
        "close",
        "limitprice",
        "entry",
        "order.price",
    ),
    "stop_loss": ("stop_loss", "stoploss", "sl", "stop_price", "stop", "stoploss.stopprice"),
    "stop_loss_percent": ("stop_loss_percent", "stoploss.percent", "stoplosspercentage"),
    "take_profit": (
        "take_profit",
        "takeprofit",
        "tp",
        "target",
        "take_profit_price",
        "takeprofit.limitprice",
    ),
    "take_profit_percent": (
        "take_profit_percent",
        "takeprofit.percent",
        "takeprofitpercentage1",
    ),
    "strength": ("strength",),
    "confidence": ("confidence",),
    "reason": ("reason", "comment", "message", "note", "text"),
    "key": ("id", "signal_id", "signalid", "alert_id", "alertid", "idempotency_key", "uid"),
    "sent_at": ("timestamp", "timenow", "sent_at"),
    "time": ("time", "bar_time", "bartime", "candle_time"),
    "max_age": ("max_lag", "max_age"),
    "secret": ("secret", "token", "passphrase", "password", "key", "auth"),
}
"""Our word, and the names under which it may come. Case does not count; ``a.b`` is b inside a."""

TARGETS = 10
"""``tp1`` to ``tp10``, ``take_profit_price_1`` and their like, and lists, are targets, too."""

_NUMBERED = ("tp{}", "tp_{}", "take_profit_{}", "take_profit_price_{}", "target{}", "target_{}")
_LISTED = ("take_profits.{}", "take_profit.{}", "targets.{}", "tps.{}")


def find(fields: Fields, word: str) -> str | None:
    """The value under the first of a word's names that the alert has."""
    return next((fields[name] for name in ALIASES[word] if name in fields), None)


def targets(fields: Fields) -> list[str]:
    """Every take profit, in the sender's order."""
    single = find(fields, "take_profit")
    numbered = [
        fields[name]
        for number in range(1, TARGETS + 1)
        for form in _NUMBERED
        if (name := form.format(number)) in fields
    ]
    listed = [
        fields[name]
        for number in range(TARGETS + 1)
        for form in _LISTED
        if (name := form.format(number)) in fields
    ]
    return [*([single] if single is not None else []), *numbered, *listed]


def without_secret(fields: Fields) -> Fields:
    """The fields that may be kept: whatever could be a secret is left out."""
    secret = frozenset(ALIASES["secret"])
    return {name: value for name, value in fields.items() if name not in secret}


def aliases_table() -> str:
    """The table as Markdown."""
    rows = [
        f"| {word} | {', '.join(f'`{name}`' for name in names)} |"
        for word, names in ALIASES.items()
    ]
    return "\n".join(("| Word | Names |", "|---|---|", *rows)) + "\n"
