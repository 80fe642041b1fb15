"""Binance spot's websockets: market streams, and the user's through the websocket API."""

import hashlib
import hmac
from typing import Any
from urllib.parse import urlencode

import orjson

from tests.venue import binance_spot_shapes as shapes
from tests.venue.binance_shapes import money
from tests.venue.binance_stream import EXECUTION, Streaming
from tests.venue.engine import AccountChanged, OrderChanged
from tests.venue.http_wire import Socket
from tests.venue.journal import Deed
from tests.venue.model import ZERO, Account, Order


class SpotStreaming(Streaming):
    """There are no listen keys any more: a signed subscription lives as long as its connection."""

    def heard(self, socket: Socket, text: str) -> None:
        if not socket.path.startswith("/ws-api"):
            super().heard(socket, text)
            return
        message = orjson.loads(text)
        number, params = message.get("id"), message.get("params") or {}
        match message.get("method"):
            case "userDataStream.subscribe.signature":
                self._enter(socket, number, params)
            case "userDataStream.unsubscribe":
                socket.key = ""
                self._tell_end(socket)
                socket.send({"id": number, "status": 200, "result": {}})
            case "ping":
                socket.send({"id": number, "status": 200, "result": {}})
            case _:
                socket.send(_error(number, 400, -1020, "Unsupported operation."))

    def _enter(self, socket: Socket, number: Any, params: dict[str, Any]) -> None:
        account = self._engine.account_of(str(params.get("apiKey", "")))
        if account is None or account.is_revoked:
            socket.send(_error(number, 401, -2015, "Invalid API-key, IP, or permissions."))
            return
        told = {name: params[name] for name in sorted(params) if name != "signature"}
        secret, payload = account.secret.encode(), urlencode(told).encode()
        wanted = hmac.new(secret, payload, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, str(params.get("signature", ""))):
            socket.send(_error(number, 400, -1022, "Signature for this request is not valid."))
            return
        now_ms, window = self._engine.now_ms(), int(params.get("recvWindow", 5_000))
        if not -1_000 < now_ms - int(params.get("timestamp", 0)) <= window:
            socket.send(_error(number, 400, -1021, "Timestamp for this request is outside."))
            return
        socket.key = account.key
        socket.send({"id": number, "status": 200, "result": {"subscriptionId": 0}})

    def expire(self, key: str) -> None:
        """For tests: the subscription of an account ends, its connection stays."""
        for socket in self._of(key):
            socket.key = ""
            self._tell_end(socket)

    def _tell_end(self, socket: Socket) -> None:
        event = {"e": "eventStreamTerminated", "E": self._engine.now_ms()}
        socket.send({"subscriptionId": 0, "event": event}, topic="eventStreamTerminated")

    def _of(self, key: str) -> list[Socket]:
        return [socket for socket in self._sockets() if socket.key == key]

    def _send(self, account: Account, event: dict[str, Any]) -> None:
        for socket in self._of(account.key):
            socket.send({"subscriptionId": 0, "event": event}, topic=event["e"])

    def _account(self, event: AccountChanged) -> None:
        """A change that is no trade; those of trades come with their report."""
        account, now_ms = event.account, self._engine.now_ms()
        if event.cause != "TRANSFER" or not account.bookings:
            return
        last = account.bookings[-1]
        self._send(account, {"e": "balanceUpdate", "E": now_ms, "a": last.coin,
                             "d": money(last.change), "T": last.at_ms})  # fmt: skip
        self._send(account, self._position(account, [last.coin]))

    def _order(self, event: OrderChanged) -> None:
        """The report, then the balances that it may have changed: every hold is a change."""
        if not self._of(event.account.key):
            return
        account, order = event.account, event.order
        market = self._engine.markets[order.ask.symbol]
        self._send(account, self._report(event))
        coins = dict.fromkeys([market.base, market.quote, *order.fees])
        self._send(account, self._position(account, list(coins)))

    def _position(self, account: Account, coins: list[str]) -> dict[str, Any]:
        now_ms, rows = self._engine.now_ms(), []
        for coin in coins:
            free, locked = shapes.balance(self._engine, account, coin)
            rows.append({"a": coin, "f": money(free), "l": money(locked)})
        return {"e": "outboundAccountPosition", "E": now_ms, "u": now_ms, "B": rows}

    def _report(self, event: OrderChanged) -> dict[str, Any]:
        order, ask, trade = event.order, event.order.ask, event.trade
        canceled = event.deed is Deed.CANCELED and order.by_user
        row: dict[str, Any] = {
            "e": "executionReport", "E": self._engine.now_ms(), "s": ask.symbol,
            "c": f"cancel{order.id}" if canceled else ask.client_id,
            "S": ask.side.value.upper(), "o": shapes.kind(order), "f": ask.time_in_force,
            "q": money(ask.quantity), "p": money(ask.price or ZERO),
            "P": money(ask.trigger or ZERO), "F": money(ZERO), "g": shapes.list_id(order),
            "C": ask.client_id if canceled else "", "x": _execution(order, event.deed),
            "X": shapes.status(order), "r": "NONE", "i": order.id, "l": money(ZERO),
            "z": money(order.filled), "L": money(ZERO), "n": "0", "N": None,
            "T": order.updated_ms, "t": -1, "I": order.id, "w": not order.is_waiting, "m": False,
            "M": False, "O": order.created_ms, "Z": money(order.cost), "Y": money(ZERO),
            "Q": money(ask.quote_quantity or ZERO), "W": order.created_ms, "V": "NONE",
        }  # fmt: skip
        if trade is None:
            return row
        return row | {
            "l": money(trade.quantity), "L": money(trade.price), "n": money(trade.fee),
            "N": trade.fee_coin, "t": trade.id, "m": trade.is_maker,
            "Y": money(trade.quantity * trade.price),
        }  # fmt: skip


def _execution(order: Order, deed: Deed) -> str:
    """A stop that triggers starts working: it is NEW once more."""
    if deed is Deed.TRIGGERED:
        return "NEW"
    if deed is Deed.REJECTED or (deed is Deed.CANCELED and not order.by_user):
        return "EXPIRED"
    return EXECUTION[deed]


def _error(number: Any, status: int, code: int, text: str) -> dict[str, Any]:
    return {"id": number, "status": status, "error": {"code": code, "msg": text}}
