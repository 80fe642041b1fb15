"""Binance USDⓈ-M futures on 127.0.0.1: strict about signatures, times, filters and ids."""

import asyncio
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import WSMsgType, web

from tests.loopback.book import ZERO, Book, BookOrder, Holder, Refused
from tests.loopback.faults import Fault, Params

SYMBOLS = {"BTCUSDT": ("BTC", "0.10", "0.001"), "ETHUSDT": ("ETH", "0.01", "0.001")}
_PUBLIC = ("time", "exchangeInfo", "klines", "ticker/24hr", "ticker/price")
_REFUSALS = {
    "duplicate": (-4116, "ClientOrderId is duplicated."),
    "reduce-only": (-2022, "ReduceOnly Order is rejected."),
    "would trigger": (-2021, "Order would immediately trigger."),
    "margin": (-2019, "Margin is insufficient."),
}


class Answer(Exception):
    """An error the exchange answers with."""

    def __init__(self, code: int, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


class Binance:
    """The server: one book behind Binance's endpoints."""

    def __init__(self) -> None:
        self.book = Book({"BTCUSDT": Decimal(50_000), "ETHUSDT": Decimal(2_500)})
        self.faults: list[Fault] = []
        self.counts: Counter[str] = Counter()
        self.addresses: dict[str, set[str]] = {}  #: where each key's requests came from
        self.log: list[tuple[str, str, Params]] = []  #: (method, path, parameters)
        self.klines: dict[tuple[str, str], dict[int, list[Any]]] = {}
        self.sockets: dict[web.WebSocketResponse, set[str]] = {}
        self.is_mute = False  #: websockets stay open and say nothing
        self.connects = 0
        self.sticky_leverage = False  #: says yes to a leverage and keeps the old one
        self.hides_algos = False
        self.is_old = False  #: has no endpoints for margin and position mode of their own
        self.url = ""

    def ccxt(self) -> dict[str, Any]:
        """What goes into ``[exchanges.NAME.ccxt]``."""
        http = {
            f"fapi{side}{version}": f"{self.url}/fapi/{version.lower() or 'v1'}"
            for side in ("Public", "Private")
            for version in ("", "V2", "V3")
        }
        http["sapi"] = f"{self.url}/sapi/v1"
        return {"urls": {"api": {**http, "ws": {"linear": f"ws{self.url[4:]}/ws"}}}}

    def toml(self) -> str:
        """The same as TOML."""
        api = self.ccxt()["urls"]["api"]
        rest = "\n".join(f'{name} = "{url}"' for name, url in api.items() if name != "ws")
        ws = f'ws = {{ linear = "{api["ws"]["linear"]}" }}'
        return f"[exchanges.binance.ccxt.urls.api]\n{rest}\n{ws}\n"

    # --- HTTP -----------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = request.query_string
        if request.method in ("POST", "PUT", "DELETE"):
            body = await request.text()
            raw = "&".join(part for part in (raw, body) if part)
        params = dict(parse_qsl(raw, keep_blank_values=True))
        path = request.path
        self.counts[f"{request.method} {path}"] += 1
        self.log.append((request.method, path, params))
        key = request.headers.get("X-MBX-APIKEY", "")
        self.addresses.setdefault(key, set()).add(str(request.remote))
        fault = self._fault(request.method, path, {**params, "key": key})
        if fault is None:
            return self._answer(request, path, raw, params)
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        answer: web.StreamResponse | None = None
        if fault.after or fault.passes:
            answer = self._answer(request, path, raw, params)
        if fault.hide_s:
            newest = max(
                (o for h in self.book.holders.values() for o in h.orders.values()),
                key=lambda order: order.order_id,
            )
            newest.hidden_until_s = asyncio.get_running_loop().time() + fault.hide_s
        if fault.hang_s:
            await asyncio.sleep(fault.hang_s)
        if fault.drop and request.transport is not None:
            request.transport.abort()
            return web.Response()
        if fault.passes and answer is not None:
            return answer
        return await self._broken(request, fault)

    async def _broken(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if not fault.cut:
            return web.Response(
                status=fault.status, body=fault.body, headers=dict(fault.headers),
                content_type="application/json",
            )  # fmt: skip
        response = web.StreamResponse(headers={"Content-Length": str(len(fault.body) + 50)})
        await response.prepare(request)
        await response.write(fault.body)
        if request.transport is not None:
            request.transport.close()
        return response

    def _fault(self, method: str, path: str, params: Params) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.matches(method, path, params):
                fault.times -= 1
                return fault
        return None

    def _answer(
        self, request: web.Request, path: str, raw: str, params: Params
    ) -> web.StreamResponse:
        name = path.split("/", 3)[3]
        try:
            if name in _PUBLIC:
                body = self._public(name, params)
            else:
                holder = self._holder(request, raw, params)
                body = self._private(request.method, name, params, holder)
        except Answer as e:
            return _json({"code": e.code, "msg": e.text}, status=e.status)
        except Refused as e:
            code, text = _REFUSALS[str(e)]
            return _json({"code": code, "msg": text}, status=400)
        return _json(body)

    def _holder(self, request: web.Request, raw: str, params: Params) -> Holder:
        holder = self.book.holders.get(request.headers.get("X-MBX-APIKEY", ""))
        if holder is None or holder.is_revoked:
            raise Answer(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        signed, _, signature = raw.rpartition("&signature=")
        expected = hmac.new(holder.secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature, expected):
            raise Answer(-1022, "Signature for this request is not valid.")
        sent_ms, window = int(params["timestamp"]), int(params.get("recvWindow", 5000))
        now_ms = self.book.now_ms()
        if sent_ms > now_ms + 1000 or now_ms - sent_ms > window:
            raise Answer(-1021, "Timestamp for this request is outside of the recvWindow.")
        return holder

    def _public(self, name: str, params: Params) -> Any:
        match name:
            case "time":
                return {"serverTime": self.book.now_ms()}
            case "exchangeInfo":
                return {"symbols": [_listing(each, *rules) for each, rules in SYMBOLS.items()]}
            case "klines":
                rows = self.klines.get((params["symbol"], params["interval"]), {})
                since = int(params.get("startTime", 0))
                found = [rows[at] for at in sorted(rows) if at >= since]
                return found[: int(params.get("limit", 500))]
            case _:
                price = str(self.book.prices[params["symbol"]])
                return {
                    "symbol": params["symbol"], "lastPrice": price, "openPrice": price,
                    "price": price, "closeTime": self.book.now_ms(), "highPrice": price,
                    "lowPrice": price, "volume": "1", "quoteVolume": "1",
                }  # fmt: skip

    def _private(self, method: str, name: str, params: Params, holder: Holder) -> Any:
        symbol = params.get("symbol", "")
        match method, name:
            case "GET", "positionSide/dual":
                if self.is_old:
                    raise Answer(-1121, "Unknown endpoint.", 404)
                return {"dualSidePosition": holder.is_hedged}
            case "GET", "account/apiRestrictions":
                return {"enableWithdrawals": False, "enableFutures": True, "ipRestrict": True}
            case "GET", "symbolConfig":
                if self.is_old:
                    raise Answer(-1121, "Unknown endpoint.", 404)
                return [self._config(holder, each) for each in ([symbol] if symbol else SYMBOLS)]
            case "POST", "leverage":
                if not self.sticky_leverage:
                    holder.leverage[symbol] = int(params["leverage"])
                return {"symbol": symbol, "leverage": int(params["leverage"])}
            case "POST", "marginType":
                if holder.margin.get(symbol, "CROSSED") == params["marginType"]:
                    raise Answer(-4046, "No need to change margin type.")
                holder.margin[symbol] = params["marginType"]
                return {"code": 200, "msg": "success"}
            case "GET", "account" | "balance":
                return self._account(holder)
            case "GET", "positionRisk" if symbol:
                config = self._config(holder, symbol)
                kind = "cross" if config["marginType"] == "CROSSED" else "isolated"
                holder.position.setdefault(symbol, ZERO)
                return [self._position(holder, symbol) | config | {"marginType": kind}]
            case "GET", "positionRisk":
                return [self._position(holder, each) for each in holder.position]
            case _, "order":
                return self._order(method, params, holder)
            case _, "algoOrder":
                return self._algo(method, params, holder)
            case "GET", "openOrders":
                return [_plain(o) for o in self._open(holder, symbol) if o.trigger is None]
            case "GET", "openAlgoOrders":
                listed = [] if self.hides_algos else self._open(holder, symbol)
                return [_conditional(o) for o in listed if o.trigger is not None]
            case "GET", "userTrades":
                return self._trades(holder, params)
            case "GET", "forceOrders":
                return [{"orderId": each, "symbol": symbol} for each in holder.forced]
        raise Answer(-1121, f"Unknown endpoint {method} {name}.", 404)

    def _open(self, holder: Holder, symbol: str) -> list[BookOrder]:
        now_s = asyncio.get_running_loop().time()
        return [
            order for order in holder.orders.values()
            if order.is_open and order.symbol == symbol and order.hidden_until_s <= now_s
        ]  # fmt: skip

    def _order(self, method: str, params: Params, holder: Holder) -> Any:
        if method != "POST":
            order = self._find(params, "orderId", "origClientOrderId", holder, is_algo=False)
            if method == "DELETE":
                if not order.is_open:
                    raise Answer(-2011, "Unknown order sent.")
                self.book.cancel(holder, order)
            return _plain(order)
        if params["type"] not in ("MARKET", "LIMIT"):
            raise Answer(-4120, "Order type not supported for this endpoint.")
        return _plain(self._place(params, params.get("newClientOrderId", ""), holder))

    def _algo(self, method: str, params: Params, holder: Holder) -> Any:
        if method != "POST":
            if self.hides_algos and method == "GET":
                raise Answer(-2013, "Order does not exist.")
            order = self._find(params, "algoId", "clientAlgoId", holder, is_algo=True)
            if method == "DELETE":
                if not order.is_open:
                    raise Answer(-2011, "Unknown order sent.")
                self.book.cancel(holder, order)
                return {"algoId": order.order_id, "clientAlgoId": order.client_id, "code": "200"}
            return _conditional(order)
        return _conditional(self._place(params, params.get("clientAlgoId", ""), holder))

    def _place(self, params: Params, client_id: str, holder: Holder) -> BookOrder:
        quantity = Decimal(params["quantity"])
        symbol = params["symbol"]
        if quantity % Decimal(SYMBOLS[symbol][2]) or quantity <= 0:
            raise Answer(-1111, "Precision is over the maximum defined for this asset.")
        is_reduce = params.get("reduceOnly") == "true"
        if not is_reduce and quantity * self.book.prices[symbol] < 5:
            raise Answer(-4164, "Order's notional must be no smaller than 5.")
        if not client_id or len(client_id) > 36:
            raise Answer(-4015, "Client order id length should be less than 36 chars")
        trigger = params.get("triggerPrice") or params.get("stopPrice")
        kinds = {
            "MARKET": "market", "LIMIT": "limit", "STOP_MARKET": "stop",
            "TAKE_PROFIT_MARKET": "take_profit",
        }  # fmt: skip
        return self.book.place(
            holder, client_id=client_id, symbol=symbol, side=params["side"].lower(),
            kind=kinds[params["type"]], quantity=quantity,
            price=Decimal(params["price"]) if "price" in params else None,
            trigger=Decimal(trigger) if trigger else None, reduce_only=is_reduce,
        )  # fmt: skip

    def _find(
        self, params: Params, number: str, name: str, holder: Holder, *, is_algo: bool
    ) -> BookOrder:
        order_id, client_id = int(params.get(number) or 0), params.get(name, "")
        now_s = asyncio.get_running_loop().time()
        for order in reversed(holder.orders.values()):
            fits = order.order_id == order_id if order_id else order.client_id == client_id
            if fits and (order.trigger is not None) == is_algo and order.hidden_until_s <= now_s:
                return order
        raise Answer(-2013, "Order does not exist.")

    def _trades(self, holder: Holder, params: Params) -> list[Any]:
        order_id, since = int(params.get("orderId", 0)), int(params.get("startTime", 0))
        return [
            {
                "symbol": t.symbol, "id": t.trade_id, "orderId": t.order_id,
                "side": t.side.upper(), "price": str(t.price), "qty": str(t.quantity),
                "realizedPnl": "0", "quoteQty": str(t.quantity * t.price),
                "commission": str(t.fee), "commissionAsset": "USDT", "time": t.at_ms,
                "positionSide": "BOTH", "buyer": t.side == "buy", "maker": False,
            }
            for t in holder.trades
            if t.symbol == params["symbol"] and t.at_ms >= since
            and (not order_id or t.order_id == order_id)
        ]  # fmt: skip

    def _config(self, holder: Holder, symbol: str) -> Any:
        return {
            "symbol": symbol, "marginType": holder.margin.get(symbol, "CROSSED"),
            "isAutoAddMargin": False, "leverage": holder.leverage.get(symbol, 20),
            "maxNotionalValue": "1000000",
        }  # fmt: skip

    def _account(self, holder: Holder) -> Any:
        profit = sum(
            ((self.book.prices[s] - holder.entry.get(s, ZERO)) * q
             for s, q in holder.position.items()), ZERO,
        )  # fmt: skip
        asset = {
            "asset": "USDT", "walletBalance": str(holder.wallet), "unrealizedProfit": str(profit),
            "marginBalance": str(holder.wallet + profit), "maintMargin": "0",
            "initialMargin": "0", "positionInitialMargin": "0", "openOrderInitialMargin": "0",
            "crossWalletBalance": str(holder.wallet), "crossUnPnl": str(profit),
            "availableBalance": str(holder.wallet), "maxWithdrawAmount": str(holder.wallet),
            "updateTime": self.book.now_ms(),
        }  # fmt: skip
        return {"totalWalletBalance": str(holder.wallet), "assets": [asset], "positions": []}

    def _position(self, holder: Holder, symbol: str) -> Any:
        held = holder.position[symbol]
        return {
            "symbol": symbol, "positionSide": "BOTH", "positionAmt": str(held),
            "entryPrice": str(holder.entry.get(symbol, ZERO)), "breakEvenPrice": "0",
            "markPrice": str(self.book.prices[symbol]), "unRealizedProfit": "0",
            "liquidationPrice": "0", "isolatedMargin": "0", "isolatedWallet": "0",
            "notional": str(held * self.book.prices[symbol]), "marginAsset": "USDT",
            "initialMargin": "0", "maintMargin": "0", "positionInitialMargin": "0",
            "openOrderInitialMargin": "0", "adl": 1, "bidNotional": "0", "askNotional": "0",
            "updateTime": self.book.now_ms(),
        }  # fmt: skip

    # --- websocket ------------------------------------------------------------------------

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        self.connects += 1
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        topics = self.sockets[socket] = set()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    body = json.loads(message.data)
                    if body.get("method") == "SUBSCRIBE":
                        topics.update(body["params"])
                    await socket.send_json({"result": None, "id": body.get("id")})
        finally:
            self.sockets.pop(socket, None)
        return socket

    async def kline(
        self, symbol: str, interval: str, open_ms: int, close: str, *, is_closed: bool,
        high: str | None = None, low: str | None = None, opened: str | None = None,
        keep: bool = True, tell: bool = True,
    ) -> None:  # fmt: skip
        """A candle as it is now: kept for REST when it has closed, told to whoever listens."""
        length = {"1m": 60_000, "5m": 300_000}[interval]
        row = [
            open_ms, opened or close, high or close, low or close, close, "10",
            open_ms + length - 1, "1", 1, "1", "1", "0",
        ]  # fmt: skip
        if is_closed and keep:
            self.klines.setdefault((symbol, interval), {})[open_ms] = row
        if tell and not self.is_mute:
            k = {
                "t": open_ms, "T": open_ms + length - 1, "s": symbol, "i": interval, "o": row[1],
                "c": row[4], "h": row[2], "l": row[3], "v": "10", "x": is_closed, "n": 1, "q": "1",
            }  # fmt: skip
            await self.send(
                f"{symbol.lower()}@kline_{interval}", {"e": "kline", "s": symbol, "k": k}
            )

    async def send(self, topic: str, frame: Any) -> None:
        for socket, topics in list(self.sockets.items()):
            if topic in topics:
                data = frame if isinstance(frame, str) else json.dumps(frame)
                await socket.send_str(data)


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=json.dumps(body).encode(), content_type="application/json"
    )


def _listing(symbol: str, base: str, tick: str, lot: str) -> Any:
    return {
        "symbol": symbol, "pair": symbol, "contractType": "PERPETUAL", "status": "TRADING",
        "baseAsset": base, "quoteAsset": "USDT", "marginAsset": "USDT", "pricePrecision": 2,
        "quantityPrecision": 3, "onboardDate": 1_500_000_000_000,
        "deliveryDate": 4_133_404_800_000, "underlyingType": "COIN",
        "orderTypes": ["LIMIT", "MARKET", "STOP_MARKET", "TAKE_PROFIT_MARKET"],
        "timeInForce": ["GTC"],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000",
             "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "1000", "stepSize": lot},
            {"filterType": "MARKET_LOT_SIZE", "minQty": lot, "maxQty": "500", "stepSize": lot},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
        ],
    }  # fmt: skip


def _plain(order: BookOrder) -> Any:
    return {
        "orderId": order.order_id, "symbol": order.symbol, "status": order.status,
        "clientOrderId": order.client_id, "price": str(order.price or 0),
        "avgPrice": str(order.average), "origQty": str(order.quantity),
        "executedQty": str(order.filled), "cumQuote": str(order.cost), "timeInForce": "GTC",
        "type": order.kind.upper(), "origType": order.kind.upper(), "side": order.side.upper(),
        "reduceOnly": order.reduce_only, "closePosition": False, "positionSide": "BOTH",
        "stopPrice": "0", "workingType": "CONTRACT_PRICE", "updateTime": order.at_ms,
        "time": order.at_ms,
    }  # fmt: skip


def _conditional(order: BookOrder) -> Any:
    kinds = {"stop": "STOP_MARKET", "take_profit": "TAKE_PROFIT_MARKET"}
    return {
        "algoId": order.order_id, "clientAlgoId": order.client_id, "algoType": "CONDITIONAL",
        "orderType": kinds[order.kind], "symbol": order.symbol, "side": order.side.upper(),
        "positionSide": "BOTH", "timeInForce": "GTC", "quantity": str(order.quantity),
        "algoStatus": order.status, "actualOrderId": str(order.actual_id or ""),
        "actualPrice": "0", "triggerPrice": str(order.trigger), "price": "0",
        "workingType": "CONTRACT_PRICE", "closePosition": False, "priceProtect": False,
        "reduceOnly": True, "createTime": order.at_ms, "updateTime": order.at_ms,
        "triggerTime": 0, "goodTillDate": 0,
    }  # fmt: skip


@asynccontextmanager
async def binance(port: int = 0) -> AsyncIterator[Binance]:
    """The server on a free port of 127.0.0.1."""
    venue = Binance()
    app = web.Application(client_max_size=2**20)
    for path in ("/ws", "/ws/{tail:.*}", "/{side}/ws", "/{side}/ws/{tail:.*}"):
        app.router.add_get(path, venue.socket)
    app.router.add_route("*", "/{tail:.*}", venue.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=4096)
    await site.start()
    bound = runner.addresses[0][1]
    venue.url = f"http://127.0.0.1:{bound}"
    try:
        yield venue
    finally:
        for socket in list(venue.sockets):
            await socket.close()
        await runner.cleanup()
