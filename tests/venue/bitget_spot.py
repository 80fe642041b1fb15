"""Bitget's spot endpoints for one account: orders, plan orders, fills, assets."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.venue import bitget_shapes as shapes
from tests.venue.bitget_errors import No, empty, no, wrong
from tests.venue.bitget_market import MarketEndpoints
from tests.venue.grids import DAY_MS
from tests.venue.model import Account, Kind, Order, Reason, Side, Ticket, TriggerBy
from tests.venue.spot import SpotEngine, SpotMarket, to_lot

Asked = dict[str, Any]
Handler = Callable[[Account, Asked], Any]
_KEPT_MS = 90 * DAY_MS


class SpotEndpoints:
    """What one account may ask of its coins."""

    def __init__(self, engine: SpotEngine, market: MarketEndpoints) -> None:
        self._engine, self._public = engine, market

    def routes(self) -> dict[tuple[str, str], Handler]:
        """By method and path after ``/api/v2/spot/``; the answer's ``data``."""
        return {
            ("POST", "trade/place-order"): self._create,
            ("POST", "trade/cancel-order"): self._cancel,
            ("GET", "trade/orderInfo"): self._info,
            ("GET", "trade/unfilled-orders"): self._opens,
            ("GET", "trade/history-orders"): self._history,
            ("GET", "trade/fills"): self._fills,
            ("POST", "trade/place-plan-order"): self._create_plan,
            ("POST", "trade/cancel-plan-order"): self._cancel_plan,
            ("GET", "trade/current-plan-order"): self._plans,
            ("GET", "trade/history-plan-order"): self._plan_history,
            ("GET", "account/assets"): lambda a, _: shapes.assets(self._engine, a),
            ("GET", "account/info"): self._account,
        }

    # --- orders -----------------------------------------------------------------------------

    def _create(self, account: Account, asked: Asked) -> Any:
        """``size`` of a market buy is in quote coins."""
        market, side = self._public.pair(asked), _side(asked)
        kind = asked.get("orderType")
        if kind not in ("limit", "market"):
            raise wrong("orderType")
        size, price, extra = _number(asked, "size"), None, {}
        if kind == "limit":
            price = _number(asked, "price")
            if not asked.get("force"):
                raise empty("force")
        elif side is Side.BUY:
            extra["cost"] = shapes.plain(size)
            size = self._bought(market, size, self._engine.prices[market.id])
        force = str(asked.get("force") or "gtc").lower()
        if force not in ("gtc", "ioc", "fok", "post_only"):
            raise wrong("force")
        ask = Ticket(
            client_id=str(asked.get("clientOid") or ""), symbol=market.id, side=side,
            kind=Kind.MARKET if price is None else Kind.LIMIT, quantity=size, price=price,
            time_in_force="GTX" if force == "post_only" else force.upper(), extra=extra,
        )  # fmt: skip
        return _ids(self._engine.place_or_cancel(account, ask))

    def _bought(self, market: SpotMarket, cost: Decimal, price: Decimal) -> Decimal:
        slippage = self._engine.slippage.get(market.id, Decimal(0))
        return to_lot(cost / (price * (1 + slippage)), market)

    def _find(self, account: Account, asked: Asked, *, plan: bool) -> Order | None:
        if asked.get("orderId"):
            said = str(asked["orderId"])
            number = int(said) if said.isdigit() else 0
            order = self._engine.find(account, order_id=number, conditional=plan)
        elif asked.get("clientOid"):
            name = str(asked["clientOid"])
            order = self._engine.find(account, client_id=name, conditional=plan)
        else:
            raise empty("orderId")
        return order if order is not None and self._engine.is_spot(order.ask.symbol) else None

    def _cancel(self, account: Account, asked: Asked) -> Any:
        order = self._find(account, asked, plan=False)
        if order is None:
            raise no(Reason.NO_SUCH_ORDER, spot=True)
        self._engine.cancel(account, order)
        return _ids(order)

    def _info(self, account: Account, asked: Asked) -> Any:
        """A list of one, or an empty one."""
        order = self._find(account, asked, plan=False)
        return [] if order is None else [shapes.spot_order(self._engine, order)]

    def _orders(
        self, account: Account, asked: Asked, *, is_open: bool, plan: bool = False
    ) -> list[Order]:
        """Newest first, of the last 90 days."""
        symbol = self._public.pair(asked).id if asked.get("symbol") else ""
        now_ms = self._engine.now_ms()
        until_ms = int(asked.get("endTime") or now_ms)
        since_ms = int(asked.get("startTime") or now_ms - _KEPT_MS)
        if until_ms - since_ms > _KEPT_MS:
            raise wrong("startTime")
        oldest_ms = max(since_ms, now_ms - _KEPT_MS)
        return [
            order for order in reversed(account.orders.values())
            if order.is_open is is_open and order.is_conditional is plan
            and self._engine.is_spot(order.ask.symbol) and self._engine.shown(order)
            and symbol in ("", order.ask.symbol) and oldest_ms <= order.created_ms <= until_ms
        ]  # fmt: skip

    def _opens(self, account: Account, asked: Asked) -> Any:
        orders = self._orders(account, asked, is_open=True)
        return _page(asked, [shapes.open_spot_order(self._engine, each) for each in orders])

    def _history(self, account: Account, asked: Asked) -> Any:
        orders = self._orders(account, asked, is_open=False)
        return _page(asked, [shapes.spot_order(self._engine, each) for each in orders])

    def _fills(self, account: Account, asked: Asked) -> Any:
        """One symbol, the last 90 days, a hundred at most."""
        market, now_ms = self._public.pair(asked), self._engine.now_ms()
        until_ms = int(asked.get("endTime") or now_ms)
        since_ms = int(asked.get("startTime") or until_ms - _KEPT_MS)
        if until_ms - since_ms > _KEPT_MS:
            raise wrong("startTime")
        oldest_ms = max(since_ms, now_ms - _KEPT_MS)
        rows = [
            shapes.spot_fill(self._engine, account, trade) for trade in reversed(account.trades)
            if trade.symbol == market.id and oldest_ms <= trade.at_ms <= until_ms
            and str(asked.get("orderId") or trade.order_id) == str(trade.order_id)
            and self._engine.shown(account.orders[trade.order_id])
        ]  # fmt: skip
        return _page(asked, rows, number="tradeId")

    # --- plan orders ------------------------------------------------------------------------

    def _create_plan(self, account: Account, asked: Asked) -> Any:
        """It holds nothing, and fails when it triggers without enough coins."""
        market, side = self._public.pair(asked), _side(asked)
        kind, plan = asked.get("orderType"), str(asked.get("planType") or "amount")
        if kind not in ("limit", "market") or plan not in ("amount", "total"):
            raise wrong("orderType")
        if asked.get("triggerType") not in ("fill_price", "mark_price"):
            raise wrong("triggerType")
        trigger, size = _number(asked, "triggerPrice"), _number(asked, "size")
        price, extra = (_number(asked, "executePrice") if kind == "limit" else None), {}
        if plan == "total":
            extra["cost"] = shapes.plain(size)
            size = self._bought(market, size, price or trigger)
        falls = trigger < self._engine.prices[market.id]
        ask = Ticket(
            client_id=str(asked.get("clientOid") or ""), symbol=market.id, side=side, price=price,
            kind=Kind.STOP if falls == (side is Side.SELL) else Kind.TAKE_PROFIT, quantity=size,
            trigger=trigger, extra=extra,
            trigger_by=TriggerBy.MARK if asked["triggerType"] == "mark_price" else TriggerBy.LAST,
        )  # fmt: skip
        return _ids(self._engine.place(account, ask))

    def _cancel_plan(self, account: Account, asked: Asked) -> Any:
        order = self._find(account, asked, plan=True)
        if order is None or not order.is_open:
            raise No(43025, "Plan order does not exist")
        self._engine.cancel(account, order)
        return {"result": "success"}

    def _plans(self, account: Account, asked: Asked) -> Any:
        return self._listed(asked, self._orders(account, asked, is_open=True, plan=True))

    def _plan_history(self, account: Account, asked: Asked) -> Any:
        if not asked.get("symbol") or not asked.get("startTime") or not asked.get("endTime"):
            raise empty("symbol, startTime, endTime")
        return self._listed(asked, self._orders(account, asked, is_open=False, plan=True))

    def _listed(self, asked: Asked, orders: list[Order]) -> Any:
        rows = _page(asked, [shapes.spot_plan(self._engine, each) for each in orders])
        return {"nextFlag": False, "idLessThan": rows[-1]["orderId"] if rows else "",
                "orderList": rows}  # fmt: skip

    def _account(self, account: Account, _: Asked) -> Any:
        rights = ["stor", "spor", "cpor"] + (["stow", "spow", "cpow"] if account.can_trade else [])
        rights += ["wtow"] if account.can_withdraw else []
        return {"userId": "1", "inviterId": "", "ips": "127.0.0.1" if account.is_ip_bound else "",
                "authorities": rights, "parentId": 1, "traderType": "not_trader"}  # fmt: skip


def _ids(order: Order) -> dict[str, Any]:
    return {"orderId": str(order.id), "clientOid": order.ask.client_id or str(order.id)}


def _side(asked: Asked) -> Side:
    if asked.get("side") not in ("buy", "sell"):
        raise wrong("side") if asked.get("side") else empty("side")
    return Side(asked["side"])


def _number(asked: Asked, name: str) -> Decimal:
    value = asked.get(name)
    if value in (None, ""):
        raise empty(name)
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise wrong(name) from None
    if number <= 0:
        raise wrong(name)
    return number


def _page(asked: Asked, rows: list[Any], *, number: str = "orderId") -> list[Any]:
    """Newest first, a hundred at most; ``idLessThan`` goes on after the last of a page."""
    limit = int(asked.get("limit") or 100)
    if not 1 <= limit <= 100:
        raise wrong("limit")
    before = asked.get("idLessThan")
    return [row for row in rows if not before or int(row[number]) < int(before)][:limit]
