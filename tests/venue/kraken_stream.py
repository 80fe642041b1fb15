"""Kraken's second websocket: public candles, executions for a token.

Sources: "OHLC" and "Executions" of the websocket v2 documents. An update of an order has
the changed fields only; the trade that completes an order has ``partially_filled``, and a
``filled`` update follows.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson

from tests.venue import kraken_shapes as shapes
from tests.venue.candles import Candle
from tests.venue.engine import CandleMoved, Event, OrderChanged
from tests.venue.http_wire import Socket
from tests.venue.journal import Deed
from tests.venue.kraken_account import AccountEndpoints
from tests.venue.kraken_engine import KrakenEngine, to_text
from tests.venue.kraken_market import INTERVALS, MarketEndpoints
from tests.venue.model import Account, Order, Status, Trade, TriggerBy

PRIVATE = "/auth/v2"
EXECUTIONS = "executions"
_BEAT_S = 1.0
_MINUTES = {timeframe: minutes for minutes, timeframe in INTERVALS.items()}


class Streaming:
    """Who listens to what."""

    def __init__(
        self, engine: KrakenEngine, market: MarketEndpoints, accounts: AccountEndpoints,
        sockets: Callable[[], set[Socket]],
    ) -> None:  # fmt: skip
        self._engine, self._market, self._accounts = engine, market, accounts
        self._sockets = sockets

    def opened(self, socket: Socket) -> None:
        """The state of the exchange, then a heartbeat every second."""
        state = {"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": 1}
        socket.send({"channel": "status", "type": "update", "data": [state]})
        asyncio.get_running_loop().call_later(_BEAT_S, self._beat, socket)

    def _beat(self, socket: Socket) -> None:
        if not socket.web_socket.closed:
            socket.send({"channel": "heartbeat"})
            asyncio.get_running_loop().call_later(_BEAT_S, self._beat, socket)

    def heard(self, socket: Socket, text: str) -> None:
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            socket.send(self._answer({}, success=False, error="Malformed request"))
            return
        method, params = message.get("method"), message.get("params") or {}
        if method == "ping":
            socket.send(self._answer(message))
        elif method not in ("subscribe", "unsubscribe"):
            socket.send(self._answer(message, success=False, error="Malformed request"))
        elif params.get("channel") == "ohlc":
            self._candles_wanted(socket, message, params)
        elif params.get("channel") == EXECUTIONS:
            self._executions_wanted(socket, message, params)
        else:
            socket.send(self._answer(message, success=False, error="Channel not supported"))

    def _answer(self, message: dict[str, Any], **more: Any) -> dict[str, Any]:
        method, now = message.get("method"), self._stamp()
        body = {"method": "pong" if method == "ping" else method, "time_in": now, "time_out": now}
        if method != "ping" and "error" not in more:
            body["success"] = True
        if "req_id" in message:
            body["req_id"] = message["req_id"]
        return body | more

    def _stamp(self, ms: int | None = None) -> str:
        at = datetime.fromtimestamp((self._engine.now_ms() if ms is None else ms) / 1000, UTC)
        return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    # --- candles ----------------------------------------------------------------------------

    def _candles_wanted(
        self, socket: Socket, message: dict[str, Any], params: dict[str, Any]
    ) -> None:
        minutes = params.get("interval", 1)
        if socket.path == PRIVATE or minutes not in INTERVALS:
            error = "Subscription ohlc interval not supported"
            socket.send(self._answer(message, success=False, error=error))
            return
        for symbol in params.get("symbol") or []:
            market = self._market.by_symbol(symbol)
            if market is None:
                error = f"Currency pair not supported {symbol}"
                socket.send(self._answer(message, success=False, error=error, symbol=symbol))
                continue
            topic = f"ohlc:{market.id}:{minutes}"
            known, is_new = topic in socket.topics, message["method"] == "subscribe"
            if known and is_new:
                error = "Already subscribed"
                socket.send(self._answer(message, success=False, error=error, symbol=symbol))
                continue
            (socket.topics.add if is_new else socket.topics.discard)(topic)
            result = {"channel": "ohlc", "symbol": symbol, "snapshot": True, "interval": minutes,
                      "warnings": ["timestamp is deprecated, use interval_begin"]}  # fmt: skip
            socket.send(self._answer(message, result=result))
            rows = self._market.candles(market, minutes)
            if is_new and params.get("snapshot", True) and rows:
                self._send_candles(socket, topic, "snapshot", symbol, minutes, rows)

    def _send_candles(
        self, socket: Socket, topic: str, kind: str, symbol: str, minutes: int, rows: list[Candle],
    ) -> None:  # fmt: skip
        data = [
            {"symbol": symbol, "open": float(row.open), "high": float(row.high),
             "low": float(row.low), "close": float(row.close), "trades": int(row.volume > 0),
             "volume": float(row.volume), "vwap": float(row.close),
             "interval_begin": self._stamp(row.open_ms), "interval": minutes,
             "timestamp": self._stamp(row.open_ms + minutes * 60_000)}
            for row in rows
        ]  # fmt: skip
        body = {"channel": "ohlc", "type": kind, "timestamp": self._stamp(), "data": data}
        socket.send(body, topic=topic)

    # --- news -------------------------------------------------------------------------------

    def happened(self, event: Event) -> None:
        if isinstance(event, CandleMoved):
            self._candle(event.candle)
        elif isinstance(event, OrderChanged):
            for rows in self._rows(event):
                self._tell(event.account, rows)

    def _candle(self, candle: Candle) -> None:
        minutes = _MINUTES.get(candle.timeframe)
        topic, symbol = (
            f"ohlc:{candle.symbol}:{minutes}",
            self._engine.markets[candle.symbol].symbol,
        )
        for socket in self._sockets():
            if minutes and topic in socket.topics:
                self._send_candles(socket, topic, "update", symbol, minutes, [candle])

    # --- executions -------------------------------------------------------------------------

    def _executions_wanted(
        self, socket: Socket, message: dict[str, Any], params: dict[str, Any]
    ) -> None:
        key = self._accounts.key_of(str(params.get("token", "")))
        account = self._engine.account_of(key)
        if socket.path != PRIVATE or account is None or account.is_revoked:
            error = "ESession:Invalid session"
            socket.send(self._answer(message, success=False, error=error))
            return
        socket.key = account.key
        is_new = message["method"] == "subscribe"
        (socket.topics.add if is_new else socket.topics.discard)(EXECUTIONS)
        result = {"channel": EXECUTIONS, "snap_orders": params.get("snap_orders", True),
                  "snap_trades": params.get("snap_trades", False)}  # fmt: skip
        socket.send(self._answer(message, result=result))
        if is_new:
            rows = [self._full(order) | {"exec_type": "new"}
                    for order in self._engine.open_orders(account)
                    if params.get("snap_orders", True)]  # fmt: skip
            self._send(socket, "snapshot", rows)

    def _tell(self, account: Account, row: dict[str, Any]) -> None:
        for socket in self._sockets():
            if socket.key == account.key and EXECUTIONS in socket.topics:
                self._send(socket, "update", [row])

    def _send(self, socket: Socket, kind: str, rows: list[dict[str, Any]]) -> None:
        number = socket.memory["sequence"] = socket.memory.get("sequence", 0) + 1
        body = {"channel": EXECUTIONS, "type": kind, "data": rows, "sequence": number}
        socket.send(body, topic=EXECUTIONS)

    def _rows(self, event: OrderChanged) -> list[dict[str, Any]]:
        """One message for each."""
        order, trade = event.order, event.trade
        match event.deed:
            case Deed.ACCEPTED:
                first = self._full(order) | {"exec_type": "pending_new",
                                             "order_status": "pending_new"}  # fmt: skip
                return [first, self._part(order, "new", "new")]
            case Deed.FILLED if trade is not None:
                rows = [self._trade(order, trade)]
                return [*rows, self._filled(order)] if order.status is Status.FILLED else rows
            case Deed.TRIGGERED:
                return [self._part(order, "status", "new") | {"triggers": _triggers(order)}]
            case Deed.AMENDED:
                return [self._full(order) | {"exec_type": "amended"}]
        cancel = self._part(order, "canceled", "canceled")
        return [cancel | self._sums(order) | {"reason": shapes.reason(order)}]

    def _part(self, order: Order, kind: str, status: str) -> dict[str, Any]:
        """The fields of every message."""
        row: dict[str, Any] = {
            "order_id": to_text(order.id, "O"), "exec_type": kind, "order_status": status,
            "order_userref": order.ask.extra.get("userref", 0),
            "timestamp": self._stamp(order.updated_ms),
        }  # fmt: skip
        if order.ask.client_id:
            row["cl_ord_id"] = order.ask.client_id
        return row

    def _sums(self, order: Order) -> dict[str, Any]:
        return {"cum_qty": float(order.filled), "cum_cost": float(order.cost),
                "avg_price": float(order.average), "fee_usd_equiv": float(order.fee)}  # fmt: skip

    def _full(self, order: Order) -> dict[str, Any]:
        ask = order.ask
        status = "partially_filled" if order.filled else "new"
        row = self._part(order, "status", status) | self._sums(order) | {
            "symbol": self._engine.markets[ask.symbol].symbol, "side": ask.side.value,
            "order_type": shapes.order_type(order), "order_qty": float(ask.quantity),
            "time_in_force": "GTC" if ask.time_in_force == "GTX" else ask.time_in_force,
            "post_only": ask.time_in_force == "GTX", "reduce_only": False, "margin": False,
            "stop_price": float(ask.trigger or 0), "fee_ccy_pref": "fciq",
        }  # fmt: skip
        if ask.price is not None:
            row |= {"limit_price": float(ask.price), "limit_price_type": "static"}
        return row | ({"triggers": _triggers(order)} if order.is_conditional else {})

    def _trade(self, order: Order, trade: Trade) -> dict[str, Any]:
        return self._part(order, "trade", "partially_filled") | {
            "exec_id": to_text(trade.id, "T"), "trade_id": trade.id % 1_000_000_000,
            "symbol": self._engine.markets[trade.symbol].symbol, "side": trade.side.value,
            "order_type": shapes.order_type(order), "last_qty": float(trade.quantity),
            "last_price": float(trade.price), "cost": float(trade.price * trade.quantity),
            "liquidity_ind": "m" if trade.is_maker else "t", "fee_usd_equiv": float(trade.fee),
            "fees": [{"asset": "USD", "qty": float(trade.fee)}],
        }  # fmt: skip

    def _filled(self, order: Order) -> dict[str, Any]:
        return self._part(order, "filled", "filled") | self._sums(order)


def _triggers(order: Order) -> dict[str, Any]:
    by_index = order.ask.trigger_by is TriggerBy.MARK
    return {
        "reference": "index" if by_index else "last", "price": float(order.ask.trigger or 0),
        "price_type": "static", "status": "untriggered" if order.is_waiting else "triggered",
        "actual_price": float(order.ask.trigger or 0),
    }  # fmt: skip
