"""HTX: USDT-margined swaps through the v5 API, spot through the v1 and v2 APIs.

Swap quantities are contracts. A key signs method, host, path and sorted query; a host with a port
is signed with it. Client ids may repeat, and they expire. Every algo order must say its
``position_side``. Candles asked for with ``size`` ignore the window; days open at 16:00 UTC.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar, cast
from urllib.parse import parse_qsl, quote

from tests.venue.counters import Windows
from tests.venue.engine import Engine, Event
from tests.venue.http_wire import Answer, Call, Dialect, Facts, Socket, Trouble, told
from tests.venue.htx_engine import HtxEngine
from tests.venue.htx_errors import OTHER_API, Family, No, no
from tests.venue.htx_market import MarketEndpoints
from tests.venue.htx_spot import ORDERS, SpotEndpoints
from tests.venue.htx_stream import Streaming, is_timely, sign
from tests.venue.htx_swap import SwapEndpoints
from tests.venue.model import Account, Market, Reason, Refused, Rules
from tests.venue.spot import SpotMarket

_SPOT_LIMITS = {
    "/v1/order/orders/place": 100, "/v1/order/matchresults": 20, "/v1/order/history": 20,
    ORDERS: 50, "/v1/order/openOrders": 50, "/v2/algo-orders": 20,
}  # fmt: skip


class Htx(Dialect):
    """REST under ``/v5``, ``/v1``, ``/v2``, ``/market`` and ``/linear-swap-…``."""

    ccxt_id: ClassVar = "htx"
    engine_class: ClassVar = HtxEngine
    rules: ClassVar = Rules(
        ids_may_repeat=True, taker_fee=Decimal("0.0006"), maker_fee=Decimal("0.0002"),
        default_leverage=5,
    )  # fmt: skip
    weight_per_minute: ClassVar = 1_000_000

    def __init__(self, engine: Engine) -> None:
        it = cast("HtxEngine", engine)
        self.market = MarketEndpoints(it)
        self.swap, self.spot = SwapEndpoints(it), SpotEndpoints(it)
        self.streaming = Streaming(it, self.market, lambda: self.sockets)
        super().__init__(engine)
        #: Keys whose accounts are not open to v5: code 6023, as v1 answers for the others.
        self.old_accounts: set[str] = set()
        self._public = self.market.routes()
        self._swap, self._spot = self.swap.routes(), self.spot.routes()
        self._swap_limits = {name: Windows(72, 3) for name in ("trade", "read")}
        self._public_limits = {"market": Windows(800, 1), "other": Windows(240, 3)}
        self._spot_limits: dict[str, Windows] = {}

    @classmethod
    def markets(cls) -> list[Market]:
        def swap(base: str, size: str, tick: str) -> Market:
            contract = Decimal(size)
            return Market(
                id=f"{base}-USDT", base=base, tick=Decimal(tick), lot=contract,
                min_quantity=contract, contract_size=contract, min_notional=Decimal(0),
                max_quantity=contract * 170_000, max_market_quantity=contract * 170_000,
                max_leverage=100,
            )  # fmt: skip

        def spot(base: str, lot: str, tick: str) -> SpotMarket:
            return SpotMarket(
                id=f"{base.lower()}usdt", base=base, tick=Decimal(tick), lot=Decimal(lot),
                min_quantity=Decimal(lot), min_notional=Decimal(10), max_leverage=1,
                max_quantity=Decimal(10_000_000), max_market_quantity=Decimal(1_000_000),
            )  # fmt: skip

        return [
            swap("BTC", "0.001", "0.1"), swap("ETH", "0.01", "0.01"),
            swap("DOGE", "100", "0.000001"), spot("BTC", "0.000001", "0.01"),
            spot("ETH", "0.0001", "0.01"), spot("DOGE", "0.01", "0.000001"),
        ]  # fmt: skip

    def urls(self, http: str, ws: str) -> dict[str, Any]:
        host = http.partition("://")[2]
        swap = {
            "public": f"{ws}/linear-swap-ws", "private": f"{ws}/linear-swap-notification",
            "privateV5": f"{ws}/ws/v5/notification",
        }  # fmt: skip
        sockets = {
            "spot": {"public": f"{ws}/ws", "private": f"{ws}/ws/v2", "feed": f"{ws}/feed"},
            "swap": {"linear": swap}, "future": {"linear": swap},
        }  # fmt: skip
        rest = dict.fromkeys(
            ("contract", "spot", "public", "private", "v2Public", "v2Private", "status"),
            "http://{hostname}",
        )
        return {
            "hostnames": {"contract": host, "spot": host},
            "api": {**rest, "ws": {"api": sockets, "api-aws": sockets}},
        }

    def facts(self, call: Call) -> Facts:
        key = call.params.get("AccessKeyId", "")
        if call.method != "POST":
            return Facts(key=key)
        body = call.json
        if "cancel" in call.path.lower():
            return Facts(key=key, leg="cancel", client_id=_named(body))
        if call.path in ("/v5/trade/order", "/v5/algo/order"):
            return Facts(key=key, leg=_swap_leg(body), client_id=_named(body))
        if call.path in (f"{ORDERS}/place", "/v2/algo-orders"):
            return Facts(key=key, leg=_spot_leg(call.path, body), client_id=_named(body))
        return Facts(key=key)

    def refusal(self, why: Reason | Trouble) -> Answer:
        return no(why, Family.V5).answer(Family.V5, self.engine.now_ms())

    def refusal_of(self, call: Call, why: Reason | Trouble) -> Answer:
        family = _family(call.path)
        return no(why, family).answer(family, self.engine.now_ms())

    def answer(self, call: Call) -> Answer:
        family = _family(call.path)
        try:
            return told(self._body(call, family))
        except No as e:
            return e.answer(family, self.engine.now_ms())
        except Refused as e:
            return no(e.reason, family).answer(family, self.engine.now_ms())

    def _body(self, call: Call, family: Family) -> Any:
        now_ms = self.engine.now_ms()
        public = self._public.get(call.path)
        if public is not None and call.method == "GET":
            return public(dict(call.params))
        account, private = self._private(call, family)
        asked = call.json if call.method == "POST" else dict(call.params)
        if call.method == "POST" and not account.can_trade:
            if family is Family.V5:
                raise No(403, "")
            raise No("api-signature-not-valid", "Signature not valid: API key has no permission")
        data = private(account, asked)
        if family is Family.V5:
            return {"code": 200, "message": "Success", "data": data, "ts": now_ms}
        if family is Family.SPOT_V2:
            return {"code": 200, "message": "success", "data": data, "ok": True}
        return {"status": "ok", "data": data}

    def _private(self, call: Call, family: Family) -> tuple[Account, Callable[..., Any]]:
        """Who asks, and what answers; v1 and v3 of the swap API answer 6023 to a v5 account."""
        if call.path.startswith("/linear-swap-api/"):
            self._signed(call, family)
            raise No(*OTHER_API)
        if family is Family.V5:
            private = self._swap.get((call.method, call.path.removeprefix("/v5/")))
        else:
            private = self._spot.get((call.method, call.path))
            private = private or self.spot.numbered(call.method, call.path)
        if private is None:
            raise no(Trouble.NO_SUCH_PATH, family)
        account = self._signed(call, family)
        if family is Family.V5 and account.key in self.old_accounts:
            raise No(*OTHER_API)
        return account, private

    def _signed(self, call: Call, family: Family) -> Account:
        """Key, method and version, time within five minutes, signature over the sorted query."""
        said = dict(parse_qsl(call.query, keep_blank_values=True))
        account = self.engine.account_of(said.get("AccessKeyId", ""))
        if account is None or account.is_revoked:
            raise no(Trouble.BAD_KEY, family)
        if (said.get("SignatureMethod"), said.get("SignatureVersion")) != ("HmacSHA256", "2"):
            raise no(Trouble.BAD_SIGNATURE, family)
        fields = "&".join(
            f"{name}={quote(said[name], safe='-_.~')}" for name in sorted(said)
            if name != "Signature"
        )  # fmt: skip
        host = call.headers.get("Host", "").lower()
        if sign(account.secret, call.method, host, call.path, fields) != said.get("Signature"):
            raise no(Trouble.BAD_SIGNATURE, family)
        if not is_timely(said.get("Timestamp", ""), self.engine.now_ms()):
            raise no(Trouble.CLOCK, family)
        return account

    def over_limit(self, call: Call) -> Answer | None:
        """72 trading and 72 reading requests in 3 s for a key; by endpoint for spot; by address."""
        if call.path in self._public:
            window = self._public_limits["market" if "/market/" in call.path else "other"]
            allowed = window.takes(call.address)
        elif call.path.startswith("/v5/"):
            allowed = self._swap_limits["read" if call.method == "GET" else "trade"].takes(
                call.facts.key
            )
        else:
            name = "/".join("#" if part.isdigit() else part for part in call.path.split("/"))
            most = _SPOT_LIMITS.get(call.path, 50 if name.startswith(ORDERS) else 100)
            window = self._spot_limits.setdefault(name, Windows(most, 2))
            allowed = window.takes(call.facts.key)
        return None if allowed else self.refusal_of(call, Trouble.RATE_LIMITED)

    # --- websocket --------------------------------------------------------------------------

    def opened(self, socket: Socket) -> None:
        self.streaming.opened(socket)

    def heard(self, socket: Socket, text: str) -> None:
        self.streaming.heard(socket, text)

    def happened(self, event: Event) -> None:
        self.streaming.happened(event)

    def encode(self, socket: Socket, text: str) -> str | bytes:
        return self.streaming.encode(socket, text)


def _family(path: str) -> Family:
    if path.startswith("/v5/"):
        return Family.V5
    if path.startswith(("/linear-swap-api/", "/swap-api/", "/api/v1/")):
        return Family.CONTRACT
    return Family.SPOT_V2 if path.startswith("/v2/") else Family.SPOT


def _named(body: Any) -> str:
    first = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, dict):
        return ""
    fields = (
        "client_order_id", "algo_client_order_id", "client-order-id", "clientOrderId",
    )  # fmt: skip
    return next((str(first[each]) for each in fields if first.get(each)), "")


def _swap_leg(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    kind = body.get("type")
    if kind in ("sl", "trigger"):
        return "stop"
    if kind == "tp":
        return "target"
    return "exit" if str(body.get("reduce_only", 0)) == "1" else "entry"


def _spot_leg(path: str, body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    side = str(body.get("type") or body.get("orderSide", ""))
    if "stop" in side or path == "/v2/algo-orders":
        return "stop"
    return "exit" if side.startswith("sell") else "entry"


DIALECT = Htx
