"""Bitget's websockets: public candles; orders and plan orders after login."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import orjson

from tests.venue import bitget_shapes as shapes
from tests.venue.bitget_market import FUTURES, MIX_GRIDS, SPOT_GRIDS, candles_of
from tests.venue.candles import Candle
from tests.venue.engine import CandleMoved, Event, OrderChanged
from tests.venue.http_wire import Socket
from tests.venue.model import Market
from tests.venue.spot import SpotEngine, SpotMarket

PRIVATE = "/v2/ws/private"
_VALID_S = 30
#: Spot streams name their candles as futures do.
_GRIDS = MIX_GRIDS | {each: SPOT_GRIDS[each] for each in ("6Hutc", "12Hutc", "1Dutc")}


class Streaming:
    """Who listens to what."""

    def __init__(
        self, engine: SpotEngine, unified: set[str], sockets: Callable[[], set[Socket]]
    ) -> None:
        self._engine, self._unified, self._sockets = engine, unified, sockets

    def heard(self, socket: Socket, text: str) -> None:
        if text == "ping":
            socket.send("pong")
            return
        message = orjson.loads(text)
        op, args = message.get("op"), message.get("args") or []
        for arg in args:
            if op == "login":
                socket.send(self._login(socket, arg))
            elif op in ("subscribe", "unsubscribe"):
                socket.send(self._subscribe(socket, op, arg))
            else:
                socket.send(_error(30003, "INVALID_OP", arg))

    def _login(self, socket: Socket, said: dict[str, Any]) -> dict[str, Any]:
        account = self._engine.account_of(str(said.get("apiKey", "")))
        if socket.path != PRIVATE or account is None or account.is_revoked:
            return _error(30011, "invalid ACCESS_KEY")
        if account.key in self._unified:
            return _error(30005, "login failed: the account is a unified account")
        if said.get("passphrase") != account.password:
            return _error(30012, "invalid ACCESS_PASSPHRASE")
        stamp = str(said.get("timestamp", ""))
        at_s = int(stamp) / (1000 if len(stamp) > 10 else 1) if stamp.isdigit() else 0
        if abs(self._engine.now_ms() / 1000 - at_s) > _VALID_S:
            return _error(30013, "invalid ACCESS_TIMESTAMP")
        if sign(account.secret, f"{stamp}GET/user/verify") != said.get("sign"):
            return _error(30015, "sign error")
        socket.key = account.key
        return {"event": "login", "code": 0}

    def _subscribe(self, socket: Socket, op: str, arg: dict[str, Any]) -> dict[str, Any]:
        channel, kind = str(arg.get("channel", "")), str(arg.get("instType", "")).upper()
        name = str(arg.get("instId", ""))
        topic = f"{kind}:{channel}:{name}"
        if channel in ("orders", "orders-algo"):
            if not socket.key:
                return _error(30004, "User needs to log in", arg)
        elif not self._has_candles(kind, channel, name):
            text = f"instType:{kind},channel:{channel},instId:{name} doesn't exist"
            return _error(30001, text, arg)
        (socket.topics.add if op == "subscribe" else socket.topics.discard)(topic)
        return {"event": op, "arg": arg}

    def _has_candles(self, kind: str, channel: str, name: str) -> bool:
        known = {(_kind(each), shapes.name_of(each)) for each in self._engine.markets.values()}
        is_candle = channel.startswith("candle") and channel.removeprefix("candle") in _GRIDS
        return is_candle and (kind, name) in known

    # --- news -------------------------------------------------------------------------------

    def happened(self, event: Event) -> None:
        if isinstance(event, CandleMoved):
            self._candle(event.candle)
        elif isinstance(event, OrderChanged):
            self._order(event)

    def _candle(self, candle: Candle) -> None:
        """Candles on the Asian grid move with the smaller ones that they are built from."""
        market = self._engine.markets[candle.symbol]
        for name, grid in _GRIDS.items():
            if grid.source == candle.timeframe:
                self._send_candle(market, name, candles_of(self._engine, market.id, grid)[-1])
            elif grid.timeframe == candle.timeframe and not grid.source:
                self._send_candle(market, name, candle)

    def _send_candle(self, market: Market, grid: str, candle: Candle) -> None:
        name, kind = shapes.name_of(market), _kind(market)
        arg = {"instType": kind, "channel": f"candle{grid}", "instId": name}
        topic = f"{kind}:candle{grid}:{name}"
        body = {"action": "update", "arg": arg, "data": [shapes.candle(candle)],
                "ts": self._engine.now_ms()}  # fmt: skip
        for socket in self._sockets():
            if topic in socket.topics:
                socket.send(body, topic=topic)

    def _order(self, event: OrderChanged) -> None:
        order, market = event.order, self._engine.markets[event.order.ask.symbol]
        kind = _kind(market)
        channel = "orders-algo" if order.is_conditional else "orders"
        row = self._row(event, market)
        for socket in self._sockets():
            if socket.key != event.account.key:
                continue
            for name in ("default", shapes.name_of(market)):
                topic = f"{kind}:{channel}:{name}"
                if topic in socket.topics:
                    arg = {"instType": kind, "channel": channel, "instId": name}
                    socket.send(
                        {"action": "snapshot", "arg": arg, "data": [row],
                         "ts": self._engine.now_ms()},
                        topic=topic,
                    )  # fmt: skip

    def _row(self, event: OrderChanged, market: Market) -> dict[str, Any]:
        order, account, trade = event.order, event.account, event.trade
        name = shapes.name_of(market)
        if isinstance(market, SpotMarket):
            full = shapes.spot_order(self._engine, order)
            row = {each: full[each] for each in (
                "orderId", "clientOid", "orderType", "side", "priceAvg", "status", "cTime", "uTime",
                "enterPointSource",
            )}  # fmt: skip
            row |= {"instId": name, "price": full["price"], "size": full["size"],
                    "newSize": full["size"], "notional": full["quoteVolume"], "force": "gtc",
                    "accBaseVolume": full["baseVolume"], "feeDetail": []}  # fmt: skip
        elif order.is_conditional:
            row = shapes.plan_order(self._engine, account, order)
            row |= {"instId": name, "status": row["planStatus"]}
        else:
            row = shapes.mix_order(self._engine, account, order)
            row.pop("state")
            fee = {"feeCoin": "USDT", "fee": shapes.plain(-order.fee)}
            row |= {"instId": name, "accBaseVolume": row["baseVolume"], "feeDetail": [fee],
                    "fillNotionalUsd": row["quoteVolume"]}  # fmt: skip
        if trade is not None:
            row |= {
                "tradeId": str(trade.id), "fillPrice": shapes.plain(trade.price),
                "baseVolume": shapes.plain(trade.quantity), "fillTime": str(trade.at_ms),
                "fillFee": shapes.plain(-trade.fee),
                "fillFeeCoin": self._engine.fee_coin(trade.symbol, trade.side),
                "tradeScope": "M" if trade.is_maker else "T",
            }  # fmt: skip
        return row


def _kind(market: Market) -> str:
    return "SPOT" if isinstance(market, SpotMarket) else FUTURES


def _error(code: int, text: str, arg: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"event": "error", "code": code, "msg": text, **({"arg": arg} if arg else {})}


def sign(secret: str, payload: str) -> str:
    """HMAC-SHA256 in base64."""
    return b64encode(hmac.new(secret.encode(), payload.encode(), hashlib.sha256).digest()).decode()
