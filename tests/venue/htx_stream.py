"""HTX's websockets: public candles in gzip, orders after a signed login.

Paths: ``/linear-swap-ws`` and ``/ws`` for candles, ``/ws/v5/notification`` for swap orders and
``/ws/v2`` for spot orders (the only one that is not compressed).
"""

import gzip
import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import orjson

from tests.venue import htx_shapes as shapes
from tests.venue.candles import Candle
from tests.venue.engine import CandleMoved, Event, OrderChanged
from tests.venue.grids import ASIAN_MIDNIGHT_MS, DAY_MS, opening
from tests.venue.heartbeat import Heartbeat
from tests.venue.http_wire import Socket
from tests.venue.htx_engine import HtxEngine
from tests.venue.htx_market import CONTRACT_PERIODS, MarketEndpoints
from tests.venue.journal import Deed
from tests.venue.model import Account, Order, Trade

SWAP_ORDERS, SPOT_ORDERS = "/ws/v5/notification", "/ws/v2"
VALID_S = 300
_PERIODS: dict[str, list[str]] = {}
for _period, _timeframe in CONTRACT_PERIODS.items():
    _PERIODS.setdefault(_timeframe, []).append(_period)


class Streaming:
    """Who listens to what."""

    def __init__(
        self, engine: HtxEngine, market: MarketEndpoints, sockets: Callable[[], set[Socket]]
    ) -> None:
        self._engine, self._market, self._sockets = engine, market, sockets
        now_ms = engine.now_ms
        self._hearts = {
            SWAP_ORDERS: Heartbeat(
                seconds=5, misses=3, ping=lambda: {"op": "ping", "ts": str(now_ms())}
            ),
            SPOT_ORDERS: Heartbeat(
                seconds=20, misses=3,
                ping=lambda: {"action": "ping", "data": {"ts": now_ms()}},
            ),
        }  # fmt: skip
        self._heart = Heartbeat(seconds=5, misses=2, ping=lambda: {"ping": now_ms()})

    def heart_of(self, socket: Socket) -> Heartbeat:
        return self._hearts.get(socket.path, self._heart)

    def opened(self, socket: Socket) -> None:
        self.heart_of(socket).begin(socket)

    def encode(self, socket: Socket, text: str) -> str | bytes:
        if socket.path == SPOT_ORDERS:
            return text
        return gzip.compress(text.encode(), compresslevel=1)

    def heard(self, socket: Socket, text: str) -> None:
        message = orjson.loads(text)
        if "pong" in message or "pong" in (message.get("op"), message.get("action")):
            self.heart_of(socket).answered(socket)
        elif socket.path == SWAP_ORDERS:
            self._swap(socket, message)
        elif socket.path == SPOT_ORDERS:
            self._spot(socket, message)
        else:
            self._public(socket, message)

    # --- what clients say ---------------------------------------------------------------------

    def _public(self, socket: Socket, message: dict[str, Any]) -> None:
        for word, done in (("sub", "subbed"), ("unsub", "unsubbed")):
            topic = message.get(word)
            if topic is None:
                continue
            body = {"id": message.get("id", ""), "ts": self._engine.now_ms()}
            if not self._exists(topic):
                socket.send(body | {"status": "error", "err-code": "bad-request",
                                    "err-msg": f"invalid topic {topic}"})  # fmt: skip
                return
            (socket.topics.add if word == "sub" else socket.topics.discard)(topic)
            socket.send(body | {"status": "ok", done: topic})
            return

    def _exists(self, topic: str) -> bool:
        parts = topic.split(".")
        if len(parts) != 4 or parts[0] != "market" or parts[2] != "kline":
            return False
        return parts[1] in self._engine.markets and parts[3] in CONTRACT_PERIODS

    def _swap(self, socket: Socket, message: dict[str, Any]) -> None:
        now_ms, op = self._engine.now_ms(), message.get("op")
        base = {"op": op, "cid": message.get("cid", ""), "ts": now_ms}
        if op == "auth":
            names = ("AccessKeyId", "SignatureMethod", "SignatureVersion", "Timestamp")
            account = self._enter(socket, message, names, "Signature")
            if account is None:
                socket.send(base | {"type": "api", "err-code": 2002, "err-msg": "auth.fail"})
                return
            socket.key = account.key
            socket.send(base | {"type": "api", "err-code": 0, "data": {"user-id": "41434234"}})
            return
        topic = f"{message.get('topic')}.{str(message.get('contract_code', '*')).upper()}"
        if not socket.key:
            socket.send(base | {"err-code": 2002, "err-msg": "auth.fail"})
        elif op == "sub":
            socket.topics.add(topic)
            socket.send(base | {"topic": message.get("topic"), "err-code": 0})
        elif op == "unsub":
            socket.topics.discard(topic)
            socket.send(base | {"topic": message.get("topic"), "err-code": 0})

    def _spot(self, socket: Socket, message: dict[str, Any]) -> None:
        action, channel = message.get("action"), message.get("ch", "")
        base = {"action": action, "ch": channel}
        if action == "req" and channel == "auth":
            said = message.get("params", {})
            names = ("accessKey", "signatureMethod", "signatureVersion", "timestamp")
            account = self._enter(socket, said, names, "signature")
            if account is None:
                socket.send(base | {"code": 2002, "message": "auth.fail"})
                return
            socket.key = account.key
            socket.send(base | {"code": 200, "data": {}})
        elif not socket.key:
            socket.send(base | {"code": 2002, "message": "auth.fail"})
        elif action in ("sub", "unsub"):
            (socket.topics.add if action == "sub" else socket.topics.discard)(channel)
            socket.send(base | {"code": 200, "data": {}})

    def _enter(
        self, socket: Socket, said: dict[str, Any], names: tuple[str, ...], signature: str
    ) -> Account | None:
        """The account whose key has signed method, host, path and the four fields.

        The path may be the whole address: that is what ccxt signs where the address does not
        begin with ``wss://``.
        """
        account = self._engine.account_of(str(said.get(names[0], "")))
        if account is None or account.is_revoked or any(not said.get(name) for name in names):
            return None
        if not is_timely(str(said[names[3]]), self._engine.now_ms()):
            return None
        host = str(socket.memory.get("host", "")).lower()
        fields = "&".join(f"{name}={quote(str(said[name]), safe='-_.~')}" for name in names)
        return (
            account
            if any(
                sign(account.secret, "GET", host, path, fields) == said.get(signature)
                for path in (socket.path, f"ws://{host}{socket.path}")
            )
            else None
        )

    # --- what they hear -------------------------------------------------------------------------

    def happened(self, event: Event) -> None:
        if isinstance(event, CandleMoved):
            self._candle(event.candle)
        elif isinstance(event, OrderChanged):
            spot = self._engine.is_spot(event.order.ask.symbol)
            (self._spot_order if spot else self._swap_order)(event)

    def _candle(self, candle: Candle) -> None:
        self._send_candle(candle)
        if candle.timeframe == "4h":
            day = opening(candle.open_ms, DAY_MS, ASIAN_MIDNIGHT_MS)
            for row in self._market.days(candle.symbol):
                if row.open_ms == day:
                    self._send_candle(row)

    def _send_candle(self, candle: Candle) -> None:
        market = self._engine.markets[candle.symbol]
        for period in _PERIODS.get(candle.timeframe, ()):
            topic = f"market.{candle.symbol}.kline.{period}"
            body = {"ch": topic, "ts": self._engine.now_ms(), "tick": shapes.kline(candle, market)}
            for socket in self._sockets():
                if topic in socket.topics:
                    socket.send(body, topic=topic)

    def _swap_order(self, event: OrderChanged) -> None:
        """Plain orders only: there is no topic for algo orders before they trigger."""
        order = event.order
        if order.is_conditional:
            return
        row = shapes.swap_order(self._engine, event.account, order)
        row.pop("id")
        body = {
            "op": "notify", "topic": "orders", "contract_code": order.ask.symbol,
            "ts": self._engine.now_ms(), "uid": "41434234", "data": row,
        }  # fmt: skip
        for socket in self._sockets():
            wanted = {"orders.*", f"orders.{order.ask.symbol}"} & socket.topics
            if wanted and socket.key == event.account.key:
                socket.send(body, topic="orders")

    def _spot_order(self, event: OrderChanged) -> None:
        order = event.order
        if order.is_conditional and order.ask.extra.get("conditional") and event.deed in (
            Deed.ACCEPTED, Deed.AMENDED,
        ):  # fmt: skip
            return
        data = self._spot_event(order, event.trade, event.deed)
        for socket in self._sockets():
            if socket.key != event.account.key:
                continue
            for topic in {"orders#*", f"orders#{order.ask.symbol}"} & socket.topics:
                socket.send({"action": "push", "ch": topic, "data": data}, topic=topic)

    def _spot_event(self, order: Order, trade: Trade | None, deed: Deed) -> dict[str, Any]:
        ask, now_ms = order.ask, self._engine.now_ms()
        base = {
            "symbol": ask.symbol, "orderId": order.id, "clientOrderId": ask.client_id,
            "orderSource": "spot-api", "type": shapes.spot_type(order),
            "orderSize": shapes.spot_amount(order), "orderStatus": shapes.spot_state(order),
        }  # fmt: skip
        if ask.price is not None:
            base["orderPrice"] = shapes.plain(ask.price)
        if trade is not None:
            return base | {
                "eventType": "trade", "tradePrice": shapes.plain(trade.price),
                "tradeVolume": shapes.plain(trade.quantity), "tradeId": trade.id,
                "tradeTime": trade.at_ms, "aggressor": not trade.is_maker,
                "remainAmt": shapes.plain(order.remaining), "execAmt": shapes.plain(order.filled),
                "lastActTime": now_ms,
            }  # fmt: skip
        if deed is Deed.ACCEPTED:
            return base | {
                "eventType": "creation", "accountId": shapes.SPOT_ACCOUNT,
                "orderCreateTime": order.created_ms,
            }  # fmt: skip
        return base | {
            "eventType": "trigger" if deed is Deed.TRIGGERED else "cancellation",
            "remainAmt": shapes.plain(order.remaining), "execAmt": shapes.plain(order.filled),
            "lastActTime": now_ms,
        }  # fmt: skip


def sign(secret: str, method: str, host: str, path: str, fields: str) -> str:
    """HMAC-SHA256 over method, host, path and sorted fields, one a line, in base64."""
    payload = "\n".join((method, host, path, fields))
    return b64encode(hmac.new(secret.encode(), payload.encode(), hashlib.sha256).digest()).decode()


def is_timely(stamp: str, now_ms: int) -> bool:
    """Whether a time of the form 2017-05-11T16:22:06 is at most five minutes away."""
    try:
        at = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(at.timestamp() - now_ms / 1000) <= VALID_S
