"""Kraken Futures' websocket: open orders, fills and positions for who has signed a challenge.

Sources: "Challenge", "Open Orders", "Fills", "Open Positions". There are no candles. What fills at
once is never an open order: only ``fills`` tells of it.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import orjson

from tests.venue import krakenfutures_shapes as shapes
from tests.venue.engine import AccountChanged, Event, OrderChanged
from tests.venue.http_wire import Socket
from tests.venue.journal import Deed
from tests.venue.krakenfutures_engine import KrakenFuturesEngine, account_uid, to_text
from tests.venue.model import Account, Kind, Order, Side, Status, Trade

ORDERS = ("open_orders", "open_orders_verbose")
_FEEDS = (*ORDERS, "fills", "open_positions", "heartbeat")


class Streaming:
    """Who listens to what."""

    def __init__(self, engine: KrakenFuturesEngine, sockets: Callable[[], set[Socket]]) -> None:
        self._engine, self._sockets = engine, sockets

    def opened(self, socket: Socket) -> None:
        socket.send({"event": "info", "version": 1})

    def heard(self, socket: Socket, text: str) -> None:
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            socket.send(_error("Json Error"))
            return
        event, feed = message.get("event"), str(message.get("feed", ""))
        if event == "ping":
            socket.send({"event": "pong"})
        elif event == "challenge":
            self._challenge(socket, message)
        elif event not in ("subscribe", "unsubscribe") or feed not in _FEEDS:
            socket.send(_error("Invalid feed"))
        elif feed == "heartbeat":
            socket.send({"event": f"{event}d", "feed": feed})
        elif (account := self._signed(socket, message)) is None:
            socket.send({"event": "error", "message": "Invalid challenge"})
        elif event == "unsubscribe":
            socket.topics.discard(feed)
            socket.send(message | {"event": "unsubscribed"})
        elif feed in socket.topics:
            socket.send({"event": "alert", "message": "Already subscribed to feed, re-requesting"})
        else:
            socket.topics.add(feed)
            socket.send(message | {"event": "subscribed"})
            self._snapshot(socket, account, feed)

    def _challenge(self, socket: Socket, message: dict[str, Any]) -> None:
        account = self._engine.account_of(str(message.get("api_key", "")))
        if account is None or account.is_revoked:
            socket.send(_error("Invalid API key"))
            return
        challenge = socket.memory["challenge"] = str(uuid4())
        socket.send({"event": "challenge", "message": challenge})

    def _signed(self, socket: Socket, message: dict[str, Any]) -> Account | None:
        account = self._engine.account_of(str(message.get("api_key", "")))
        challenge = str(message.get("original_challenge", ""))
        if account is None or account.is_revoked or challenge != socket.memory.get("challenge"):
            return None
        if message.get("signed_challenge") != signed_challenge(account.secret, challenge):
            return None
        socket.key = account.key
        return account

    # --- news -------------------------------------------------------------------------------

    def _snapshot(self, socket: Socket, account: Account, feed: str) -> None:
        body: dict[str, Any] = {"feed": f"{feed}_snapshot", "account": account_uid(account)}
        if feed in ORDERS:
            orders = self._engine.open_orders(account)
            body["orders"] = [_order(order) for order in orders]
        elif feed == "fills":
            body["fills"] = [self._fill(account, each) for each in account.trades[-100:]]
        else:
            body = self._positions(account)
        socket.send(body, topic=feed)

    def happened(self, event: Event) -> None:
        if isinstance(event, AccountChanged):
            self._tell(event.account, "open_positions", self._positions(event.account))
        elif isinstance(event, OrderChanged):
            if event.trade is not None:
                fill = self._fill(event.account, event.trade)
                body = {"feed": "fills", "username": event.account.key, "fills": [fill]}
                self._tell(event.account, "fills", body)
            for feed in ORDERS:
                body = self._change(event)
                if body:
                    self._tell(event.account, feed, {"feed": feed, **body})

    def _tell(self, account: Account, feed: str, body: dict[str, Any]) -> None:
        for socket in self._sockets():
            if socket.key == account.key and feed in socket.topics:
                socket.send(body, topic=feed)

    def _change(self, event: OrderChanged) -> dict[str, Any]:
        """A change of what rests; nothing for an order that never does."""
        order = event.order
        if order.ask.kind is Kind.MARKET or order.ask.time_in_force in ("IOC", "FOK"):
            return {}
        match event.deed:
            case Deed.ACCEPTED:
                came = order.parent_id is not None
                reason = "limit_order_from_stop" if came else "new_placed_order_by_user"
                return _placed(order, reason)
            case Deed.AMENDED:
                return _placed(order, "edited_by_user")
            case Deed.FILLED if order.status is not Status.FILLED:
                return _placed(order, "partial_fill")
        reasons = {
            Deed.FILLED: "full_fill",
            Deed.TRIGGERED: "stop_order_triggered",
            Deed.CANCELED: "cancelled_by_user",
            Deed.EXPIRED: "would_not_reduce_position",
        }
        body: dict[str, Any] = {"order_id": to_text(order.id)}
        if order.ask.client_id:
            body["cli_ord_id"] = order.ask.client_id
        return {**body, "is_cancel": True, "reason": reasons[event.deed]}

    def _fill(self, account: Account, trade: Trade) -> dict[str, Any]:
        order = account.orders[trade.order_id]
        row: dict[str, Any] = {
            "instrument": trade.symbol, "time": trade.at_ms, "price": float(trade.price),
            "seq": trade.id % 1_000_000, "buy": trade.side is Side.BUY,
            "qty": float(trade.quantity), "remaining_order_qty": float(order.remaining),
            "order_id": to_text(trade.order_id), "fill_id": to_text(trade.id),
            "fill_type": shapes.fill_type(trade), "fee_paid": float(trade.fee),
            "fee_currency": "USD", "order_type": shapes.order_type(order),
        }  # fmt: skip
        return row | ({"cli_ord_id": trade.client_id} if trade.client_id else {})

    def _positions(self, account: Account) -> dict[str, Any]:
        rows = [
            {"instrument": held.symbol, "balance": float(held.quantity),
             "pnl": float(self._engine.unrealized(account, held)),
             "entry_price": float(held.entry), "pnl_currency": "USD",
             "mark_price": float(self._engine.marks[held.symbol]),
             "index_price": float(self._engine.marks[held.symbol]), "liquidation_threshold": 0,
             "effective_leverage": 1, "return_on_equity": 0, "unrealized_funding": 0,
             "initial_margin": float(self._engine.margin_of(account, held))}
            for held in account.positions.values() if held.quantity
        ]  # fmt: skip
        return {"feed": "open_positions", "account": account_uid(account), "positions": rows,
                "seq": 0, "timestamp": self._engine.now_ms()}  # fmt: skip


def _placed(order: Order, reason: str) -> dict[str, Any]:
    return {"order": _order(order), "is_cancel": False, "reason": reason}


def _order(order: Order) -> dict[str, Any]:
    """``qty`` is what is open."""
    ask = order.ask
    kinds = {Kind.STOP: "stop", Kind.TAKE_PROFIT: "take_profit"}
    row: dict[str, Any] = {
        "instrument": ask.symbol, "time": order.created_ms, "last_update_time": order.updated_ms,
        "qty": float(order.remaining), "filled": float(order.filled),
        "limit_price": float(ask.price or 0), "stop_price": float(ask.trigger or 0),
        "type": kinds.get(ask.kind, "limit"), "order_id": to_text(order.id),
        "direction": int(ask.side is Side.SELL), "reduce_only": ask.reduce_only,
    }  # fmt: skip
    if ask.client_id:
        row["cli_ord_id"] = ask.client_id
    if ask.trigger is not None:
        row["triggerSignal"] = "last" if ask.trigger_by.value == "last" else "mark"
    return row


def _error(text: str) -> dict[str, Any]:
    return {"event": "error", "message": text}


def signed_challenge(secret: str, challenge: str) -> str:
    """HMAC-SHA512 of the challenge's SHA-256, with the secret's bytes, in base64."""
    digest = hashlib.sha256(challenge.encode()).digest()
    return b64encode(hmac.new(b64decode(secret), digest, hashlib.sha512).digest()).decode()
