"""Names that senders use for fields: one table, which the manual shows.

A name is looked up with its parent name first, then alone, so that ``order.type`` equals
``orderType``, and ``market.position`` differs from ``position``. Fields of direction, protection,
market, identity or time must be known here, or the alert is rejected.
"""

from collections.abc import Mapping
from enum import StrEnum


class FieldRole(StrEnum):
    """Meaning of a field."""

    SYMBOL = "symbol"
    BASE = "base coin"
    QUOTE = "quote currency"
    MARKET_KIND = "kind of market"
    VERB = "action"
    SIDE = "side"
    SIDE_OR_POSITION = "side or position"
    POSITION = "position now"
    PREVIOUS_POSITION = "previous position"
    POSITION_SIZE = "position size"
    MARKET_SIZE = "size held"
    PREVIOUS_SIZE = "size held before"
    CLOSES = "closes the position"
    REDUCES = "only reduces"
    BUYS = "is a buy"
    SELLS = "is a sell"
    REVERSES = "turns around"
    EFFECT = "opens or closes"
    OPENS = "is an entry"
    EXPOSURE = "exposure"
    CANCELS = "withdraws entries"
    TYPE = "type"
    ORDER_TYPE = "order type"
    SIZE = "size"
    CONTRACTS = "contracts"
    SIZE_UNIT = "unit of the size"
    EXIT_PERCENT = "part to close"
    PRICE = "price"
    STRENGTH = "strength"
    CONFIDENCE = "confidence"
    REASON = "reason"
    ID = "id"
    KEY = "key of the delivery"
    SENT_AT = "sent at"
    BAR_TIME = "time of the bar"
    MAX_AGE = "oldest age"
    TEST = "test"
    SECRET = "secret"  # noqa: S105 - the name of a role
    HARMLESS = "not needed"


ALIASES: Mapping[FieldRole, tuple[str, ...]] = {
    FieldRole.SYMBOL: (
        "symbol", "ticker", "pair", "instrument", "market", "ticker id", "symbol id",
        "instrument id", "trading pair", "currency pair", "market symbol", "symbol name",
        "pair code", "symbol code", "contracts code", "product id", "contracts", "product",
        "security", "trading symbol", "ticker name", "asset", "coin", "currency", "cryptocurrency",
        "symbol ticker", "symbol symbol", "s", "instrument name", "instrument symbol",
        "market name", "market id", "pair name", "coin name", "coin symbol", "asset name",
        "asset symbol", "contracts symbol", "contracts name", "crypto", "underlying",
        "underlying asset", "underlying symbol", "stock", "token symbol", "token name",
    ),
    FieldRole.BASE: ("base", "base currency", "base asset", "base coin", "currency base"),
    FieldRole.QUOTE: (
        "quote", "quote currency", "quote asset", "quote coin", "currency quote",
    ),
    FieldRole.MARKET_KIND: (
        "market type", "instrument type", "product type", "category", "contracts type",
        "exchange account type", "account type", "asset class", "asset type",
        "market kind", "exchange type", "instrument category",
    ),
    FieldRole.VERB: (
        "action", "signal", "order action", "strategy order action", "trade action", "command",
        "operation", "trade signal", "order side action", "alert action", "signal action",
        "intent", "position action", "trade command", "order command", "buy sell", "data",
        "position direction", "verb", "do", "c",
    ),
    FieldRole.SIDE: (
        "side", "position side", "direction", "trade side", "order side", "signal side",
        "trade direction", "order direction", "signal direction", "book", "b",
        "hedge side", "holding side", "hold side",
    ),
    FieldRole.POSITION: (
        "market position", "sentiment", "strategy market position", "current position",
        "new position", "position now", "position after", "strategy position",
        "current market position", "target position", "desired position", "market side",
        "position state", "position status", "bias", "stance",
    ),
    FieldRole.PREVIOUS_POSITION: (
        "previous market position", "strategy previous market position", "previous position",
        "market previous position", "position before", "old position", "last position",
        "last market position", "prior position", "prior market position",
    ),
    FieldRole.POSITION_SIZE: (
        "position size", "strategy position size", "target size", "target position size",
        "new position size", "desired size", "target quantity", "net position", "net size",
    ),
    FieldRole.MARKET_SIZE: (
        "market position size", "strategy market position size", "market size",
        "current position size", "remaining size", "remaining quantity", "remaining",
    ),
    FieldRole.PREVIOUS_SIZE: (
        "previous market position size", "strategy previous market position size",
        "previous position size", "previous size", "market previous position size",
        "position size before",
    ),
    FieldRole.CLOSES: (
        "close position", "is close", "close all", "is exit", "exit",
        "close order", "close trade", "exit position", "flat", "flatten", "is flat", "exit all",
        "close current position", "liquidate",
        "close long", "close short", "exit long", "exit short", "is exit long", "is exit short",
        "is close long", "is close short", "cover", "cover short", "buy to cover",
        "sell to close", "buy to close",
    ),
    FieldRole.REDUCES: (
        "reduce only", "is reduce only", "reduce", "reducing", "order reduce only",
        "close only", "exit only", "close on trigger", "is reduce", "decrease only",
        "reduce position", "is reducing",
    ),
    FieldRole.BUYS: ("is buy", "buy", "is long", "long", "buy signal", "long signal", "enter long",
                "long entry", "open long", "go long", "long condition", "bullish"),
    FieldRole.SELLS: ("is sell", "sell", "is short", "short", "sell signal", "short signal",
                 "enter short", "short entry", "open short", "go short", "short condition",
                 "bearish"),
    FieldRole.REVERSES: ("reverse", "is reverse", "flip", "reverse position", "is flip",
                    "flip position", "close and reverse"),
    FieldRole.EFFECT: (
        "position effect", "effect", "open close", "open or close", "offset", "offset flag",
        "open close flag", "order effect", "trade effect", "execution instruction",
        "exec inst", "exec instruction",
    ),
    FieldRole.OPENS: ("is entry", "is open", "is an entry", "is entry signal"),
    FieldRole.EXPOSURE: (
        "exposure", "target exposure", "target weight", "target allocation", "target contracts",
        "target notional", "target value", "position quantity", "position contracts",
        "position units", "position value", "position notional", "position left",
        "position remaining", "remaining position", "remaining contracts", "quantity after",
        "size after", "contracts after", "quantity left", "size left",
    ),
    FieldRole.CANCELS: (
        "cancel all orders", "cancel orders", "cancel all", "cancel pending orders",
        "cancel pending", "cancel existing orders", "cancel open orders", "cancel all dca orders",
        "cancel entry",
    ),
    FieldRole.TYPE: (
        "type", "t", "trade type", "event", "event type", "alert type", "signal type",
        "type of signal", "entry type", "position type", "mode", "trade mode", "order mode",
        "exit type", "signal kind", "kind", "flag",
    ),
    FieldRole.ORDER_TYPE: (
        "order type", "execution type", "order kind", "entry order type", "exit order type",
        "order execution", "order style",
    ),
    FieldRole.SIZE: (
        "quantity", "amount", "size", "volume", "order amount", "order quantity", "order size",
        "units", "lot", "lot size", "order volume", "trade size", "trade amount",
        "amount per trade", "position amount", "base amount", "quote amount", "cost", "notional",
        "usd amount", "amount usd", "size usd", "quantity usd", "q", "order contracts size",
        "trade quantity", "exit size", "close size", "exit quantity", "close quantity",
        "close amount", "exit amount", "reduce amount", "reduce quantity", "reduce size",
        "quantity percent", "size percent", "amount percent", "volume percent", "units percent",
        "order percent", "quantity percent of position", "amount value",
    ),
    FieldRole.CONTRACTS: (
        "order contracts", "strategy order contracts", "contracts count", "contracts quantity",
        "number of contracts",
    ),
    FieldRole.SIZE_UNIT: (
        "quantity type", "amount type", "size type", "investment type", "currency type",
        "units type", "amount per trade type", "volume type", "order amount type",
        "order currency type", "size unit", "quantity unit", "amount unit", "size mode",
        "quantity mode", "amount mode", "position size type", "trade amount type",
        "amount symbol", "quantity symbol",
    ),
    FieldRole.EXIT_PERCENT: (
        "exit percent", "close percent", "reduce percent", "percent to close", "close ratio",
        "percent of position", "position percent", "exit share", "close share", "partial percent",
        "close position percent", "percent close", "percent exit", "sell percent",
        "exit position percent", "reduce position percent", "close fraction", "exit fraction",
        "exit ratio", "portfolio", "percent", "fraction", "portion",
    ),
    FieldRole.SIDE_OR_POSITION: ("position",),
    FieldRole.PRICE: (
        "price", "signal price", "close", "limit price", "entry", "order price", "entry price",
        "current price", "last price", "market price", "reference price", "strategy order price",
        "entry level", "price at signal", "alert price", "last", "trigger price", "execution price",
        "p", "bar close", "close price", "candle close",
        "mark price", "price entry", "index price", "open price", "entry zone",
    ),
    FieldRole.STRENGTH: ("strength", "signal strength"),
    FieldRole.CONFIDENCE: (
        "confidence", "signal confidence", "confidence score", "confidence percent",
    ),
    FieldRole.REASON: (
        "reason", "comment", "message", "note", "text", "order comment", "strategy order comment",
        "description", "alert message", "strategy order alert message", "order alert message",
        "title", "notes", "entry reason", "exit reason", "strategy comment", "signal comment",
        "alert text", "content", "label", "alert name", "signal name text",
    ),
    FieldRole.ID: (
        "id", "signal id", "alert id", "uid", "order id", "strategy order id", "trade id",
        "client order id", "order link id", "event id", "message id", "deal id", "position id",
        "nonce", "request id", "oid", "cid", "client id",
    ),
    FieldRole.KEY: ("idempotency key", "delivery id", "webhook id", "idempotency"),
    FieldRole.SENT_AT: (
        "timestamp", "time now", "sent at", "alert time", "signal time", "signal timestamp",
        "alert timestamp", "time utc", "utc time", "date", "created at", "trigger time",
        "fired at", "order time", "order timestamp", "date time", "sent time",
        "trade time", "current time", "timestamp ms", "unix time", "unix timestamp", "time ms",
        "sent", "fired time", "event time", "now", "created", "generated at", "generated",
        "published at", "published", "issued at", "issued", "emitted at", "emitted", "raised at",
        "triggered at", "triggered", "alerted at", "posted at", "occurred at", "dispatched at",
        "signaled at", "signal at", "event timestamp", "timestamp event", "fired", "creation time",
    ),
    FieldRole.BAR_TIME: (
        "time", "bar time", "candle time", "bar timestamp", "candle timestamp", "open time",
        "bar open time", "close time", "bar close time", "bar date", "candle open time",
        "candle close time", "bar open", "kline time",
        "time close", "time open", "bar start", "bar end", "candle start", "candle end",
    ),
    FieldRole.MAX_AGE: ("max lag", "max age", "max delay", "expire in", "valid for", "ttl",
                   "max latency", "max signal age"),
    FieldRole.TEST: (
        "test", "is test", "dry run", "is dry run", "test mode", "testing", "simulate",
        "simulation", "validate only", "is test net", "test net",
        "sandbox", "is sandbox", "demo", "is demo", "paper", "paper trading", "is paper",
        "is simulated", "preview", "dry", "live", "is live", "live trading", "environment", "env",
    ),
    FieldRole.SECRET: (
        "secret", "token", "passphrase", "pass phrase", "password", "key", "auth", "signal token",
        "api key",
        "api secret", "api secret key", "auth key", "auth token", "webhook secret", "access key",
        "passcode", "pin", "access token", "webhook key", "secret key", "bot secret",
        "connector secret", "secret token", "webhook token", "webhook passphrase", "license",
        "license id", "license key", "user token", "bot token", "hook token",
        "email token", "webhook password",
    ),
    FieldRole.HARMLESS: (
        "exchange", "venue", "broker", "interval", "timeframe", "time frame", "chart interval",
        "chart timeframe", "resolution", "leverage", "margin mode", "margin type", "margin",
        "time in force", "post only", "open", "high", "low", "bar high", "bar low",
        "bar volume", "candle open", "strategy", "strategy name", "strategy id", "name",
        "bot", "bot id", "bot uuid", "bot name", "account", "account id", "account name", "user",
        "user id", "tag", "version", "source",
        "settle", "settle currency", "pyramiding", "price source", "chart", "url",
        "chart url", "alert number", "profile", "profile id", "hook", "hook name", "risk",
        "risk percent", "order number", "model", "session", "time zone", "plan",
        "position average price", "average price", "position avg price", "average entry price",
        "pnl", "order profit", "profit", "profit percent", "net profit", "equity", "balance",
        "initial capital", "max drawdown", "drawdown", "commission", "slippage", "volume bar",
        "entry reason code", "signal count", "trade count", "bar index", "bar number",
        "order price offset", "order price type", "price offset", "limit price offset",
        "market cap", "rsi", "macd", "atr", "adx", "ema", "sma", "vwap", "trend strength",
        "realized pnl", "unrealized pnl", "total pnl", "risk reward", "risk usd", "notional usdc",
        "margin usdc", "stub", "provider key", "provider", "exchange code", "profile code",
        "position size percent", "position size quote", "max", "position mode", "hedge",
        "hedge mode",
        "success rate", "term", "previous close", "last close", "updated at",
        "buy ttl", "sell ttl", "order expiration", "gtd", "good till",
        "slippage percent", "last price change", "language", "platform",
        "platform name", "signal platform", "broker platform", "signal source", "bar state",
        "is confirmed", "bar confirmed", "confirm", "confirmed", "candle state", "market state",
        "market status", "order status", "chart symbol type", "strategy parameters", "priority",
        "stop loss priority", "take profit priority", "trailing stop priority",
        "cross", "isolated", "extended hours", "channel", "channel id",
        "chat id", "emoji", "color", "currency rate", "decimals", "tick size", "min tick",
        "hook id", "base precision", "target currency", "target leverage", "profit loss",
        "pnl percent", "entry time", "exit time", "server time",
        "local time", "start time", "end time", "start date", "end date", "session time",
        "update time", "order entry price", "position entry price", "position entry name",
        "point value", "lot step", "contracts size", "contracts multiplier",
    ),
}  # fmt: skip
"""Names by role. Letter case, separators and abbreviations do not matter."""


def aliases_table() -> str:
    """Render the aliases as Markdown."""
    rows = [
        f"| {role.value} | {', '.join(f'`{name}`' for name in names)} |"
        for role, names in ALIASES.items()
        if role is not FieldRole.HARMLESS
    ]
    return "\n".join(("| What it is for | Names |", "|---|---|", *rows)) + "\n"
