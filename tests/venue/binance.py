"""Binance USDⓈ-M futures: strict about keys, signatures, clocks, filters, endpoints and ids."""

import hashlib
import hmac
import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from tests.venue import binance_limits, binance_market
from tests.venue.binance_account import AccountEndpoints
from tests.venue.binance_errors import BAD_KEY, REASONS, No, missing, no, refused
from tests.venue.binance_limits import endpoint
from tests.venue.binance_orders import CONDITIONAL, OrderEndpoints, Private
from tests.venue.binance_params import Params, integer, maybe, required
from tests.venue.binance_stream import Streaming
from tests.venue.candles import LENGTHS_MS
from tests.venue.engine import Engine, Event
from tests.venue.http_wire import Answer, Call, Dialect, Facts, Socket, Trouble, told
from tests.venue.limits import Charge, Limits, Over
from tests.venue.model import Account, Kind, Market, Reason, Refused, Rules

Public = Callable[[Params], Any]


class Binance(Dialect):
    """REST under ``/fapi`` (and the one ``/sapi`` path that tells a key's permissions)."""

    ccxt_id: ClassVar = "binanceusdm"
    rules: ClassVar = Rules(
        taker_fee=Decimal("0.0005"), maker_fee=Decimal("0.0002"), coin_fee_share=Decimal("0.9")
    )  # fmt: skip
    published: ClassVar = binance_limits.FUTURES
    weight_per_minute: ClassVar = binance_limits.FUTURES.per_minute

    def __init__(self, engine: Engine) -> None:
        self.streaming = Streaming(engine, self.sockets_of)
        super().__init__(engine)
        self.is_old = False  #: has no endpoints for margin and position mode of their own
        self._public = self._public_routes()
        self._private = self._private_routes()

    @classmethod
    def markets(cls) -> list[Market]:
        return [
            Market(id="BTCUSDT", base="BTC"),
            Market(
                id="ETHUSDT", base="ETH", tick=Decimal("0.01"), max_quantity=Decimal(10_000),
                max_market_quantity=Decimal(2_000),
            ),
        ]  # fmt: skip

    def urls(self, http: str, ws: str) -> dict[str, Any]:
        futures = {
            f"fapi{side}{version}": f"{http}/fapi/{version.lower() or 'v1'}"
            for side in ("Public", "Private")
            for version in ("", "V2", "V3")
        }
        return {"api": {**futures, "sapi": f"{http}/sapi/v1", "ws": {"linear": f"{ws}/ws"}}}

    def facts(self, call: Call) -> Facts:
        key = call.headers.get("X-MBX-APIKEY", "")
        if call.method != "GET" and call.path.endswith(("/order", "/algoOrder")):
            params = call.params
            named = next((params[each] for each in _ID_FIELDS if each in params), "")
            return Facts(key=key, client_id=named, leg=_leg(call.method, params))
        return Facts(key=key)

    def refusal(self, why: Reason | Trouble) -> Answer:
        return no(why).answer()

    def weight(self, call: Call) -> int:
        return self.published.weight(call)

    def charges(self, call: Call) -> list[Charge]:
        return self.published.charges(call)

    def limited(self, over: Over, limits: Limits, *, banned: bool) -> Answer:
        address = over.charge.who
        return binance_limits.limited(over, self.engine.now_ms(), address, banned=banned)

    def limit_headers(self, call: Call, limits: Limits, answer: Answer) -> dict[str, str]:
        return self.published.headers(call, limits, answer, self.now_s())

    def answer(self, call: Call) -> Answer:
        try:
            return told(self._body(call))
        except No as e:
            return e.answer()
        except Refused as e:
            return refused(e).answer()

    # --- websocket -------------------------------------------------------------------------

    def opened(self, socket: Socket) -> None:
        self.streaming.opened(socket)

    def heard(self, socket: Socket, text: str) -> None:
        self.streaming.heard(socket, text)

    def happened(self, event: Event) -> None:
        self.streaming.happened(event)

    def expire_stream(self, key: str) -> None:
        self.streaming.expire(key)

    def sockets_of(self) -> set[Socket]:
        return self.sockets

    # --- who may ask -----------------------------------------------------------------------

    def _body(self, call: Call) -> Any:
        name = endpoint(call.path)
        public = self._public.get((call.method, name))
        if public is not None:
            return public(call.params)
        if name == "listenKey":
            return self._listen_key(call)
        private = self._private.get((call.method, name))
        if private is None or (self.is_old and name in _NEWER):
            raise no(Trouble.NO_SUCH_PATH)
        account = self._signed(call)
        if call.method != "GET" and not account.can_trade:
            raise No(*BAD_KEY)
        if name in ("account", "positionRisk"):
            return private(account, {**call.params, "version": call.path.split("/")[2]})
        return private(account, call.params)

    def _keyed(self, call: Call) -> Account:
        key = call.headers.get("X-MBX-APIKEY", "")
        if not key:
            raise No(-2014, "API-key format invalid.", 401)
        account = self.engine.account_of(key)
        if account is None or account.is_revoked:
            raise No(*BAD_KEY)
        return account

    def _signed(self, call: Call) -> Account:
        account, params = self._keyed(call), call.params
        for name in ("signature", "timestamp"):
            if not params.get(name):
                raise missing(name)
        sent = call.query + call.body
        payload = re.sub(r"&?signature=[^&]*", "", sent)
        wanted = hmac.new(account.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, params["signature"]):
            raise no(Trouble.BAD_SIGNATURE)
        self._timely(call)
        return account

    def _timely(self, call: Call) -> None:
        params = call.params
        sent_ms, window = integer(params, "timestamp"), integer(params, "recvWindow", 5_000)
        if not 0 < window <= 60_000:
            raise No(-1131, "recvWindow must be less than 60000.")
        now_ms = call.checked_ms or self.engine.now_ms()
        if sent_ms > now_ms + 1_000:
            raise No(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now_ms - sent_ms > window:
            raise no(Trouble.CLOCK)

    def _private_routes(self) -> dict[tuple[str, str], Private]:
        return OrderEndpoints(self.engine).routes() | AccountEndpoints(self.engine).routes()

    # --- routes ------------------------------------------------------------------------------

    def _public_routes(self) -> dict[tuple[str, str], Public]:
        engine = self.engine
        return {
            ("GET", "ping"): lambda _: {},
            ("GET", "time"): lambda _: {"serverTime": engine.now_ms()},
            ("GET", "exchangeInfo"): lambda _: binance_market.exchange_info(engine),
            ("GET", "ticker/price"): partial(self._each_symbol, binance_market.ticker),
            ("GET", "ticker/24hr"): partial(self._each_symbol, binance_market.ticker),
            ("GET", "ticker/bookTicker"): partial(self._each_symbol, binance_market.ticker),
            ("GET", "premiumIndex"): partial(self._each_symbol, binance_market.premium),
            ("GET", "fundingInfo"): lambda _: binance_market.funding_info(engine),
            ("GET", "klines"): self._klines,
        }

    # --- public ------------------------------------------------------------------------------

    def _each_symbol(self, shape: Callable[[Engine, str], Any], params: Params) -> Any:
        symbol = params.get("symbol")
        if symbol:
            return shape(self.engine, self.engine.market_of(symbol).id)
        return [shape(self.engine, each) for each in self.engine.markets]

    def _klines(self, params: Params) -> Any:
        symbol, interval = required(params, "symbol"), required(params, "interval")
        self.engine.market_of(symbol)
        if interval not in LENGTHS_MS:
            raise No(-1120, "Invalid interval.")
        limit = integer(params, "limit", 500)
        if not 0 < limit <= 1_500:
            raise No(-1130, "Data sent for parameter 'limit' is not valid.")
        rows = self.engine.candles.rows(
            symbol, interval, since_ms=maybe(params, "startTime"),
            until_ms=maybe(params, "endTime"), limit=limit,
        )  # fmt: skip
        return [binance_market.kline(candle) for candle in rows]

    def _listen_key(self, call: Call) -> Any:
        account = self._keyed(call)
        match call.method:
            case "POST":
                return {"listenKey": self.streaming.listen_key(account)}
            case "PUT":
                return {"listenKey": self.streaming.prolong(account)}
            case "DELETE":
                self.streaming.end(account)
                return {}
        raise no(Trouble.NO_SUCH_PATH)


_NEWER = ("symbolConfig", "positionSide/dual")
_ID_FIELDS = ("newClientOrderId", "clientAlgoId", "origClientOrderId")


def _leg(method: str, params: Params) -> str:
    if method == "DELETE":
        return "cancel"
    kind = CONDITIONAL.get(params.get("type", ""))
    if kind is not None:
        return "stop" if kind is Kind.STOP else "target"
    closing = {"LONG": "SELL", "SHORT": "BUY"}.get(params.get("positionSide", ""))
    reduces = params.get("reduceOnly") == "true" or closing == params.get("side", "?")
    return "exit" if reduces else "entry"


assert set(REASONS) == set(Reason), "every reason has a code"

DIALECT = Binance
