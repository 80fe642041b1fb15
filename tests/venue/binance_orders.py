"""Binance's order endpoints: plain ones, and conditional ("algo") ones beside them."""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from tests.venue import binance_shapes as shapes
from tests.venue.binance_errors import NO_SUCH_ORDER, UNKNOWN_ORDER_SENT, No, missing
from tests.venue.binance_params import (
    DAY_MS,
    Params,
    bad_client_id,
    integer,
    limited,
    maybe,
    price_of,
    quantity_of,
    required,
    window,
)
from tests.venue.engine import Engine
from tests.venue.model import (
    Account,
    Kind,
    Order,
    Origin,
    PositionSide,
    Side,
    Status,
    Ticket,
    TriggerBy,
)

Private = Callable[[Account, Params], Any]

CONDITIONAL = {
    "STOP_MARKET": Kind.STOP,
    "STOP": Kind.STOP,
    "TAKE_PROFIT_MARKET": Kind.TAKE_PROFIT,
    "TAKE_PROFIT": Kind.TAKE_PROFIT,
}
CLIENT_ID = re.compile(r"[\.A-Z\:/a-z0-9_-]{1,36}")


class OrderEndpoints:
    """Orders and trades of an account."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def routes(self) -> dict[tuple[str, str], Private]:
        """What is answered here, by method and path."""
        return {
            ("POST", "order"): self._new_order,
            ("GET", "order"): lambda a, p: self._plain(a, self._find(a, p, NO_SUCH_ORDER)),
            ("DELETE", "order"): self._cancel,
            ("PUT", "order"): self._modify,
            ("GET", "openOrder"): self._open_order,
            ("GET", "openOrders"): self._open_orders,
            ("DELETE", "allOpenOrders"): partial(self._cancel_all, conditional=False),
            ("GET", "allOrders"): self._all_orders,
            ("GET", "userTrades"): self._trades,
            ("GET", "forceOrders"): self._forced,
            ("POST", "algoOrder"): self._new_algo,
            ("GET", "algoOrder"): lambda a, p: shapes.algo(
                a, self._find(a, p, NO_SUCH_ORDER, conditional=True)
            ),
            ("DELETE", "algoOrder"): self._cancel_algo,
            ("GET", "openAlgoOrders"): self._open_algos,
            ("GET", "allAlgoOrders"): self._all_algos,
            ("DELETE", "algoOpenOrders"): partial(self._cancel_all, conditional=True),
        }

    def _new_order(self, account: Account, params: Params) -> Any:
        kind = required(params, "type")
        if kind in (*CONDITIONAL, "TRAILING_STOP_MARKET"):
            raise No(
                -4120,
                "Order type not supported for this endpoint. "
                "Please use the Algo Order API endpoints instead.",
            )
        if kind not in ("MARKET", "LIMIT"):
            raise No(-1116, "Invalid orderType.")
        if kind == "MARKET" and "price" in params:
            raise No(-1106, "Parameter 'price' sent when not required.")
        if kind == "LIMIT" and not params.get("timeInForce"):
            raise missing("timeInForce")
        ask = self._ticket(account, params, Kind(kind.lower()), params.get("newClientOrderId"))
        order = self.engine.place(account, ask)
        wants_result = params.get("newOrderRespType") == "RESULT"
        shape = shapes.plain if wants_result else shapes.acknowledged
        return shape(self.engine, account, order)

    def _new_algo(self, account: Account, params: Params) -> Any:
        if required(params, "algoType") != "CONDITIONAL":
            raise No(-1102, "Mandatory parameter 'algoType' was not sent, or malformed.")
        kind = CONDITIONAL.get(required(params, "type"))
        if kind is None:
            raise No(-1116, "Invalid orderType.")
        required(params, "triggerPrice")
        ask = self._ticket(account, params, kind, params.get("clientAlgoId"))
        return shapes.algo(account, self.engine.place(account, ask))

    def _ticket(
        self, account: Account, params: Params, kind: Kind, client_id: str | None
    ) -> Ticket:
        market = self.engine.market_of(required(params, "symbol"))
        if client_id is not None and not CLIENT_ID.fullmatch(client_id):
            raise bad_client_id(client_id)
        position_side = _position_side(account, params)
        side = required(params, "side")
        if side not in ("BUY", "SELL"):
            raise No(-1117, "Invalid side.")
        whole = params.get("closePosition") == "true"
        if whole and params.get("quantity"):
            raise No(-4137, "Quantity must be zero with closePosition equals true")
        has_price = kind is Kind.LIMIT or params.get("type") in ("STOP", "TAKE_PROFIT")
        quantity = Decimal(0) if whole else quantity_of(params, market)
        return Ticket(
            client_id=client_id or f"venue{self.engine.now_ms()}", symbol=market.id,
            side=Side(side.lower()), kind=kind, quantity=quantity,
            price=price_of(params, "price") if has_price else None,
            trigger=price_of(params, "triggerPrice") if "triggerPrice" in params else None,
            trigger_by=TriggerBy.MARK if params.get("workingType") == "MARK_PRICE"
            else TriggerBy.LAST,
            reduce_only=params.get("reduceOnly") == "true", close_position=whole,
            time_in_force=params.get("timeInForce", "GTC"), position_side=position_side,
            expires_ms=_good_till(params, self.engine.now_ms()),
        )  # fmt: skip

    def _find(
        self, account: Account, params: Params, unknown: tuple[int, str], *,
        conditional: bool = False,
    ) -> Order:  # fmt: skip
        number = "algoId" if conditional else "orderId"
        name = "clientAlgoId" if conditional else "origClientOrderId"
        if not conditional:
            self.engine.market_of(required(params, "symbol"))
        order_id, client_id = maybe(params, number), params.get(name, "")
        if order_id is None and not client_id:
            raise No(
                -1102,
                f"Param '{name}' or '{number}' must be sent, but both were empty/null!",
            )
        order = self.engine.find(
            account, order_id=order_id, client_id=client_id, conditional=conditional
        )
        if order is None or params.get("symbol", order.ask.symbol) != order.ask.symbol:
            raise No(*unknown)
        if not self._is_kept(order):
            raise No(*unknown)
        return order

    def _is_kept(self, order: Order) -> bool:
        """Unfilled orders that have ended are found for three days, all others for ninety."""
        if not self.engine.switches.windows:
            return True
        age_ms = self.engine.now_ms() - order.created_ms
        never_filled = order.status in (Status.CANCELED, Status.EXPIRED) and not order.filled
        return age_ms <= (3 if never_filled else 90) * DAY_MS

    def _open_order(self, account: Account, params: Params) -> Any:
        order = self._find(account, params, NO_SUCH_ORDER)
        if not order.is_open:
            raise No(*NO_SUCH_ORDER)
        return self._plain(account, order)

    def _modify(self, account: Account, params: Params) -> Any:
        """Of limit orders only, and both quantity and price."""
        order = self._find(account, params, NO_SUCH_ORDER)
        if order.ask.kind is not Kind.LIMIT or order.is_conditional:
            raise No(-5025, "Only limit order is supported.")
        market = self.engine.market_of(order.ask.symbol)
        quantity, price = quantity_of(params, market), price_of(params, "price")
        if (quantity, price) == (order.ask.quantity, order.ask.price):
            raise No(-5027, "No need to modify the order.")
        if quantity <= order.filled:
            self.engine.cancel(account, order)
        else:
            self.engine.amend(account, order, quantity=quantity, price=price)
        return self._plain(account, order)

    def _plain(self, account: Account, order: Order) -> Any:
        return shapes.plain(self.engine, account, order)

    def _cancel(self, account: Account, params: Params) -> Any:
        order = self._find(account, params, UNKNOWN_ORDER_SENT)
        self.engine.cancel(account, order)
        return self._plain(account, order)

    def _cancel_algo(self, account: Account, params: Params) -> Any:
        order = self._find(account, params, UNKNOWN_ORDER_SENT, conditional=True)
        self.engine.cancel(account, order)
        return {
            "algoId": order.id, "clientAlgoId": order.ask.client_id, "code": "200",
            "msg": "success",
        }  # fmt: skip

    def _cancel_all(self, account: Account, params: Params, *, conditional: bool) -> Any:
        symbol = self.engine.market_of(required(params, "symbol")).id
        for order in list(account.open.values()):
            if order.ask.symbol == symbol and order.is_conditional is conditional:
                self.engine.cancel(account, order)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def _open_orders(self, account: Account, params: Params) -> Any:
        orders = self.engine.open_orders(account, params.get("symbol", ""), conditional=False)
        return [self._plain(account, order) for order in orders]

    def _open_algos(self, account: Account, params: Params) -> Any:
        orders = self.engine.open_orders(account, params.get("symbol", ""), conditional=True)
        return [shapes.algo(account, order) for order in orders]

    def _all_orders(self, account: Account, params: Params) -> Any:
        orders = self._past(account, params, "orderId", conditional=False)
        return [self._plain(account, order) for order in orders]

    def _all_algos(self, account: Account, params: Params) -> Any:
        orders = self._past(account, params, "algoId", conditional=True)
        return [shapes.algo(account, order) for order in orders]

    def _past(
        self, account: Account, params: Params, number: str, *, conditional: bool
    ) -> list[Order]:
        symbol, first = required(params, "symbol"), maybe(params, number) or 0
        span = window(params, self.engine, from_id=number)
        fitting = [
            order for order in account.orders.values()
            if order.ask.symbol == symbol and order.is_conditional is conditional
            and order.id >= first and span.has(order.created_ms)
            and self.engine.shown(order) and self._is_kept(order)
        ]  # fmt: skip
        return limited(fitting, params)

    def _trades(self, account: Account, params: Params) -> Any:
        """Seven days at once of the last six months; ``fromId`` goes with no time."""
        symbol, order_id = required(params, "symbol"), maybe(params, "orderId")
        first = maybe(params, "fromId") or 0
        timed = params.get("startTime") or params.get("endTime")
        if self.engine.switches.windows and first and timed:
            raise No(-1128, "Combination of optional parameters invalid.")
        span = window(params, self.engine, oldest_ms=182 * DAY_MS, from_id="fromId")
        fitting = [
            trade for trade in account.trades
            if trade.symbol == symbol and order_id in (None, trade.order_id)
            and trade.id >= first and span.has(trade.at_ms)
        ]  # fmt: skip
        return [shapes.trade(trade) for trade in limited(fitting, params)]

    def _forced(self, account: Account, params: Params) -> Any:
        """Liquidations and auto-deleveraging."""
        span = window(params, self.engine, oldest_ms=90 * DAY_MS)
        kinds = {"LIQUIDATION": (Origin.LIQUIDATION,), "ADL": (Origin.ADL,)}
        wanted = kinds.get(params.get("autoCloseType", ""), (Origin.LIQUIDATION, Origin.ADL))
        forced = {
            trade.order_id for trade in account.trades
            if trade.origin in wanted and span.has(trade.at_ms)
            and params.get("symbol", trade.symbol) == trade.symbol
        }  # fmt: skip
        rows = [self._plain(account, account.orders[each]) for each in sorted(forced)]
        return limited(rows, params, default=50, most=100)


def _position_side(account: Account, params: Params) -> PositionSide:
    """``BOTH`` in one-way mode; in hedge mode ``LONG`` or ``SHORT``, and no ``reduceOnly``."""
    named = params.get("positionSide") or "BOTH"
    if named not in ("BOTH", "LONG", "SHORT"):
        raise No(-4060, "Invalid position side.")
    if (named == "BOTH") is account.is_hedged:
        raise No(-4061, "Order's position side does not match user's setting.")
    if account.is_hedged and "reduceOnly" in params:
        raise No(-1106, "Parameter 'reduceonly' sent when not required.")
    return PositionSide(named.lower())


def _good_till(params: Params, now_ms: int) -> int:
    """``goodTillDate`` goes with GTD, and is at least ten minutes ahead."""
    if params.get("timeInForce") != "GTD":
        return 0
    until_ms = integer(params, "goodTillDate")
    if until_ms <= now_ms + 600_000:
        raise missing("goodTillDate")
    return until_ms // 1_000 * 1_000
