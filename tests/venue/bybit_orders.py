"""Bybit's order endpoints for perpetuals: plain and conditional orders, and what they trade."""

from collections.abc import Callable
from typing import Any

from tests.venue import bybit_shapes as shapes
from tests.venue.bybit_errors import NO_SUCH_ORDER, SPOT_NO_SUCH_ORDER, No, wrong
from tests.venue.bybit_params import (
    DAY_MS,
    WEEK_MS,
    Asked,
    in_category,
    market_of,
    number,
    page,
    span,
)
from tests.venue.bybit_spot import filter_of, spot_ticket
from tests.venue.engine import Engine
from tests.venue.matching import is_past
from tests.venue.model import (
    Account,
    Attached,
    Kind,
    Market,
    Order,
    PositionSide,
    Side,
    Status,
    Ticket,
    TriggerBy,
)

Private = Callable[[Account, Asked], Any]
_IDX = {0: PositionSide.BOTH, 1: PositionSide.LONG, 2: PositionSide.SHORT}
_ID_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
MOST_CLOSED = 500


class OrderEndpoints:
    """Orders and executions of an account."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.restarted_ms = 0  #: what ended before is in ``order/history`` only

    def routes(self) -> dict[tuple[str, str], Private]:
        """What is answered here, by method and path."""
        return {
            ("POST", "order/create"): self._create,
            ("POST", "order/amend"): self._amend,
            ("POST", "order/cancel"): self._cancel,
            ("POST", "order/cancel-all"): self._cancel_all,
            ("GET", "order/realtime"): self._realtime,
            ("GET", "order/history"): self._history,
            ("GET", "execution/list"): self._executions,
        }

    # --- placing --------------------------------------------------------------------------------

    def _create(self, account: Account, asked: Asked) -> Any:
        market = market_of(self.engine, asked)
        client_id = str(asked.get("orderLinkId", ""))
        if len(client_id) > 36 or client_id.strip(_ID_LETTERS):
            raise wrong("OrderLinkId is illegal")
        if asked.get("side") not in ("Buy", "Sell"):
            raise wrong("Side invalid")
        if asked.get("orderType") not in ("Market", "Limit"):
            raise wrong("OrderType invalid")
        if market.is_spot:
            ask = spot_ticket(self.engine, market, asked)
        else:
            ask = self._ticket(account, market, asked)
        order = self.engine.place(account, ask)
        return {"orderId": str(order.id), "orderLinkId": order.ask.client_id}

    def _ticket(self, account: Account, market: Market, asked: Asked) -> Ticket:
        side = Side(asked["side"].lower())
        ask = Ticket(
            client_id=str(asked.get("orderLinkId", "")), symbol=market.id, side=side,
            kind=_kind(asked, side), quantity=number(asked, "qty"),
            price=number(asked, "price") if asked["orderType"] == "Limit" else None,
            trigger=number(asked, "triggerPrice") if "triggerPrice" in asked else None,
            trigger_by=_by(asked.get("triggerBy")), attached=_attached(asked),
            reduce_only=bool(asked.get("reduceOnly")),
            position_side=position_side(account, market, asked),
            time_in_force="GTX" if asked.get("timeInForce") == "PostOnly"
            else asked.get("timeInForce", "GTC"),
        )  # fmt: skip
        self._on_the_right_side(ask)
        return ask

    def _on_the_right_side(self, ask: Ticket) -> None:
        base = ask.price or self.engine.prices[ask.symbol]
        for each in ask.attached:
            closing = Ticket(
                client_id="", symbol=ask.symbol, side=ask.side.other, kind=each.kind,
                trigger=each.trigger,
            )  # fmt: skip
            if is_past(closing, base):
                raise wrong("StopLoss or TakeProfit is on the wrong side of base_price")

    def _amend(self, account: Account, asked: Asked) -> Any:
        """What is not named stays; what changes nothing is an error."""
        order = self._wanted(account, asked)
        fields = (("triggerPrice", "trigger"), ("qty", "quantity"), ("price", "price"))
        wanted = {field: number(asked, name) for name, field in fields if name in asked}
        if all(getattr(order.ask, field) == value for field, value in wanted.items()):
            raise wrong("The order remains unchanged as the parameters entered match")
        self.engine.amend(account, order, **wanted)
        return {"orderId": str(order.id), "orderLinkId": order.ask.client_id}

    # --- ending ---------------------------------------------------------------------------------

    def _cancel(self, account: Account, asked: Asked) -> Any:
        """Of spot orders only those of the filter are found, plain ones without one."""
        order = self._wanted(account, asked)
        if order.ask.is_spot and filter_of(order) != asked.get("orderFilter", "Order"):
            raise No(*SPOT_NO_SUCH_ORDER)
        self.engine.cancel(account, order)
        return {"orderId": str(order.id), "orderLinkId": order.ask.client_id}

    def _cancel_all(self, account: Account, asked: Asked) -> Any:
        spot, wanted = asked.get("category") == "spot", asked.get("orderFilter", "")
        if not spot and not any(asked.get(each) for each in ("symbol", "baseCoin", "settleCoin")):
            raise wrong("Missing some parameters that must be filled in")
        fits = in_category(self.engine, asked)
        chosen = [
            order for order in account.open.values()
            if fits(order.ask.symbol) and _filtered(order, wanted or ("Order" if spot else ""))
        ]  # fmt: skip
        for order in chosen:
            if order.is_open:
                self.engine.cancel(account, order)
        rows = [{"orderId": str(each.id), "orderLinkId": each.ask.client_id} for each in chosen]
        return {"list": rows, "success": "1"}

    # --- reading --------------------------------------------------------------------------------

    def _wanted(self, account: Account, asked: Asked) -> Order:
        market = market_of(self.engine, asked)
        order = self._find(account, asked)
        if order is None or order.ask.is_spot is not market.is_spot:
            raise No(*(SPOT_NO_SUCH_ORDER if market.is_spot else NO_SUCH_ORDER))
        return order

    def _find(self, account: Account, asked: Asked) -> Order | None:
        if asked.get("orderId"):
            named = str(asked["orderId"])
            order_id = int(named) if named.isdigit() else 0
            return self.engine.find(account, order_id=order_id)
        return self.engine.find(account, client_id=asked.get("orderLinkId") or "?")

    def _realtime(self, account: Account, asked: Asked) -> Any:
        """Open orders; by id, or with ``openOnly``, closed ones too. An id unknown is no filter."""
        names = ("symbol", "baseCoin", "settleCoin", "orderId", "orderLinkId")
        if asked.get("category") != "spot" and not any(asked.get(each) for each in names):
            raise wrong("Missing some parameters that must be filled in, symbol or settleCoin")
        found = self._find(account, asked)
        if found is not None and self._is_recent(found):
            return page(asked, [shapes.order_row(self.engine, found)])
        if asked.get("openOnly") != "1":
            return self._rows(asked, list(account.open.values()))
        ended = [each for each in account.orders.values()
                 if not each.is_open and self._is_recent(each)]  # fmt: skip
        return self._rows(asked, ended[-MOST_CLOSED:])

    def _is_recent(self, order: Order) -> bool:
        return order.is_open or order.updated_ms >= self.restarted_ms

    def _history(self, account: Account, asked: Asked) -> Any:
        """What has ended, and nothing that is open."""
        named = asked.get("orderLinkId") or asked.get("orderId")
        found = self._find(account, asked)
        chosen = account.orders.values() if not named else [found] if found else []
        ended = [each for each in chosen if not each.is_open and self._is_kept(each)]
        return self._rows(asked, ended, timed=True)

    def _is_kept(self, order: Order) -> bool:
        """Never filled: for a day; partly filled, or filled: for two years."""
        if not self.engine.switches.windows:
            return True
        age_ms = self.engine.now_ms() - order.created_ms
        gone = order.status in (Status.CANCELED, Status.EXPIRED, Status.REJECTED)
        if gone and not order.filled:
            return age_ms <= DAY_MS
        return age_ms <= (730 * DAY_MS if order.filled else WEEK_MS)

    def _rows(self, asked: Asked, orders: list[Order], *, timed: bool = False) -> Any:
        fits, wanted = in_category(self.engine, asked), asked.get("orderFilter", "")
        since_ms, until_ms = span(asked, self.engine) if timed else _loosely(asked)
        rows = [
            shapes.order_row(self.engine, order) for order in reversed(orders)
            if fits(order.ask.symbol) and self.engine.shown(order) and _filtered(order, wanted)
            and since_ms <= order.created_ms <= until_ms
        ]  # fmt: skip
        return page(asked, rows)

    def _executions(self, account: Account, asked: Asked) -> Any:
        """An order's id is the only filter where there is one; funding is an execution as well."""
        named = bool(asked.get("orderId") or asked.get("orderLinkId"))
        since_ms, until_ms = _loosely({}) if named else span(asked, self.engine)
        fits, kind = in_category(self.engine, asked), asked.get("execType", "")
        trades = [
            (trade.at_ms, shapes.execution(self.engine, account, trade))
            for trade in account.trades
            if fits(trade.symbol)
            and asked.get("orderId", str(trade.order_id)) == str(trade.order_id)
            and asked.get("orderLinkId", trade.client_id) == trade.client_id
        ]  # fmt: skip
        funding = [
            (each.at_ms, shapes.funding_execution(self.engine, each))
            for each in account.bookings
            if not named and each.kind == "FUNDING_FEE" and fits(each.symbol)
        ]  # fmt: skip
        ordered = (
            sorted([*trades, *funding], key=lambda pair: -pair[0]) if funding else trades[::-1]
        )
        rows = [
            row for at_ms, row in ordered
            if since_ms <= at_ms <= until_ms and kind in ("", row["execType"])
        ]  # fmt: skip
        return page(asked, rows, default=50, most=100)


def position_side(account: Account, market: Market, asked: Asked) -> PositionSide:
    """``positionIdx``: 0 in one-way mode, 1 and 2 in hedge mode."""
    idx = int(asked.get("positionIdx") or 0)
    if idx not in _IDX or bool(idx) is not account.hedges(market.id):
        raise wrong("position idx not match position mode")
    return _IDX[idx]


def _loosely(asked: Asked) -> tuple[int, int]:
    return int(asked.get("startTime", 0)), int(asked.get("endTime", 10**18))


def _filtered(order: Order, wanted: str) -> bool:
    return not wanted or filter_of(order) == wanted


def _kind(asked: Asked, side: Side) -> Kind:
    if "triggerPrice" not in asked:
        return Kind.LIMIT if asked["orderType"] == "Limit" else Kind.MARKET
    direction = asked.get("triggerDirection")
    if direction not in (1, 2):
        raise wrong("TriggerDirection invalid")
    return Kind.STOP if (direction == 2) == (side is Side.SELL) else Kind.TAKE_PROFIT


def _by(named: Any) -> TriggerBy:
    return TriggerBy.MARK if named == "MarkPrice" else TriggerBy.LAST


def _attached(asked: Asked) -> tuple[Attached, ...]:
    wanted = (
        ("stopLoss", Kind.STOP, "slTriggerBy"),
        ("takeProfit", Kind.TAKE_PROFIT, "tpTriggerBy"),
    )
    found = tuple(
        Attached(kind=kind, trigger=number(asked, name), trigger_by=_by(asked.get(by)))
        for name, kind, by in wanted if name in asked
    )  # fmt: skip
    if found and asked.get("tpslMode") != "Full":
        raise wrong("tpslMode invalid")
    return found
