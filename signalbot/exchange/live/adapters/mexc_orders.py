"""Requests and responses of MEXC's orders of perpetuals."""

from typing import Any

from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters.mexc_account import OPEN_TYPES
from signalbot.exchange.live.adapters.mexc_plan_orders import CLOSING_SIDES
from signalbot.exchange.live.adapters.types import CreateOrderArgs
from signalbot.exchange.live.parsing import CcxtDict
from signalbot.exchange.live.transport.exchange_api import ExchangeApi

_ONE_WAY = 2
_OPENING_SIDES = {"buy": 1, "sell": 3}
_LIMIT, _MARKET = 1, 5  #: 6 would turn into a limit order at the present price
_STATES = {"1": "open", "2": "open", "3": "closed", "4": "canceled", "5": "rejected"}


def order_params(api: ExchangeApi, create: CreateOrderArgs) -> dict[str, Any]:
    """The request of an order; ``side`` also distinguishes opening from closing."""
    order_params = dict(create.params)
    client = api.client
    reduces = bool(order_params.pop("reduceOnly", False))
    mode = MarginMode(order_params.pop("marginMode"))
    client_id = order_params.pop("clientOrderId")
    kind = _MARKET if create.type == "market" else _LIMIT
    request_params: dict[str, Any] = {
        "symbol": client.market(create.symbol)["id"],
        "vol": float(client.amount_to_precision(create.symbol, create.amount)),
        "side": (CLOSING_SIDES if reduces else _OPENING_SIDES)[create.side],
        "openType": OPEN_TYPES[mode],
        "positionMode": _ONE_WAY,
        **order_params,
    }
    if create.price is not None:
        request_params["price"] = float(client.price_to_precision(create.symbol, create.price))
    if reduces:
        request_params["reduceOnly"] = True
    if "triggerPrice" in order_params:
        price = client.price_to_precision(create.symbol, order_params["triggerPrice"])
        return request_params | {"triggerPrice": price, "orderType": kind}
    return request_params | {"type": kind, "externalOid": client_id}


def parse_order(api: ExchangeApi, row: CcxtDict, market: CcxtDict) -> CcxtDict:
    """An order row as ccxt's structure, with the exchange's state."""
    raw: CcxtDict = api.client.parse_order(row, market)
    return {**raw, "status": _STATES.get(str(row.get("state")), raw.get("status"))}
