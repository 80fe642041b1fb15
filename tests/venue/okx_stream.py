"""OKX's websockets: candles for anybody, an account's plain orders for who has logged in."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import orjson

from tests.venue import okx_shapes as shapes
from tests.venue.candles import Candle
from tests.venue.engine import AccountChanged, CandleMoved, Engine, Event, OrderChanged
from tests.venue.http_wire import Socket

BARS = {
    "1m": "1m", "3m": "3m", "5m": "5m", "15m": "15m", "30m": "30m", "1H": "1h", "2H": "2h",
    "4H": "4h", "6H": "6h", "12H": "12h", "1D": "1d",
}  # fmt: skip
_NAMES = {each: name for name, each in BARS.items()}
_PRIVATE = ("orders", "orders-algo", "positions", "account")


class Streaming:
    """Who listens to what."""

    def __init__(self, engine: Engine, sockets: Callable[[], set[Socket]]) -> None:
        self._engine = engine
        self._sockets = sockets

    def heard(self, socket: Socket, text: str) -> None:
        if text == "ping":
            socket.send("pong")
            return
        message = orjson.loads(text)
        for arg in message["args"]:
            if message["op"] == "login":
                socket.send(self._login(socket, arg))
            else:
                socket.send(_subscribe(socket, message["op"], arg))

    def _login(self, socket: Socket, said: dict[str, str]) -> dict[str, Any]:
        account = self._engine.account_of(said["apiKey"])
        at_s, now_s = int(said["timestamp"]), self._engine.now_ms() / 1000
        if account is None or account.is_revoked:
            return _error(60005, "Invalid apiKey")
        if said["passphrase"] != account.password:
            return _error(60024, "Wrong passphrase")
        if abs(now_s - at_s) > 30:
            return _error(60006, "Timestamp request expired")
        payload = f"{at_s}GET/users/self/verify".encode()
        digest = hmac.new(account.secret.encode(), payload, hashlib.sha256).digest()
        if not hmac.compare_digest(base64.b64encode(digest).decode(), said["sign"]):
            return _error(60007, "Invalid sign")
        socket.key = account.key
        return {"event": "login", "code": "0", "msg": "", "connId": "a4d3ae55"}

    def happened(self, event: Event) -> None:
        match event:
            case CandleMoved():
                self._candle(event.candle)
            case OrderChanged() if event.order.is_conditional:
                row = shapes.algo_row(self._engine, event.account, event.order)
                self._push(event.account.key, "orders-algo", row)
            case OrderChanged():
                self._order(event)
            case AccountChanged():
                self._account(event)

    def _push(self, key: str, channel: str, row: dict[str, Any]) -> None:
        """To everyone of the account who asked for the kind, for any kind, or the instrument."""
        for socket in self._sockets():
            for topic in socket.topics if socket.key == key else ():
                named, _, of = topic.partition(":")
                if named == channel and of in ("", "ANY", row.get("instType"), row.get("instId")):
                    arg = {"channel": channel, "instType": of, "uid": "1"}
                    socket.send({"arg": arg, "data": [row]}, topic=topic)
                    break

    def _order(self, event: OrderChanged) -> None:
        """What this update traded is told apart from what the order has traded."""
        row, trade = shapes.order_row(self._engine, event.account, event.order), event.trade
        if trade is not None:
            filled = shapes.fill(self._engine, event.account, trade)
            row |= {
                "tradeId": filled["tradeId"], "fillPx": filled["fillPx"],
                "fillSz": filled["fillSz"], "fillFee": filled["fee"],
                "fillFeeCcy": filled["feeCcy"], "fillPnl": filled["fillPnl"],
                "fillTime": filled["ts"], "execType": filled["execType"],
            }  # fmt: skip
        self._push(event.account.key, "orders", row)

    def _account(self, event: AccountChanged) -> None:
        engine, account = self._engine, event.account
        market = engine.markets.get(event.symbol)
        if market is not None and not market.is_spot:
            shown = account.of_symbol(market.id) or [account.position(market.id)]
            for each in shown:
                self._push(account.key, "positions", shapes.position(engine, account, each))
        self._push(account.key, "account", shapes.balance(engine, account))

    def _candle(self, candle: Candle) -> None:
        bar = _NAMES[candle.timeframe]
        arg = {"channel": f"candle{bar}", "instId": candle.symbol}
        topic = f"candle{bar}:{candle.symbol}"
        row = shapes.candle(candle, self._engine.markets[candle.symbol])
        for socket in self._sockets():
            if topic in socket.topics:
                socket.send({"arg": arg, "data": [row]}, topic=topic)


def _subscribe(socket: Socket, op: str, arg: dict[str, str]) -> dict[str, Any]:
    """A channel of one instrument, or of every one of a kind."""
    topic = f"{arg['channel']}:{arg.get('instId') or arg.get('instType', '')}"
    if arg["channel"] in _PRIVATE and not socket.key:
        return _error(60011, "Please log in")
    if op == "subscribe":
        socket.topics.add(topic)
    else:
        socket.topics.discard(topic)
    return {"event": op, "arg": arg, "connId": "a4d3ae55"}


def _error(code: int, text: str) -> dict[str, Any]:
    return {"event": "error", "code": str(code), "msg": text, "connId": "a4d3ae55"}
