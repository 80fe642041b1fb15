"""MEXC's websockets: contracts in JSON at ``/edge``, spot in protocol buffers at ``/ws``."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import orjson

from tests.venue import mexc_shapes as shapes
from tests.venue import protobuf
from tests.venue.candles import LENGTHS_MS, Candle
from tests.venue.engine import CandleMoved, Event, OrderChanged
from tests.venue.http_wire import Socket
from tests.venue.mexc_engine import MexcEngine, is_plan_order
from tests.venue.mexc_market import INTERVALS
from tests.venue.mexc_spot import SpotEndpoints
from tests.venue.model import Account, Order, Side, Status

CONTRACTS, SPOT = "/edge", "/ws"
_NAMES = {timeframe: name for name, timeframe in INTERVALS.items()}
_KLINE, _ORDERS = "spot@public.kline.v3.api.pb", "spot@private.orders.v3.api.pb"
_MOST_TOPICS = 30
_KINDS = {
    "LIMIT": 1, "LIMIT_MAKER": 2, "IMMEDIATE_OR_CANCEL": 3, "FILL_OR_KILL": 4, "MARKET": 5,
}  # fmt: skip


class Streaming:
    """Who listens to what."""

    def __init__(
        self, engine: MexcEngine, spot: SpotEndpoints, sockets: Callable[[], set[Socket]]
    ) -> None:
        self._engine, self._spot, self._sockets = engine, spot, sockets

    def opened(self, socket: Socket) -> None:
        """A listen key in the address selects the account."""
        account = self._spot.account_of(socket.query.get("listenKey", ""))
        if account is not None:
            socket.key = account.key
        elif "listenKey" in socket.query:
            socket.send("Invalid listen key")
            socket.hang_up()

    def encode(self, socket: Socket, text: str) -> str | bytes:
        """News of spot are protocol buffers; answers to requests stay JSON."""
        if socket.path != SPOT:
            return text
        try:
            frame = orjson.loads(text)
        except orjson.JSONDecodeError:
            return text.encode() if text.startswith("{") else text
        return _packed(frame) if isinstance(frame, dict) and "channel" in frame else text

    def heard(self, socket: Socket, text: str) -> None:
        message = orjson.loads(text)
        if socket.path == SPOT:
            self._heard_spot(socket, message)
        else:
            self._heard_contract(socket, message)

    # --- what clients say ---------------------------------------------------------------------

    def _heard_contract(self, socket: Socket, message: dict[str, Any]) -> None:
        method, param = str(message.get("method", "")), message.get("param") or {}
        now_ms = self._engine.now_ms()
        match method:
            case "ping":
                socket.send({"channel": "pong", "data": now_ms})
            case "login":
                account = self._enter(param)
                if account is None:
                    socket.send({"channel": "rs.error", "data": "login failed", "ts": now_ms})
                    return
                socket.key = account.key
                socket.send({"channel": "rs.login", "data": "success", "ts": now_ms})
            case "sub.kline" | "unsub.kline":
                symbol, interval = str(param.get("symbol")), param.get("interval", "")
                known = symbol in self._engine.markets and interval in INTERVALS
                if method == "unsub.kline":
                    topics = [each for each in socket.topics if f":{symbol}:" in f"{each}:"]
                    socket.topics.difference_update(topics)
                elif known:
                    socket.topics.add(f"kline:{symbol}:{interval}")
                else:
                    socket.send({"channel": "rs.error", "data": "parameter error", "ts": now_ms})
                    return
                socket.send({"channel": f"rs.{method}", "data": "success", "ts": now_ms})
            case _:
                socket.send({"channel": f"rs.{method}", "data": "success", "ts": now_ms})

    def _enter(self, param: dict[str, Any]) -> Account | None:
        """A key that has signed itself and the time."""
        account = self._engine.account_of(str(param.get("apiKey", "")))
        stamp = str(param.get("reqTime", ""))
        if account is None or account.is_revoked or not stamp.isdigit():
            return None
        if abs(self._engine.now_ms() - int(stamp)) > 10_000:
            return None
        wanted = hmac.new(
            account.secret.encode(), (account.key + stamp).encode(), hashlib.sha256
        ).hexdigest()
        return account if wanted == param.get("signature") else None

    def _heard_spot(self, socket: Socket, message: dict[str, Any]) -> None:
        method, topics = str(message.get("method", "")).upper(), message.get("params") or []
        if method == "PING":
            socket.send({"id": message.get("id", 0), "code": 0, "msg": "PONG"})
            return
        failed = [each for each in topics if not self._may_listen(socket, each)]
        for topic in topics:
            if method == "UNSUBSCRIPTION":
                socket.topics.discard(topic)
            elif topic not in failed and len(socket.topics) < _MOST_TOPICS:
                socket.topics.add(topic)
        said = f"Not Subscribed successfully! {failed}" if failed else ",".join(topics)
        socket.send({"id": message.get("id", 0), "code": 0, "msg": said})

    def _may_listen(self, socket: Socket, topic: str) -> bool:
        if topic.startswith(f"{_KLINE}@"):
            parts = topic.split("@")
            return len(parts) == 4 and parts[2] in self._engine.markets and parts[3] in INTERVALS
        return topic == _ORDERS and bool(socket.key)

    # --- what they hear -------------------------------------------------------------------------

    def happened(self, event: Event) -> None:
        if isinstance(event, CandleMoved):
            self._candle(event.candle)
        elif isinstance(event, OrderChanged):
            spot = self._engine.is_spot(event.order.ask.symbol)
            (self._spot_order if spot else self._contract_order)(event)

    def _candle(self, candle: Candle) -> None:
        name = _NAMES.get(candle.timeframe)
        if name is None:
            return
        spot = self._engine.is_spot(candle.symbol)
        topic = f"{_KLINE}@{candle.symbol}@{name}" if spot else f"kline:{candle.symbol}:{name}"
        frame = self._spot_kline(candle, name, topic) if spot else self._kline(candle, name)
        for socket in self._sockets():
            if topic in socket.topics:
                socket.send(frame, topic=topic)

    def _kline(self, candle: Candle, name: str) -> dict[str, Any]:
        size = self._engine.markets[candle.symbol].contract_size
        data = {
            "symbol": candle.symbol, "interval": name, "t": candle.open_ms // 1000,
            "o": float(candle.open), "c": float(candle.close), "h": float(candle.high),
            "l": float(candle.low), "a": float(candle.volume * candle.close),
            "q": float(candle.volume / size),
        }  # fmt: skip
        return {"channel": "push.kline", "symbol": candle.symbol, "data": data,
                "ts": self._engine.now_ms()}  # fmt: skip

    def _spot_kline(self, candle: Candle, name: str, topic: str) -> dict[str, Any]:
        begin_s = candle.open_ms // 1000
        return {
            "channel": topic, "symbol": candle.symbol, "createTime": self._engine.now_ms(),
            "publicSpotKline": {
                "interval": name, "windowStart": begin_s, "openingPrice": str(candle.open),
                "closingPrice": str(candle.close), "highestPrice": str(candle.high),
                "lowestPrice": str(candle.low), "volume": str(candle.volume),
                "amount": str(candle.volume * candle.close),
                "windowEnd": begin_s + LENGTHS_MS[candle.timeframe] // 1000,
            },
        }  # fmt: skip

    def _contract_order(self, event: OrderChanged) -> None:
        order = event.order
        if order.is_conditional:
            if not is_plan_order(order):
                return
            channel = "push.personal.plan.order"
            data = shapes.plan_order(self._engine, event.account, order)
        else:
            channel = "push.personal.order"
            data = shapes.swap_order(self._engine, event.account, order)
            size = self._engine.markets[order.ask.symbol].contract_size
            data |= {"remainVol": int(order.remaining / size), "version": 1}
        for socket in self._sockets():
            if socket.path == CONTRACTS and socket.key == event.account.key:
                socket.send(
                    {"channel": channel, "data": data, "ts": self._engine.now_ms()}, topic=channel
                )

    def _spot_order(self, event: OrderChanged) -> None:
        data = _spot_update(event.order)
        frame = {
            "channel": _ORDERS, "symbol": event.order.ask.symbol,
            "sendTime": self._engine.now_ms(), "privateOrders": data,
        }  # fmt: skip
        for socket in self._sockets():
            if _ORDERS in socket.topics and socket.key == event.account.key:
                socket.send(frame, topic=_ORDERS)


def _spot_update(order: Order) -> dict[str, Any]:
    """``status``: 1 new, 2 filled, 3 partially filled, 4 canceled, 5 canceled in part."""
    states = {Status.NEW: 1, Status.FILLED: 2, Status.PARTIALLY_FILLED: 3}
    ask = order.ask
    return {
        "id": shapes.spot_id(order), "clientId": ask.client_id,
        "price": shapes.plain(ask.price or order.average), "quantity": shapes.plain(ask.quantity),
        "amount": shapes.plain(order.cost), "avgPrice": shapes.plain(order.average),
        "orderType": _KINDS[shapes.spot_type(order)],
        "tradeType": 1 if ask.side is Side.BUY else 2, "remainAmount": "0",
        "remainQuantity": shapes.plain(order.remaining), "lastDealQuantity": "0",
        "cumulativeQuantity": shapes.plain(order.filled),
        "cumulativeAmount": shapes.plain(order.cost),
        "status": states.get(order.status, 5 if order.filled else 4),
        "createTime": order.created_ms,
    }  # fmt: skip


_WRAPPER = {"channel": 1, "symbol": 3, "createTime": 5, "sendTime": 6}
_BODIES: dict[str, tuple[int, tuple[str, ...]]] = {
    "privateOrders": (
        304,
        ("id", "clientId", "price", "quantity", "amount", "avgPrice", "orderType", "tradeType",
         "isMaker", "remainAmount", "remainQuantity", "lastDealQuantity", "cumulativeQuantity",
         "cumulativeAmount", "status", "createTime"),
    ),
    "publicSpotKline": (
        308,
        ("interval", "windowStart", "openingPrice", "closingPrice", "highestPrice", "lowestPrice",
         "volume", "amount", "windowEnd"),
    ),
}  # fmt: skip


def _packed(frame: dict[str, Any]) -> bytes:
    """``PushDataV3ApiWrapper`` with one body; fields are numbered in the order of its names."""
    fields: dict[int, Any] = {_WRAPPER[name]: frame[name] for name in _WRAPPER if name in frame}
    for name, (number, names) in _BODIES.items():
        if name in frame:
            body = {at: frame[name][each] for at, each in enumerate(names, 1)
                    if each in frame[name]}  # fmt: skip
            fields[number] = protobuf.message(body)
    return protobuf.message(fields)
