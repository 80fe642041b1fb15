"""What Binance USDⓈ-M's endpoints weigh, and what its answers tell of the limits.

The weights are those of its REST documents (``Weight(IP)`` of every endpoint), the limits those of
``exchangeInfo``: 2,400 a minute and address, 300 orders in 10 s and 1,200 in a minute and account.
"""

from tests.venue.limits import Charge, Limits, Over
from tests.venue.wire import Answer, Call, told

WEIGHT_LIMIT = 2_400
_PLAIN = {
    "account": 5, "balance": 5, "positionRisk": 5, "allOrders": 5, "allAlgoOrders": 5,
    "userTrades": 5, "income": 30, "commissionRate": 20, "symbolConfig": 5, "accountConfig": 5,
    "adlQuantile": 5, "aggTrades": 20, "historicalTrades": 200, "trades": 5, "constituents": 2,
    "countdownCancelAll": 10, "tradingSchedule": 5, "fundingRate": 0, "fundingInfo": 0,
}  # fmt: skip
_ONE_OR_ALL = {
    "openOrders": (1, 40), "openAlgoOrders": (1, 40), "forceOrders": (20, 50),
    "ticker/24hr": (1, 40), "ticker/price": (1, 2), "ticker/bookTicker": (2, 5),
    "premiumIndex": (1, 10), "apiTradingStatus": (1, 10), "assetIndex": (1, 10),
}  # fmt: skip
_BY_METHOD = {
    ("POST", "order"): 0, ("PUT", "order"): 0, ("POST", "algoOrder"): 0,
    ("POST", "batchOrders"): 5, ("PUT", "batchOrders"): 5, ("GET", "positionSide/dual"): 30,
    ("GET", "multiAssetsMargin"): 30, ("GET", "feeBurn"): 30,
}  # fmt: skip
_ORDERS = {
    ("POST", "order"): (1, 1), ("PUT", "order"): (1, 1), ("POST", "algoOrder"): (1, 1),
    ("POST", "batchOrders"): (5, 1), ("PUT", "batchOrders"): (5, 1),
}  # fmt: skip


def weight(call: Call) -> int:
    """What a call weighs of its address' limit; ``/sapi`` has limits of its own."""
    name = endpoint(call.path)
    if not call.path.startswith("/fapi/"):
        return 0
    if (call.method, name) in _BY_METHOD:
        return _BY_METHOD[call.method, name]
    if name in _ONE_OR_ALL:
        one, every = _ONE_OR_ALL[name]
        return one if call.params.get("symbol") else every
    if name.endswith("lines"):
        return _of_rows(int(call.params.get("limit") or 500))
    if name == "depth":
        return _of_levels(int(call.params.get("limit") or 500))
    return _PLAIN.get(name, 1)


def _of_rows(rows: int) -> int:
    return 1 if rows < 100 else 2 if rows < 500 else 5 if rows <= 1_000 else 10


def _of_levels(levels: int) -> int:
    return 2 if levels <= 50 else 5 if levels <= 100 else 10 if levels <= 500 else 20


def charges(call: Call) -> list[Charge]:
    found = [_by_weight(call, weight(call))]
    cost = _ORDERS.get((call.method, endpoint(call.path)))
    return found if cost is None else [*found, *_by_orders(call, *cost)]


def _by_weight(call: Call, cost: int = 0) -> Charge:
    return Charge(
        name="REQUEST_WEIGHT", who=call.address, cost=cost, limit=WEIGHT_LIMIT, window_s=60.0,
        warns=True,
    )  # fmt: skip


def _by_orders(call: Call, in_10_s: int, in_60_s: int) -> list[Charge]:
    return [
        Charge(name="ORDERS_10S", who=call.facts.key, cost=in_10_s, limit=300, window_s=10.0),
        Charge(name="ORDERS_1M", who=call.facts.key, cost=in_60_s, limit=1_200, window_s=60.0),
    ]


def headers(call: Call, limits: Limits, answer: Answer, now_s: float) -> dict[str, str]:
    """The used weight with every answer, the order counts with those of accepted orders."""
    found = {"X-MBX-USED-WEIGHT-1M": str(limits.used(_by_weight(call), now_s))}
    if (call.method, endpoint(call.path)) in _ORDERS and answer.status == 200:
        for charge, name in zip(_by_orders(call, 0, 0), ("10S", "1M"), strict=True):
            found[f"X-MBX-ORDER-COUNT-{name}"] = str(limits.used(charge, now_s))
    return found


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
            f"{'10 SECOND' if over.charge.window_s == 10 else '1 MINUTE'}."
        )
    return told({"code": code, "msg": text}, status, {"Retry-After": str(wait_s)})


def endpoint(path: str) -> str:
    """What comes after ``/fapi/v1/``."""
    parts = path.split("/", 3)
    return parts[3] if len(parts) == 4 else ""
