"""Names by which HTX addresses plain and algo orders."""

from collections.abc import Mapping
from typing import Any, Final

from signalbot.domain.orders import OrderRequest, OrderType

ORDER_ENDPOINT: Final = "contractPrivateGetV5TradeOrder"
ALGO_ENDPOINT: Final = "contractPrivateGetV5AlgoOrder"


def algo_kind(request: OrderRequest) -> str:
    return "sl" if request.type is OrderType.STOP else "tp"


def endpoint_of(request: OrderRequest) -> str:
    return ORDER_ENDPOINT if request.trigger_price is None else ALGO_ENDPOINT


def id_name(request: OrderRequest) -> str:
    return "order_id" if request.trigger_price is None else "algo_id"


def client_id_name(request: OrderRequest) -> str:
    return "client_order_id" if request.trigger_price is None else "algo_client_order_id"


def without_flag(request: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name != "reduce_only"}
