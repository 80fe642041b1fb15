"""MEXC's plan orders: stops and targets, which are found by their fields only.

They end after seven days at most, and are renewed before. The kind that rests with a position
(``stoporder``) would not end, but its documents and the clients that use it disagree on its
parameters, and on whether several can rest beside each other.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from signalbot.domain.money import ONE, ZERO, text
from signalbot.domain.orders import OrderRequest, OrderSide, OrderType
from signalbot.exchange.live.adapters.mexc_lists import DAY_MS, fetch_since
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

LIFETIME_MS: Final = 7 * DAY_MS
CLOSING_SIDES: Final = {"buy": 2, "sell": 4}

_PLANS = "contractPrivateGetPlanorderListOrders"
_RISES, _FALLS = 1, 2  #: triggerType: at or above, at or below
_SEVEN_DAYS, _LAST_PRICE = 2, 1
_STATES = {"1": "open", "2": "canceled", "3": "closed", "4": "canceled", "5": "canceled"}
_ANY_STATE, _ACTIVE = "1,2,3,4,5", "1"
_LISTED_SKEW_MS = 5_000
_SKEW_MS = 1_000  # what remains once clocks have been compared


def plan_params(request: OrderRequest, trigger_price: Decimal) -> dict[str, Any]:
    """Parameters of a stop or target."""
    is_stop, sells = request.type is OrderType.STOP, request.side is OrderSide.SELL
    return {
        "triggerPrice": text(trigger_price),
        "triggerType": _FALLS if is_stop is sells else _RISES,
        "trend": _LAST_PRICE,
        "executeCycle": _SEVEN_DAYS,  # the longest there is
    }


async def find_plan(
    api: ExchangeApi, request: OrderRequest, order_id: str | None, priority: RequestPriority
) -> CcxtDict | None:
    """The row of a plan order: by id, else the first with the same fields since it was sent.

    A list without a start goes back seven days only, so it is read since the order was sent.
    """
    market = api.client.market(request.symbol)
    ahead_ms = int(api.client.options.get("timeDifference") or 0)
    since_ms = request.intended_at_ms - ahead_ms - _SKEW_MS
    params = {"symbol": market["id"], "states": _ANY_STATE}
    rows = await fetch_since(api, _PLANS, params, since_ms=since_ms, priority=priority)
    size = parse_decimal(market.get("contractSize")) or ONE
    mine = [row for row in rows if order_id in (str(row["id"]), str(row.get("orderId")))]
    mine = mine or [
        row
        for row in rows
        if _has_fields_of(request, row, size) and int(row["createTime"]) >= since_ms
    ]
    return min(mine, key=lambda each: int(each["createTime"])) if mine else None


async def fetch_active_plans(api: ExchangeApi, priority: RequestPriority) -> Sequence[CcxtDict]:
    """The rows of every resting plan order of the account."""
    since_ms = api.client.milliseconds() - LIFETIME_MS - DAY_MS
    return await fetch_since(api, _PLANS, {"states": _ACTIVE}, since_ms=since_ms, priority=priority)


def is_plan_of(request: OrderRequest, row: CcxtDict, size: Decimal) -> bool:
    """Whether a listed order is a plan order with the fields of ``request``, created since."""
    if request.trigger_price is None or "triggerType" not in row:
        return False
    is_later = int(row["createTime"]) >= request.intended_at_ms - _LISTED_SKEW_MS
    return is_later and _has_fields_of(request, row, size)


def triggered_order_id(row: CcxtDict) -> str | None:
    """The id of the order that a plan became; None while it has become none."""
    order_id = str(row.get("orderId") or "0")
    return order_id if _STATES.get(str(row.get("state"))) == "closed" and order_id != "0" else None


def parse_plan(row: CcxtDict, symbol: str) -> CcxtDict:
    """A plan order as ccxt's order structure."""
    return {
        "id": str(row["id"]),
        "symbol": symbol,
        "status": _STATES.get(str(row.get("state"))),
        "amount": row.get("vol"),
        "filled": "0",
        "timestamp": row.get("createTime"),
        "lastUpdateTimestamp": row.get("updateTime"),
        "info": row,
    }


def _has_fields_of(request: OrderRequest, row: CcxtDict, size: Decimal) -> bool:
    return (
        str(row.get("side")) == str(CLOSING_SIDES[request.side.value])
        and parse_decimal(row.get("triggerPrice")) == request.trigger_price
        and (parse_decimal(row.get("vol")) or ZERO) * size == request.quantity
    )
