"""Makes random bodies of alerts: such as may only close, and such as may say anything."""

import json
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from tests.webhooks.expected import CASES

_TRUE: tuple[Any, ...] = (True, "true", "True", 1, "1", "yes", "on")
_NAMES = {
    "symbol": ("ticker", "symbol", "pair", "instrument", "Symbol", "tickerid"),
    "order": ("action", "side", "order_action", "signal", "orderSide", "ACTION"),
}
_SYMBOLS = ("BTCUSDT", "BINANCE:BTCUSDT.P", "BTC-USDT-SWAP", "BTC/USDT:USDT", "btcusdt", "XBTUSDTM")
_ORDERS = ("buy", "sell", "BUY", "Sell")
_NOISE: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("price", (63000, "62900.5", 0, "", "NaN", None, "{{close}}")),
    ("qty", (1, "0.5", "50%", 0)),
    ("interval", ("15", "1h")),
    ("comment", ("Long", "TP/SL", "entered", "")),
    ("id", ("Long", "x1", "{{strategy.order.id}}")),
    ("sl", (60000, "2%", "-3", 0, "{{plot_0}}")),
    ("tp1", (66000, "2%", 0)),
    ("leverage", (5, "10")),
    ("exchange", ("binance", "bybit")),
    ("confidence", (0.5, "high")),
    ("timestamp", ("2020-01-01T00:00:00Z", 1, "x")),
    ("chart_url", ("https://example.test/x?y=1&z=2",)),
    ("order_price", (63000,)),
    ("amount", (100, "10%")),
)


def _flag(*names: str) -> Callable[[random.Random], dict[str, Any]]:
    return lambda rng: {rng.choice(names): rng.choice(_TRUE)} | _order(rng)


def _word(names: tuple[str, ...], *values: Any) -> Callable[[random.Random], dict[str, Any]]:
    return lambda rng: {rng.choice(names): rng.choice(values)} | _order(rng)


def _verb(*words: str) -> Callable[[random.Random], dict[str, Any]]:
    return lambda rng: {rng.choice(_NAMES["order"]): rng.choice(words)}


def _order(rng: random.Random) -> dict[str, Any]:
    return {rng.choice(_NAMES["order"]): rng.choice(_ORDERS)}


def _against(rng: random.Random) -> dict[str, Any]:
    """An order against the side of the position that it names."""
    order, side = rng.choice((("sell", "long"), ("buy", "short")))
    cased = rng.choice((str.upper, str.lower, str.title))
    return {
        rng.choice(("side", "action", "order_side")): cased(order),
        rng.choice(("positionSide", "position_side", "posSide")): cased(side),
    }


_CLOSINGS: tuple[Callable[[random.Random], dict[str, Any]], ...] = (
    _flag("reduce_only", "reduceOnly", "ReduceOnly", "reduce-only", "order.reduce_only", "reduce"),
    _flag("close_position", "closePosition", "is_close", "isClose", "close_all", "is_exit",
          "exit", "cover", "order.closePosition"),
    lambda rng: {"close": True} | _order(rng),
    lambda rng: {"code": rng.choice(("EXIT-ALL_Binance_BTCUSDT_bot", "exit-long"))},
    lambda rng: {"buy": False, "sell": True, "short": False, "cover": False},
    _word(("order_type", "orderType", "type", "ordType"), "close", "Close", "exit", "CLOSE"),
    _word(("position_size", "positionSize", "target_position_size", "market_position_size"),
          0, "0", "0.0", 0.0),
    _word(("market_position", "marketPosition", "position", "sentiment", "direction",
           "strategy.market_position", "strategy_market_position"), "flat", "FLAT", "neutral"),
    _word(("offset", "positionEffect", "open_close", "execInst"),
          "close", "CLOSE", "closetoday", "c", "ReduceOnly"),
    _word(("flags", "tif", "options"), "reduce_only", "post_only,reduceOnly", ["reduce_only"]),
    _word(("comment", "id", "order_comment"), "Long TP1", "Exit RSI", "Close Long - done",
          "SL Long", "Trail exit", "Long Exit by TP"),
    _word(("instruction", "phase", "purpose", "leg"), "close", "CLOSE_POSITION", "exit", "reduce"),
    _word(("target_weight", "exposure", "position_qty", "remaining_position", "qty_after"),
          0, "0", "0%"),
    lambda rng: {rng.choice(("is_entry", "isEntry", "entry", "is_open")): rng.choice(
        (False, "false", "no"))} | _order(rng),
    lambda rng: {"long": False, "short": False} | _order(rng),
    lambda rng: {rng.choice(("close_long", "close", "exit", "reduce")): "50%"} | _order(rng),
    _verb("sell reduce only", "close 1/2", "scale out 50%", "exit 25%", "square off"),
    _verb("close", "exit", "flat", "closeLong", "close_short", "EXIT_LONG", "exit-short",
          "close all", "sell_to_close", "buy to cover", "flatten", "liquidate", "panicSell",
          "CLOSE_POSITION", "exit long", "LongExit", "stop", "take_profit", "tp", "cancel",
          "reduce", "update", "reEntry", "add", "nosuch"),
    _against,
)  # fmt: skip


def closing_body(rng: random.Random) -> bytes:
    """A body that may close a position and must never open one."""
    return _body(rng, rng.choice(_CLOSINGS)(rng))


def any_body(rng: random.Random) -> bytes:
    """A body that may say anything, or nothing that can be read."""
    kind = rng.randrange(4)
    if kind == 0:
        return _damaged(rng, _case(rng))
    if kind == 1:
        return _case(rng)
    said = _order(rng) | (rng.choice(_CLOSINGS)(rng) if rng.random() < _SOMETIMES else {})
    body = _body(rng, said)
    return _damaged(rng, body) if kind == _DAMAGED else body


_SOMETIMES, _DAMAGED = 0.3, 3


def _case(rng: random.Random) -> bytes:
    case = rng.choice(CASES)
    body = case.get("body") or case.get("text") or rng.choice(case.get("bodies", ["buy BTCUSDT"]))
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def _body(rng: random.Random, said: dict[str, Any]) -> bytes:
    """What is said, with a market and some noise, in some form."""
    fields = {rng.choice(_NAMES["symbol"]): rng.choice(_SYMBOLS)} | said
    for name, values in rng.sample(_NOISE, rng.randrange(4)):
        if not any(name.casefold() == other.casefold() for other in fields):
            fields[name] = rng.choice(values)
    pairs = list(fields.items())
    rng.shuffle(pairs)
    form = rng.randrange(4)
    if form == 0:
        return urlencode([(name, str(value)) for name, value in pairs]).encode()
    if form == 1:
        return "\n".join(f"{name}={value}" for name, value in pairs).encode()
    if form == 2:
        return json.dumps({rng.choice(("order", "payload", "alert")): dict(pairs)}).encode()
    return json.dumps(dict(pairs)).encode()


def _damaged(rng: random.Random, body: bytes) -> bytes:
    """The body with a few bytes lost, doubled or changed."""
    damaged = bytearray(body)
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(damaged))
        match rng.randrange(3):
            case 0:
                del damaged[place]
            case 1:
                damaged[place:place] = damaged[place : place + rng.randrange(1, 9)]
            case _:
                damaged[place] = rng.randrange(256)
        if not damaged:
            break
    return bytes(damaged)
