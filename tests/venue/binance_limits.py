"""What Binance's endpoints weigh, and what its answers tell of the limits.

USDⓈ-M futures: the weights are those of the REST documents (``Weight(IP)`` of every endpoint), the
limits those of ``exchangeInfo``: 2,400 a minute and address, 300 orders in 10 s and 1,200 in a
minute and account. Spot: ``rest-api.md``, 6,000 a minute and address (``enums.md``), and of the two
order counts that its documents show the smaller ones: 50 in 10 s, 160,000 a day; orders that fill
are not taken off again ("not guaranteed").
"""

from dataclasses import dataclass

from tests.venue.http_wire import Answer, Call, told
from tests.venue.limits import Charge, Limits, Over


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The limits of one API."""

    base: str  #: of its paths; others have limits of their own
    per_minute: int
    orders: tuple[tuple[str, int, float], ...]  #: of an account: as headers name it, limit, seconds
    plain: dict[str, int]
    one_or_all: dict[str, tuple[int, int]]  #: with a symbol, and without
    by_method: dict[tuple[str, str], int]
    by_order: dict[str, tuple[int, int]]  #: with an order's id, and without
    placing: dict[tuple[str, str], tuple[int, ...]]  #: how many orders each window counts

    def weight(self, call: Call) -> int:
        """What a call weighs of its address' limit."""
        name, params = endpoint(call.path), call.params
        if not call.path.startswith(self.base):
            return 0
        if (call.method, name) in self.by_method:
            return self.by_method[call.method, name]
        if name in self.one_or_all:
            return self.one_or_all[name][0 if params.get("symbol") else 1]
        if name in self.by_order:
            return self.by_order[name][0 if params.get("orderId") else 1]
        if name.endswith("lines") and name not in self.plain:
            return _of_rows(int(params.get("limit") or 500))
        if name == "depth":
            return _of_levels(int(params.get("limit") or 500))
        return self.plain.get(name, 1)

    def charges(self, call: Call) -> list[Charge]:
        found = [self.by_weight(call, self.weight(call))]
        costs = self.placing.get((call.method, endpoint(call.path)))
        return found if costs is None else [*found, *self.by_orders(call, costs)]

    def by_weight(self, call: Call, cost: int = 0) -> Charge:
        return Charge(
            name="REQUEST_WEIGHT", who=call.address, cost=cost, limit=self.per_minute,
            window_s=60.0, warns=True,
        )  # fmt: skip

    def by_orders(self, call: Call, costs: tuple[int, ...]) -> list[Charge]:
        return [
            Charge(name=f"ORDERS_{name}", who=call.facts.key, cost=cost, limit=limit,
                   window_s=window_s)
            for (name, limit, window_s), cost in zip(self.orders, costs, strict=True)
        ]  # fmt: skip

    def headers(self, call: Call, limits: Limits, answer: Answer, now_s: float) -> dict[str, str]:
        """The used weight with every answer, the order counts with those of accepted orders."""
        found = {"X-MBX-USED-WEIGHT-1M": str(limits.used(self.by_weight(call), now_s))}
        placing = self.placing.get((call.method, endpoint(call.path)))
        if placing is not None and answer.status == 200:
            for charge in self.by_orders(call, placing):
                name = charge.name.replace("ORDERS_", "X-MBX-ORDER-COUNT-")
                found[name] = str(limits.used(charge, now_s))
        return found

    def rows(self) -> list[dict[str, object]]:
        """``rateLimits`` of ``exchangeInfo``."""
        intervals = {10.0: ("SECOND", 10), 60.0: ("MINUTE", 1), 86_400.0: ("DAY", 1)}
        limits = [("REQUEST_WEIGHT", self.per_minute, 60.0)]
        limits += [("ORDERS", limit, window_s) for _, limit, window_s in self.orders]
        return [
            {"rateLimitType": kind, "interval": intervals[window_s][0],
             "intervalNum": intervals[window_s][1], "limit": limit}
            for kind, limit, window_s in limits
        ]  # fmt: skip


FUTURES = Published(
    base="/fapi/", per_minute=2_400, orders=(("10S", 300, 10.0), ("1M", 1_200, 60.0)),
    plain={
        "account": 5, "balance": 5, "positionRisk": 5, "allOrders": 5, "allAlgoOrders": 5,
        "userTrades": 5, "income": 30, "commissionRate": 20, "symbolConfig": 5,
        "accountConfig": 5, "adlQuantile": 5, "aggTrades": 20, "historicalTrades": 200,
        "trades": 5, "constituents": 2, "countdownCancelAll": 10, "tradingSchedule": 5,
        "fundingRate": 0, "fundingInfo": 0,
    },
    one_or_all={
        "openOrders": (1, 40), "openAlgoOrders": (1, 40), "forceOrders": (20, 50),
        "ticker/24hr": (1, 40), "ticker/price": (1, 2), "ticker/bookTicker": (2, 5),
        "premiumIndex": (1, 10), "apiTradingStatus": (1, 10), "assetIndex": (1, 10),
    },
    by_method={
        ("POST", "order"): 0, ("PUT", "order"): 0, ("POST", "algoOrder"): 0,
        ("POST", "batchOrders"): 5, ("PUT", "batchOrders"): 5, ("GET", "positionSide/dual"): 30,
        ("GET", "multiAssetsMargin"): 30, ("GET", "feeBurn"): 30,
    },
    by_order={},
    placing={
        ("POST", "order"): (1, 1), ("PUT", "order"): (1, 1), ("POST", "algoOrder"): (1, 1),
        ("POST", "batchOrders"): (5, 1), ("PUT", "batchOrders"): (5, 1),
    },
)  # fmt: skip

SPOT = Published(
    base="/api/", per_minute=6_000, orders=(("10S", 50, 10.0), ("1D", 160_000, 86_400.0)),
    plain={
        "exchangeInfo": 20, "trades": 25, "historicalTrades": 25, "aggTrades": 4, "klines": 2,
        "uiKlines": 2, "avgPrice": 2, "account": 20, "allOrders": 20, "orderList": 4,
        "allOrderList": 20, "openOrderList": 6, "rateLimit/order": 40, "account/commission": 20,
    },
    one_or_all={
        "openOrders": (6, 80), "ticker/24hr": (2, 80), "ticker/price": (2, 4),
        "ticker/bookTicker": (2, 4),
    },
    by_method={("GET", "order"): 4, ("DELETE", "orderList"): 1, ("DELETE", "openOrders"): 1},
    by_order={"myTrades": (5, 20)},
    placing={
        ("POST", "order"): (1, 1), ("POST", "orderList/oco"): (2, 2),
        ("POST", "order/cancelReplace"): (1, 1),
    },
)  # fmt: skip


def _of_rows(rows: int) -> int:
    return 1 if rows < 100 else 2 if rows < 500 else 5 if rows <= 1_000 else 10


def _of_levels(levels: int) -> int:
    return 2 if levels <= 50 else 5 if levels <= 100 else 10 if levels <= 500 else 20


_PERIODS = {10.0: "10 SECOND", 86_400.0: "1 DAY"}


def limited(over: Over, now_ms: int, address: str, *, banned: bool) -> Answer:
    """-1003 for weight, -1015 for orders; 418 and until when for who is banned."""
    wait_s = int(over.wait_s) + 1
    code, status = -1003, 429
    text = (
        f"Too many requests; current limit of IP({address}) is {over.charge.limit} requests per "
        "minute. Please use the websocket for live updates to avoid polling the API."
    )
    if banned:
        status = 418
        text = (
            f"Way too many requests; IP({address}) banned until {now_ms + int(over.wait_s * 1000)}."
            " Please use the websocket for live updates to avoid bans."
        )
    elif over.charge.name.startswith("ORDERS"):
        code = -1015
        text = (
            f"Too many new orders; current limit is {over.charge.limit} orders per "
            f"{_PERIODS.get(over.charge.window_s, '1 MINUTE')}."
        )
    return told({"code": code, "msg": text}, status, {"Retry-After": str(wait_s)})


def endpoint(path: str) -> str:
    """What comes after ``/fapi/v1/``."""
    parts = path.split("/", 3)
    return parts[3] if len(parts) == 4 else ""
