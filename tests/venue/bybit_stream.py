"""Bybit's websockets: candles for anybody, an account's orders for who has signed in."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import orjson

from tests.venue import bybit_shapes as shapes
from tests.venue.candles import LENGTHS_MS, Candle
from tests.venue.engine import AccountChanged, CandleMoved, Engine, Event, OrderChanged
from tests.venue.http_wire import Socket

INTERVALS = {
    "1": "1m", "3": "3m", "5": "5m", "15": "15m", "30": "30m", "60": "1h", "120": "2h",
    "240": "4h", "360": "6h", "720": "12h", "D": "1d",
}  # fmt: skip
_NAMES = {each: name for name, each in INTERVALS.items()}


class Streaming:
    """Who listens to what. Orders are told on the private path only."""

    def __init__(self, engine: Engine, sockets: Callable[[], set[Socket]]) -> None:
        self._engine = engine
        self._sockets = sockets

    def heard(self, socket: Socket, text: str) -> None:
        message = orjson.loads(text)
        op, args = message.get("op"), message.get("args", [])
        said = {"success": True, "conn_id": "1", "req_id": message.get("req_id", ""), "op": op}
        match op:
            case "auth" if self._may_enter(socket, args):
                socket.key = args[0]
                socket.send(said | {"ret_msg": ""})
            case "subscribe" if socket.key or not any(_is_private(each) for each in args):
                socket.topics.update(args)
                socket.send(said | {"ret_msg": ""})
            case "unsubscribe":
                socket.topics.difference_update(args)
                socket.send(said | {"ret_msg": ""})
            case "ping":
                socket.send(said | {"ret_msg": "pong"})
            case _:
                socket.send(said | {"success": False, "ret_msg": "error:invalid op"})

    def _may_enter(self, socket: Socket, args: list[Any]) -> bool:
        """A key of a living account, signed for a time that is still to come."""
        if not socket.path.endswith("/private") or len(args) != 3:
            return False
        key, expires_ms, signature = map(str, args)
        account = self._engine.account_of(key)
        if account is None or account.is_revoked or int(expires_ms) < self._engine.now_ms():
            return False
        payload = f"GET/realtime{expires_ms}".encode()
        wanted = hmac.new(account.secret.encode(), payload, hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted, signature)

    def happened(self, event: Event) -> None:
        match event:
            case CandleMoved():
                self._candle(event.candle)
            case OrderChanged():
                self._order(event)
            case AccountChanged():
                self._account(event)

    def _send(self, key: str, topic: str, category: str, row: dict[str, Any]) -> None:
        """To who has subscribed to everything, or to the category."""
        body = {
            "id": f"{key}-{self._engine.now_ms()}", "topic": topic,
            "creationTime": self._engine.now_ms(), "data": [row],
        }  # fmt: skip
        for socket in self._sockets():
            if socket.key != key:
                continue
            for named in (topic, f"{topic}.{category}"):
                if named in socket.topics:
                    socket.send(body | {"topic": named}, topic=named)

    def _order(self, event: OrderChanged) -> None:
        """The order, and its fill if there is one."""
        engine, key = self._engine, event.account.key
        category = "spot" if event.order.ask.is_spot else "linear"
        if event.trade is not None:
            row = shapes.execution(engine, event.account, event.trade)
            self._send(key, "execution", category, row | {"category": category})
        row = shapes.order_row(engine, event.order)
        self._send(key, "order", category, row | {"category": category})

    def _account(self, event: AccountChanged) -> None:
        engine, account = self._engine, event.account
        market = engine.markets.get(event.symbol)
        if market is not None and not market.is_spot:
            for each in shapes.shown_positions(account, market.id):
                row = shapes.position(engine, account, each) | {"category": "linear"}
                self._send(account.key, "position", "linear",
                           row | {"entryPrice": row["avgPrice"]})  # fmt: skip
        if event.cause not in ("LEVERAGE", "MARGIN_MODE"):
            self._send(account.key, "wallet", "", shapes.wallet(engine, account))

    def _candle(self, candle: Candle) -> None:
        interval, now_ms = _NAMES[candle.timeframe], self._engine.now_ms()
        market = self._engine.markets[candle.symbol]
        topic, category = f"kline.{interval}.{market.name}", "spot" if market.is_spot else "linear"
        k = {
            "start": candle.open_ms, "end": candle.open_ms + LENGTHS_MS[candle.timeframe] - 1,
            "interval": interval, "open": candle.open, "close": candle.close,
            "high": candle.high, "low": candle.low, "volume": candle.volume,
            "turnover": candle.volume * candle.close, "confirm": candle.closed,
            "timestamp": now_ms,
        }  # fmt: skip
        for socket in self._sockets():
            if topic in socket.topics and socket.path.endswith(category):
                body = {"topic": topic, "type": "snapshot", "ts": now_ms, "data": [k]}
                socket.send(body, topic=topic)


def _is_private(topic: str) -> bool:
    return topic.partition(".")[0] in ("order", "execution", "position", "wallet")
