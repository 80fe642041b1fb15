"""OKX v5: perpetuals in contracts, stops and targets at an endpoint of their own."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from tests.venue import okx_limits
from tests.venue import okx_shapes as shapes
from tests.venue.engine import Engine, Event
from tests.venue.http_wire import Answer, Call, Dialect, Facts, Socket, Trouble, told
from tests.venue.limits import Charge, Limits, Over
from tests.venue.model import Account, Market, Reason, Refused, Rules
from tests.venue.okx_account import AccountEndpoints
from tests.venue.okx_algos import AlgoEndpoints
from tests.venue.okx_errors import No, no, refused
from tests.venue.okx_orders import OrderEndpoints
from tests.venue.okx_params import Asked, fits, market_of
from tests.venue.okx_stream import BARS, Streaming

_VALID_MS = 30_000


class Okx(Dialect):
    """REST under ``/api/v5``, candles under ``/ws/v5/business``, orders under ``…/private``."""

    ccxt_id: ClassVar = "okx"
    rules: ClassVar = Rules(
        ids_unique_forever=True, taker_fee=Decimal("0.0005"), default_leverage=3,
        attached_when_filled=True,
    )  # fmt: skip

    def __init__(self, engine: Engine) -> None:
        self.streaming = Streaming(engine, lambda: self.sockets)
        super().__init__(engine)
        self._public: dict[str, Callable[[Asked], Any]] = {
            "public/time": lambda _: [{"ts": str(engine.now_ms())}],
            "public/instruments": self._instruments,
            "public/funding-rate": self._funding,
            "market/ticker": lambda p: [shapes.ticker(engine, market_of(engine, p).id)],
            "market/tickers": lambda p: [
                shapes.ticker(engine, each) for each in engine.markets if fits(engine, p, each)
            ],
            "public/mark-price": self._mark,
            "market/candles": self._candles,
            "market/history-candles": self._candles,
        }
        self._private = (
            OrderEndpoints(engine).routes() | AlgoEndpoints(engine).routes()
            | AccountEndpoints(engine).routes()
        )  # fmt: skip

    @classmethod
    def markets(cls) -> list[Market]:
        contract = Decimal("0.01")
        return [
            Market(
                id="BTC-USDT-SWAP", base="BTC", contract_size=contract, min_notional=Decimal(0),
                max_leverage=100,
            ),
            Market(
                id="ETH-USDT-SWAP", base="ETH", tick=contract, lot=contract, min_quantity=contract,
                contract_size=Decimal("0.1"), min_notional=Decimal(0), max_leverage=100,
            ),
        ]  # fmt: skip

    @classmethod
    def spot_markets(cls) -> list[Market]:
        lot, least = Decimal("0.00000001"), Decimal("0.00001")
        return [
            Market(
                id=f"{base}-USDT", base=base, is_spot=True, tick=tick, lot=lot,
                min_quantity=least, min_notional=Decimal(0), max_quantity=Decimal(9_999),
                max_market_quantity=Decimal(1_000),
            )
            for base, tick in (("BTC", Decimal("0.1")), ("ETH", Decimal("0.01")))
        ]  # fmt: skip

    def urls(self, http: str, ws: str) -> dict[str, Any]:
        return {"api": {"rest": http, "ws": f"{ws}/ws/v5"}}

    def facts(self, call: Call) -> Facts:
        key = call.headers.get("OK-ACCESS-KEY", "")
        name = _name(call.path)
        if call.method != "POST" or not name.startswith("trade/"):
            return Facts(key=key)
        body = call.json[0] if isinstance(call.json, list) else call.json
        named = body.get("algoClOrdId") or body.get("clOrdId", "")
        return Facts(key=key, client_id=named, leg=_leg(name, body))

    def refusal(self, why: Reason | Trouble) -> Answer:
        return no(why).answer()

    def charges(self, call: Call) -> list[Charge]:
        return okx_limits.charges(call)

    def limited(self, over: Over, limits: Limits, *, banned: bool) -> Answer:
        return okx_limits.limited(over, limits)

    def answer(self, call: Call) -> Answer:
        try:
            return told({"code": "0", "msg": "", "data": self._found(call)})
        except No as e:
            return e.answer()
        except Refused as e:
            return refused(e).answer()

    # --- who may ask -----------------------------------------------------------------------

    def _found(self, call: Call) -> Any:
        name = _name(call.path)
        if name in self._public and call.method == "GET":
            return self._public[name](dict(call.params))
        private = self._private.get((call.method, name))
        if private is None:
            raise no(Trouble.NO_SUCH_PATH)
        account = self._signed(call)
        if call.method == "POST" and not account.can_trade:
            raise No(50120, "This API key doesn't have permission to use this function", 401)
        return private(account, call.json if call.method == "POST" else dict(call.params))

    def _signed(self, call: Call) -> Account:
        sent = {name: call.headers.get(f"OK-ACCESS-{name}", "") for name in _HEADERS}
        account = self.engine.account_of(sent["KEY"])
        if account is None or account.is_revoked:
            raise no(Trouble.BAD_KEY)
        if sent["PASSPHRASE"] != account.password:
            raise No(50105, "Request header OK-ACCESS-PASSPHRASE incorrect.", 401)
        query = f"?{call.query}" if call.query else ""
        payload = sent["TIMESTAMP"] + call.method + call.path + query + call.body
        digest = hmac.new(account.secret.encode(), payload.encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(base64.b64encode(digest).decode(), sent["SIGN"]):
            raise no(Trouble.BAD_SIGNATURE)
        at_ms = datetime.fromisoformat(sent["TIMESTAMP"]).timestamp() * 1000
        if abs((call.checked_ms or self.engine.now_ms()) - at_ms) > _VALID_MS:
            raise no(Trouble.CLOCK)
        self._in_time(call)
        return account

    def _in_time(self, call: Call) -> None:
        """``expTime`` is looked at when an order is carried out, however long it was on its way."""
        named = call.headers.get("expTime", "")
        if named and _name(call.path) in _EXPIRING and int(named) < self.engine.now_ms():
            raise No(50037, "Order expired.")

    # --- public ------------------------------------------------------------------------------

    def _instruments(self, asked: Asked) -> Any:
        if asked.get("instType") not in ("SWAP", "SPOT"):
            return []
        return [
            shapes.instrument(each) for each in self.engine.markets.values()
            if fits(self.engine, asked, each.id)
        ]  # fmt: skip

    def _mark(self, asked: Asked) -> Any:
        symbol = market_of(self.engine, asked).id
        price = shapes.plain(self.engine.marks[symbol])
        now_ms = str(self.engine.now_ms())
        return [{"instType": "SWAP", "instId": symbol, "markPx": price, "ts": now_ms}]

    def _funding(self, asked: Asked) -> Any:
        market, next_ms = market_of(self.engine, asked), self.engine.next_funding_ms()
        plan = self.engine.funding
        rate = Decimal("0.0001") if plan is None else plan.rates.get(market.id, Decimal(0))
        return [{"instType": "SWAP", "instId": market.id, "fundingRate": shapes.plain(rate),
                 "fundingTime": str(next_ms), "nextFundingRate": "",
                 "ts": str(self.engine.now_ms())}]  # fmt: skip

    def _candles(self, asked: Asked) -> Any:
        """Those between ``before`` and ``after``, newest first."""
        market, bar = (
            market_of(self.engine, asked),
            BARS.get(asked.get("bar", "1m").removesuffix("utc")),
        )
        if bar is None:
            raise No(51000, "Parameter bar error")
        before, after = asked.get("before"), asked.get("after")
        rows = self.engine.candles.rows(
            market.id, bar, since_ms=None if before is None else int(before) + 1,
            until_ms=None if after is None else int(after) - 1,
            limit=min(int(asked.get("limit", 100)), 300),
        )  # fmt: skip
        return [shapes.candle(row, market) for row in reversed(rows)]

    # --- websocket -----------------------------------------------------------------------------

    def opened(self, socket: Socket) -> None:
        """Who it is for, it tells later."""

    def heard(self, socket: Socket, text: str) -> None:
        self.streaming.heard(socket, text)

    def happened(self, event: Event) -> None:
        self.streaming.happened(event)


_EXPIRING = ("trade/order", "trade/amend-order")
_HEADERS = ("KEY", "PASSPHRASE", "TIMESTAMP", "SIGN")


def _name(path: str) -> str:
    return path.removeprefix("/api/v5/")


def _leg(name: str, body: Asked) -> str:
    if name.startswith("trade/cancel"):
        return "cancel"
    sells, spot = body.get("side") == "sell", body.get("tdMode") == "cash"
    if name == "trade/order-algo":
        return "target" if "tpTriggerPx" in body and "slTriggerPx" not in body else "stop"
    closes = body.get("posSide") == ("long" if sells else "short") or (spot and sells)
    return "exit" if body.get("reduceOnly") or closes else "entry"


DIALECT = Okx
