"""Bybit's websockets: candles for anybody, an account's orders for who has signed in."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import orjson

from tests.venue import bybit_shapes as shapes
from tests.venue.candles import LENGTHS_MS, Candle
from tests.venue.engine import CandleMoved, Engine, Event, OrderChanged
from tests.venue.wire import Socket

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
            case "subscribe" if "order" not in args or socket.key:
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
        if isinstance(event, CandleMoved):
            self._candle(event.candle)
        elif isinstance(event, OrderChanged):
            self._order(event)

    def _order(self, event: OrderChanged) -> None:
        for socket in self._sockets():
            if socket.key == event.account.key and "order" in socket.topics:
                body = {
                    "id": str(event.order.id), "topic": "order",
                    "creationTime": self._engine.now_ms(),
                    "data": [shapes.order_row(event.order) | {"category": "linear"}],
                }  # fmt: skip
                socket.send(body, topic="order")

    def _candle(self, candle: Candle) -> None:
        interval, now_ms = _NAMES[candle.timeframe], self._engine.now_ms()
        topic = f"kline.{interval}.{candle.symbol}"
        k = {
            "start": candle.open_ms, "end": candle.open_ms + LENGTHS_MS[candle.timeframe] - 1,
            "interval": interval, "open": candle.open, "close": candle.close,
            "high": candle.high, "low": candle.low, "volume": candle.volume,
            "turnover": candle.volume * candle.close, "confirm": candle.closed,
            "timestamp": now_ms,
        }  # fmt: skip
        for socket in self._sockets():
            if topic in socket.topics:
                body = {"topic": topic, "type": "snapshot", "ts": now_ms, "data": [k]}
                socket.send(body, topic=topic)
