"""Binance spot: coins instead of positions, stops that hold them, fees in the bought coin."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from tests.venue import binance_limits, binance_market
from tests.venue import binance_spot_shapes as shapes
from tests.venue.binance import Binance, Public
from tests.venue.binance_errors import No, no
from tests.venue.binance_orders import Private
from tests.venue.binance_params import Params
from tests.venue.binance_spot_account import SpotAccountEndpoints
from tests.venue.binance_spot_orders import CONDITIONAL, SpotOrderEndpoints
from tests.venue.binance_spot_stream import SpotStreaming
from tests.venue.engine import Engine
from tests.venue.http_wire import Answer, Call, Facts, told
from tests.venue.model import Kind, Market, Reason, Refused, Rules

_REJECTED = {
    Reason.MARGIN: "Account has insufficient balance for requested action.",
    Reason.DUPLICATE: "Duplicate order sent.",
    Reason.WOULD_TRIGGER: "Order would trigger immediately.",
    Reason.POST_ONLY: "Order would immediately match and take.",
}
_FILTERS = {
    Reason.QUANTITY_TOO_SMALL: "LOT_SIZE", Reason.QUANTITY_TOO_LARGE: "MARKET_LOT_SIZE",
    Reason.QUANTITY_STEP: "LOT_SIZE", Reason.PRICE_STEP: "PRICE_FILTER",
    Reason.NOTIONAL: "NOTIONAL",
}  # fmt: skip


class BinanceSpot(Binance):
    """REST under ``/api/v3``, the user's stream through the websocket API."""

    ccxt_id: ClassVar = "binance"
    rules: ClassVar = Rules(
        separate_conditional_ids=False, trigger_spawns=False,
        spot_taker_fee=Decimal("0.001"), spot_maker_fee=Decimal("0.001"),
    )  # fmt: skip
    published: ClassVar = binance_limits.SPOT
    weight_per_minute: ClassVar = binance_limits.SPOT.per_minute

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.streaming: SpotStreaming = SpotStreaming(engine, self.sockets_of)

    @classmethod
    def markets(cls) -> list[Market]:
        lot, tick = Decimal("0.00001"), Decimal("0.01")
        return [
            Market(
                id="BTCUSDT", base="BTC", is_spot=True, tick=tick, lot=lot, min_quantity=lot,
                max_quantity=Decimal(9_000),
            ),
            Market(
                id="ETHUSDT", base="ETH", is_spot=True, tick=tick, lot=Decimal("0.0001"),
                min_quantity=Decimal("0.0001"), max_quantity=Decimal(9_000),
                max_market_quantity=Decimal(2_000),
            ),
        ]  # fmt: skip

    def urls(self, http: str, ws: str) -> dict[str, Any]:
        sapi = {f"sapi{each}": f"{http}/sapi/{each.lower() or 'v1'}"
                for each in ("", "V2", "V3", "V4")}  # fmt: skip
        sockets = {"spot": f"{ws}/ws", "ws-api": {"spot": f"{ws}/ws-api/v3"}}
        api = dict.fromkeys(("public", "private"), f"{http}/api/v3")
        return {"api": {**api, "v1": f"{http}/api/v1", **sapi, "ws": sockets}}

    def options(self) -> dict[str, Any]:
        return {"fetchMarkets": {"types": ["spot"]}, "defaultType": "spot"}

    def facts(self, call: Call) -> Facts:
        key = call.headers.get("X-MBX-APIKEY", "")
        if call.method == "GET" or not call.path.endswith(_ORDER_PATHS):
            return Facts(key=key)
        params = call.params
        named = next((params[each] for each in _ID_FIELDS if params.get(each)), "")
        return Facts(key=key, client_id=named, leg=_leg(call.method, params))

    def answer(self, call: Call) -> Answer:
        try:
            return told(self._body(call))
        except No as e:
            return e.answer()
        except Refused as e:
            return refused(e).answer()

    def _private_routes(self) -> dict[tuple[str, str], Private]:
        engine = self.engine
        return SpotOrderEndpoints(engine).routes() | SpotAccountEndpoints(engine).routes()

    def _public_routes(self) -> dict[tuple[str, str], Public]:
        engine, each = self.engine, self._each_symbol
        ticker: Callable[[Params], Any] = partial(each, binance_market.ticker)
        return {
            ("GET", "ping"): lambda _: {},
            ("GET", "time"): lambda _: {"serverTime": engine.now_ms()},
            ("GET", "exchangeInfo"): lambda _: shapes.exchange_info(engine),
            ("GET", "ticker/price"): ticker,
            ("GET", "ticker/24hr"): ticker,
            ("GET", "ticker/bookTicker"): ticker,
            ("GET", "avgPrice"): lambda p: {
                "mins": 5, "price": engine.prices[engine.market_of(p.get("symbol", "")).id],
                "closeTime": engine.now_ms(),
            },
            ("GET", "klines"): self._klines,
        }  # fmt: skip


def refused(why: Refused) -> No:
    """-2010 for what the matching engine refuses, -1013 for filters."""
    if why.reason in _REJECTED:
        return No(-2010, _REJECTED[why.reason])
    if why.reason in _FILTERS:
        return No(-1013, f"Filter failure: {_FILTERS[why.reason]}")
    return no(why.reason)


_ORDER_PATHS = ("/order", "/orderList/oco", "/order/cancelReplace", "/orderList", "/openOrders")
_ID_FIELDS = ("newClientOrderId", "listClientOrderId", "origClientOrderId")


def _leg(method: str, params: Params) -> str:
    if method == "DELETE":
        return "cancel"
    kind = CONDITIONAL.get(params.get("type", ""))
    if kind is not None or "aboveType" in params:
        return "stop" if kind is not Kind.TAKE_PROFIT else "target"
    return "exit" if params.get("side") == "SELL" else "entry"


DIALECT = BinanceSpot
