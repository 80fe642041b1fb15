"""Binance spot's order endpoints: plain orders, stops that are orders like others, and lists."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any

from tests.venue import binance_spot_shapes as shapes
from tests.venue.binance_errors import NO_SUCH_ORDER, UNKNOWN_ORDER_SENT, No, missing
from tests.venue.binance_orders import CLIENT_ID, Private
from tests.venue.binance_params import (
    DAY_MS,
    Params,
    bad_client_id,
    decimal,
    limited,
    maybe,
    price_of,
    quantity_of,
    required,
    window,
)
from tests.venue.engine import Engine
from tests.venue.model import Account, Kind, Order, Refused, Side, Status, Ticket

CONDITIONAL = {
    "STOP_LOSS": Kind.STOP,
    "STOP_LOSS_LIMIT": Kind.STOP,
    "TAKE_PROFIT": Kind.TAKE_PROFIT,
    "TAKE_PROFIT_LIMIT": Kind.TAKE_PROFIT,
}
_KINDS = {"MARKET": Kind.MARKET, "LIMIT": Kind.LIMIT, "LIMIT_MAKER": Kind.LIMIT, **CONDITIONAL}
_TIMED = ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
_PRICED = (*_TIMED, "LIMIT_MAKER")


class SpotOrderEndpoints:
    """Orders and trades of an account."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._lists = count(1)

    def routes(self) -> dict[tuple[str, str], Private]:
        """What is answered here, by method and path."""
        return {
            ("POST", "order"): self._new_order,
            ("GET", "order"): lambda a, p: shapes.order(self._find(a, p, NO_SUCH_ORDER)),
            ("DELETE", "order"): self._cancel,
            ("GET", "openOrders"): self._open_orders,
            ("DELETE", "openOrders"): self._cancel_all,
            ("GET", "allOrders"): self._all_orders,
            ("GET", "myTrades"): self._trades,
            ("POST", "orderList/oco"): self._new_oco,
            ("DELETE", "orderList"): self._cancel_list,
            ("GET", "openOrderList"): self._open_lists,
            ("POST", "order/cancelReplace"): self._cancel_replace,
        }

    # --- placing --------------------------------------------------------------------------------

    def _new_order(self, account: Account, params: Params) -> Any:
        order = self.engine.place(account, self._ticket(params))
        plain = order.ask.trigger is None and order.ask.time_in_force != "GTX"
        match params.get("newOrderRespType", "FULL" if plain else "ACK"):
            case "ACK":
                return shapes.acknowledged(order)
            case "RESULT":
                return shapes.result(order)
            case _:
                return shapes.full(account, order)

    def _ticket(self, params: Params, prefix: str = "") -> Ticket:
        def of(name: str) -> str:
            return f"{prefix}{name[0].upper()}{name[1:]}" if prefix else name

        market = self.engine.market_of(required(params, "symbol"))
        kind = required(params, of("type"))
        if kind not in _KINDS:
            raise No(-1116, "Invalid orderType.")
        side = required(params, "side")
        if side not in ("BUY", "SELL"):
            raise No(-1117, "Invalid side.")
        named = params.get(of("clientOrderId") if prefix else "newClientOrderId")
        if named is not None and not CLIENT_ID.fullmatch(named):
            raise bad_client_id(named)
        timing = params.get(of("timeInForce"), "")
        if kind in _TIMED and not timing:
            raise missing(of("timeInForce"))
        if kind not in _TIMED and timing:
            raise No(-1106, f"Parameter '{of('timeInForce')}' sent when not required.")
        if kind == "MARKET" and "price" in params:
            raise No(-1106, "Parameter 'price' sent when not required.")
        quote = self._quote(params) if kind == "MARKET" else None
        return Ticket(
            client_id=named or f"venue{self.engine.now_ms()}{next(self._lists)}",
            symbol=market.id, side=Side(side.lower()), kind=_KINDS[kind], is_spot=True,
            quantity=Decimal(0) if quote is not None else quantity_of(params, market),
            quote_quantity=quote,
            price=price_of(params, of("price")) if kind in _PRICED else None,
            trigger=price_of(params, of("stopPrice")) if kind in CONDITIONAL else None,
            time_in_force="GTX" if kind == "LIMIT_MAKER" else timing or "GTC",
        )  # fmt: skip

    def _quote(self, params: Params) -> Decimal | None:
        """A market order names a quantity or a quote amount."""
        if not params.get("quoteOrderQty"):
            return None
        if params.get("quantity"):
            raise No(-1128, "Combination of optional parameters invalid.")
        return decimal(params, "quoteOrderQty")

    def _new_oco(self, account: Account, params: Params) -> Any:
        """Two orders that hold their coins once; one working ends the other."""
        number = next(self._lists)
        above, below = self._ticket(params, "above"), self._ticket(params, "below")
        self._check_prices(above, below)
        group, orders = f"oco-{number}", list[Order]()
        extra = {"list_id": number, "list_name": params.get("listClientOrderId") or group}
        try:
            orders.extend(
                self.engine.place(account, replace(each, group=group, extra=extra))
                for each in (above, below)
            )
        except Refused:
            for each in [order for order in account.open.values() if order.ask.group == group]:
                self.engine.cancel(account, each)
            raise
        return self._listed(orders) | {"orderReports": [shapes.result(each) for each in orders]}

    def _check_prices(self, above: Ticket, below: Ticket) -> None:
        """The last price is between the two."""
        last = self.engine.prices[above.symbol]
        top, bottom = above.trigger or above.price, below.trigger or below.price
        if top is None or bottom is None or not bottom < last < top:
            raise No(-2010, "The relationship of the prices for the orders is not correct.")
        stops = [each for each in (above, below) if each.kind is Kind.STOP]
        if len(stops) != 1:
            raise No(-1158, "Order type not supported in OCO.")

    def _listed(self, orders: list[Order]) -> Any:
        first, live = orders[0], any(each.is_open for each in orders)
        return {
            "orderListId": shapes.list_id(first), "contingencyType": "OCO",
            "listStatusType": "EXEC_STARTED" if live else "ALL_DONE",
            "listOrderStatus": "EXECUTING" if live else "ALL_DONE",
            "listClientOrderId": first.ask.extra["list_name"],
            "transactionTime": first.created_ms, "symbol": first.ask.symbol,
            "orders": [
                {"symbol": each.ask.symbol, "orderId": each.id,
                 "clientOrderId": each.ask.client_id}
                for each in orders
            ],
        }  # fmt: skip

    # --- ending ---------------------------------------------------------------------------------

    def _cancel(self, account: Account, params: Params) -> Any:
        """One leg of a list takes the other with it."""
        order = self._find(account, params, UNKNOWN_ORDER_SENT)
        self.engine.cancel(account, order)
        for other in self._of_list(account, shapes.list_id(order)):
            if other.is_open:
                self.engine.cancel(account, other)
        return shapes.cancelled(order, params.get("newClientOrderId") or f"cancel{order.id}")

    def _cancel_all(self, account: Account, params: Params) -> Any:
        symbol = self.engine.market_of(required(params, "symbol")).id
        orders = [each for each in account.open.values() if each.ask.symbol == symbol]
        if not orders:
            raise No(*UNKNOWN_ORDER_SENT)
        for order in orders:
            if order.is_open:
                self.engine.cancel(account, order)
        return [shapes.cancelled(each, f"cancel{each.id}") for each in orders]

    def _cancel_list(self, account: Account, params: Params) -> Any:
        number, name = maybe(params, "orderListId"), params.get("listClientOrderId", "")
        orders = [
            each for each in account.orders.values()
            if shapes.list_id(each) > 0
            and (shapes.list_id(each) == number or each.ask.extra["list_name"] == name)
        ]  # fmt: skip
        if not any(each.is_open for each in orders):
            raise No(*UNKNOWN_ORDER_SENT)
        for order in orders:
            if order.is_open:
                self.engine.cancel(account, order)
        reports = [shapes.cancelled(each, f"cancel{each.id}") for each in orders]
        return self._listed(orders) | {"orderReports": reports}

    def _cancel_replace(self, account: Account, params: Params) -> Any:
        """A cancel and a new order, which may go separate ways: HTTP 409 and -2021 then."""
        stop = required(params, "cancelReplaceMode") == "STOP_ON_FAILURE"
        wanted = {"orderId": params.get("cancelOrderId", ""),
                  "origClientOrderId": params.get("cancelOrigClientOrderId", "")}  # fmt: skip
        asked = {**params, **wanted}
        cancelled, gone = self._tried(self._cancel, account, asked)
        placed, new = (None, "NOT_ATTEMPTED")
        if gone == "SUCCESS" or not stop:
            placed, new = self._tried(self._new_order, account, params)
        body = {
            "cancelResult": gone, "newOrderResult": new, "cancelResponse": cancelled,
            "newOrderResponse": placed,
        }  # fmt: skip
        if gone == new == "SUCCESS":
            return body
        partly = "SUCCESS" in (gone, new)
        code, how = (-2021, "partially failed.") if partly else (-2022, "failed.")
        raise No(code, f"Order cancel-replace {how}", 409 if partly else 400, data=body)

    def _tried(
        self, act: Callable[[Account, Params], Any], account: Account, params: Params
    ) -> tuple[Any, str]:
        try:
            return act(account, params), "SUCCESS"
        except No as e:
            return {"code": e.code, "msg": e.text}, "FAILURE"
        except Refused as e:
            return {"code": -2010, "msg": str(e)}, "FAILURE"

    # --- reading --------------------------------------------------------------------------------

    def _of_list(self, account: Account, number: int) -> list[Order]:
        if number < 0:
            return []
        return [each for each in account.orders.values() if shapes.list_id(each) == number]

    def _find(self, account: Account, params: Params, unknown: tuple[int, str]) -> Order:
        self.engine.market_of(required(params, "symbol"))
        order_id, named = maybe(params, "orderId"), params.get("origClientOrderId", "")
        if order_id is None and not named:
            raise No(
                -1102,
                "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
            )
        order = self.engine.find(account, order_id=order_id, client_id=named)
        if order is None or order.ask.symbol != params["symbol"]:
            raise No(*unknown)
        if order_id is not None and named and order.ask.client_id != named:
            raise No(*unknown)
        if self._is_archived(order):
            raise No(
                -2026,
                "Order was canceled or expired with no executed qty over 90 days ago and has been "
                "archived.",
            )
        return order

    def _is_archived(self, order: Order) -> bool:
        ended = order.status in (Status.CANCELED, Status.EXPIRED) and not order.filled
        old = self.engine.now_ms() - order.updated_ms > 90 * DAY_MS
        return self.engine.switches.windows and ended and old

    def _open_orders(self, account: Account, params: Params) -> Any:
        orders = self.engine.open_orders(account, params.get("symbol", ""))
        return [shapes.order(each) for each in orders]

    def _open_lists(self, account: Account, _: Params) -> Any:
        numbers = {shapes.list_id(each) for each in account.open.values()} - {-1}
        return [self._listed(self._of_list(account, number)) for number in sorted(numbers)]

    def _all_orders(self, account: Account, params: Params) -> Any:
        """A day at once, when there is a start or an end."""
        symbol, first = required(params, "symbol"), maybe(params, "orderId") or 0
        span = self._day(params)
        fitting = [
            each for each in account.orders.values()
            if each.ask.symbol == symbol and each.id >= first and span.has(each.created_ms)
            and self.engine.shown(each) and not self._is_archived(each)
        ]  # fmt: skip
        return [shapes.order(each) for each in limited(fitting, params)]

    def _trades(self, account: Account, params: Params) -> Any:
        """A day at once, when there is a start or an end; only some parameters go together."""
        symbol, order_id = required(params, "symbol"), maybe(params, "orderId")
        first, timed = maybe(params, "fromId"), params.get("startTime") or params.get("endTime")
        if self.engine.switches.windows and timed and (order_id or first):
            raise No(-1128, "Combination of optional parameters invalid.")
        span = self._day(params)
        fitting = [
            trade for trade in account.trades
            if trade.symbol == symbol and order_id in (None, trade.order_id)
            and trade.id >= (first or 0) and span.has(trade.at_ms)
        ]  # fmt: skip
        return [
            shapes.trade(each, shapes.list_id(account.orders[each.order_id]))
            for each in limited(fitting, {**params, "orderId": ""})
        ]

    def _day(self, params: Params) -> Any:
        since_ms, until_ms = maybe(params, "startTime"), maybe(params, "endTime")
        if since_ms is not None and until_ms is not None and until_ms - since_ms > DAY_MS:
            raise No(-1127, "More than 24 hours between startTime and endTime.")
        untimed = since_ms is None and until_ms is None
        return window(
            {**params, "any": "1"} if untimed else params, self.engine, widest_ms=DAY_MS,
            from_id="any",
        )  # fmt: skip
