"""HTX's spot endpoints: accounts, orders, match results, conditional orders.

Sources: "Place a New Order", "Submit Cancel for an Order", "Get All Open Orders", "Search Past
Orders", "Search Match Results", "Place a conditional order" and the glossary of IDs in HTX's spot
documents.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.venue import htx_shapes as shapes
from tests.venue.htx_engine import HtxEngine, is_forgotten, is_known_by_client_id
from tests.venue.htx_errors import Family, No, bad_format, no
from tests.venue.model import Account, Kind, Order, Reason, Side, Ticket
from tests.venue.spot import SpotMarket, to_lot

Asked = dict[str, Any]
Handler = Callable[[Account, Asked], Any]
_ID_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
HOUR_MS = 3_600_000
WINDOW_MS = 48 * HOUR_MS
_DAY_MS = 24 * HOUR_MS
_MATCHES_KEPT_MS = 120 * _DAY_MS
_ORDERS_KEPT_MS = 180 * _DAY_MS
_KINDS = {
    "market": "GTC", "limit": "GTC", "ioc": "IOC", "limit-maker": "GTX", "limit-fok": "FOK",
    "stop-limit": "GTC", "stop-limit-fok": "FOK",
}  # fmt: skip
ORDERS = "/v1/order/orders"


class SpotEndpoints:
    """What one account may ask of its coins."""

    def __init__(self, engine: HtxEngine) -> None:
        self._engine = engine

    def routes(self) -> dict[tuple[str, str], Handler]:
        """By method and path; what comes back is the answer's ``data``."""
        return {
            ("GET", "/v1/account/accounts"): lambda *_: [
                {"id": shapes.SPOT_ACCOUNT, "type": "spot", "subtype": "", "state": "working"},
                {"id": 5_202_591, "type": "point", "subtype": "", "state": "working"},
            ],
            ("GET", f"/v1/account/accounts/{shapes.SPOT_ACCOUNT}/balance"): self._balance,
            ("POST", f"{ORDERS}/place"): self._create,
            ("POST", f"{ORDERS}/submitCancelClientOrder"): self._cancel_named,
            ("GET", f"{ORDERS}/getClientOrder"): self._named,
            ("GET", "/v1/order/openOrders"): self._opens,
            ("POST", f"{ORDERS}/batchCancelOpenOrders"): self._cancel_all,
            ("GET", ORDERS): self._past,
            ("GET", "/v1/order/history"): self._history,
            ("GET", "/v1/order/matchresults"): self._matches,
            ("POST", "/v2/algo-orders"): self._create_conditional,
            ("POST", "/v2/algo-orders/cancellation"): self._cancel_conditional,
            ("GET", "/v2/algo-orders/opening"): self._open_conditional,
            ("GET", "/v2/algo-orders/history"): self._conditional_history,
            ("GET", "/v2/algo-orders/specific"): self._one_conditional,
            ("GET", "/v2/user/uid"): lambda *_: 41_434_234,
            ("GET", "/v2/user/api-key"): self._keys,
        }

    def numbered(self, method: str, path: str) -> Handler | None:
        """The handler of a path that names an order by its id."""
        parts = path.removeprefix(f"{ORDERS}/").split("/")
        if not path.startswith(f"{ORDERS}/") or not parts[0].isdigit():
            return None
        order_id = int(parts[0])
        match method, parts[1:]:
            case "GET", []:
                return lambda account, _: self._order(account, order_id)
            case "GET", ["matchresults"]:
                return lambda account, _: self._matches_of(account, order_id)
            case "POST", ["submitcancel"]:
                return lambda account, _: self._cancel(account, self._by_id(account, order_id))
        return None

    # --- orders -----------------------------------------------------------------------------

    def _balance(self, account: Account, _: Asked) -> Any:
        rows = shapes.spot_balance(self._engine, account)
        return {"id": shapes.SPOT_ACCOUNT, "type": "spot", "state": "working", "list": rows}

    def _create(self, account: Account, asked: Asked) -> Any:
        """The order's id as text, and nothing else."""
        if str(asked.get("account-id", "")) != str(shapes.SPOT_ACCOUNT):
            raise No("account-account-id-inexistent", "The account id doesn't exist")
        market = self._market(asked)
        side, _, kind = str(asked.get("type", "")).partition("-")
        if side not in ("buy", "sell") or kind not in _KINDS:
            raise No("order-type-invalid", "Order type is invalid")
        is_stop = kind.startswith("stop-")
        trigger, direction = None, Kind.LIMIT
        if is_stop:
            if not asked.get("stop-price") or asked.get("operator") not in ("gte", "lte"):
                raise No("parameter-required", "Stop-price or operator parameter is missing")
            trigger = _number(asked, "stop-price")
            direction = _direction(Side(side), falls=asked["operator"] == "lte")
        amount, price = _number(asked, "amount"), None
        if kind != "market":
            price = _number(asked, "price")
        quantity = self._bought(market, amount) if (side, kind) == ("buy", "market") else amount
        kind_of = direction if is_stop else Kind.MARKET if price is None else Kind.LIMIT
        ask = Ticket(
            client_id=_client_id(asked.get("client-order-id")), symbol=market.id, side=Side(side),
            kind=kind_of, quantity=quantity, price=price, trigger=trigger,
            time_in_force=_KINDS[kind],
            extra={"type": asked["type"], "amount": shapes.plain(amount), "keeps_id": True,
                   "operator": asked.get("operator")},
        )  # fmt: skip
        return str(self._engine.place(account, ask).id)

    def _bought(self, market: SpotMarket, cost: Decimal) -> Decimal:
        """What a market buy for ``cost`` gets."""
        if cost < market.min_notional:
            raise no(Reason.NOTIONAL, Family.SPOT)
        slippage = self._engine.slippage.get(market.id, Decimal(0))
        return to_lot(cost / (self._engine.prices[market.id] * (1 + slippage)), market)

    def _market(self, asked: Asked) -> SpotMarket:
        market = self._engine.markets.get(str(asked.get("symbol", "")))
        if not isinstance(market, SpotMarket):
            raise no(Reason.UNKNOWN_SYMBOL, Family.SPOT)
        return market

    def _by_id(self, account: Account, order_id: int) -> Order | None:
        order = self._engine.find(account, order_id=order_id)
        if order is None or not self._engine.is_spot(order.ask.symbol) or _is_algo(order):
            return None
        return order

    def _by_name(self, account: Account, name: str, *, algo: bool = False) -> Order | None:
        """The newest order with this client id, while the id is valid."""
        now_ms = self._engine.now_ms()
        found = [
            order for group in (False, True)
            for order in account.by_client_id.get((group, name), ())
            if self._engine.is_spot(order.ask.symbol) and self._engine.shown(order)
            and _is_algo(order) is algo
        ]  # fmt: skip
        known = (each for each in found if is_known_by_client_id(each, now_ms, spot=True))
        return max(known, key=lambda each: each.id, default=None)

    def _order(self, account: Account, order_id: int) -> Any:
        order = self._by_id(account, order_id)
        if order is None or is_forgotten(order, self._engine.now_ms()):
            raise no(Reason.NO_SUCH_ORDER, Family.SPOT)
        return shapes.spot_order(order)

    def _named(self, account: Account, asked: Asked) -> Any:
        order = self._by_name(account, str(asked.get("clientOrderId", "")))
        if order is None:
            raise no(Reason.NO_SUCH_ORDER, Family.SPOT)
        return shapes.spot_order(order)

    def _cancel(self, account: Account, order: Order | None) -> Any:
        if order is None:
            raise no(Reason.NO_SUCH_ORDER, Family.SPOT)
        self._engine.cancel(account, order)
        return str(order.id)

    def _cancel_named(self, account: Account, asked: Asked) -> Any:
        """A code of its own instead of an error: 0 for none, 7 for canceled, 10 for canceling."""
        name = str(asked.get("client-order-id", ""))
        if not name:
            raise No("validation-constraints-required", "Field is missing: client-order-id.")
        order = self._by_name(account, name)
        if order is None:
            return 0
        if not order.is_open:
            return 6 if shapes.spot_state(order) == "filled" else 7
        self._engine.cancel(account, order)
        return 10

    def _opens(self, account: Account, asked: Asked) -> Any:
        """Newest first, 100 unless asked for more, 500 at most; no conditional orders."""
        symbol, side = str(asked.get("symbol", "")), asked.get("side")
        orders = [
            each for each in self._engine.open_orders(account, symbol)
            if self._engine.is_spot(each.ask.symbol) and not _is_algo(each)
            and side in (None, each.ask.side.value)
        ]  # fmt: skip
        rows = [shapes.open_spot_order(each) for each in reversed(orders)]
        return _page(asked, rows, most=500)

    def _cancel_all(self, account: Account, asked: Asked) -> Any:
        symbols = [each for each in str(asked.get("symbol", "")).split(",") if each]
        done = 0
        for order in self._engine.open_orders(account):
            is_own = self._engine.is_spot(order.ask.symbol) and not _is_algo(order)
            if is_own and (not symbols or order.ask.symbol in symbols) and done < 100:
                self._engine.cancel(account, order)
                done += 1
        return {"success-count": done, "failed-count": 0, "next-id": -1}

    def _past(self, account: Account, asked: Asked) -> Any:
        """One symbol, the states asked for, 48 hours at most."""
        market = self._market(asked)
        states = [each for each in str(asked.get("states", "")).split(",") if each]
        if not states:
            raise No("validation-constraints-required", "Field is missing: states.")
        since_ms, until_ms = self._span(asked, _ORDERS_KEPT_MS)
        now_ms = self._engine.now_ms()
        rows = [
            shapes.spot_order(order) for order in reversed(account.orders.values())
            if order.ask.symbol == market.id and not _is_algo(order) and self._engine.shown(order)
            and not is_forgotten(order, now_ms) and shapes.spot_state(order) in states
            and since_ms <= order.created_ms <= until_ms
        ]  # fmt: skip
        return _page(asked, rows, most=100)

    def _history(self, account: Account, asked: Asked) -> Any:
        states = "filled,partial-canceled,canceled"
        symbols = [str(asked["symbol"])] if asked.get("symbol") else [
            each.id for each in self._engine.spot_markets()
        ]  # fmt: skip
        rows = [
            row for symbol in symbols
            for row in self._past(account, {**asked, "symbol": symbol, "states": states})
        ]  # fmt: skip
        return rows[: min(int(asked.get("size") or 100), 1_000)]

    def _span(self, asked: Asked, kept_ms: int) -> tuple[int, int]:
        """48 hours at most, from the start if only that is named, else before the end."""
        now_ms = self._engine.now_ms()
        since, until = asked.get("start-time"), asked.get("end-time")
        if since and until:
            since_ms, until_ms = int(since), int(until)
            if not 0 < until_ms - since_ms <= WINDOW_MS:
                raise No("invalid-interval", "Query window is zero, negative or too large")
        elif since:
            since_ms = int(since)
            until_ms = since_ms + WINDOW_MS
        else:
            until_ms = int(until or now_ms)
            since_ms = until_ms - WINDOW_MS
        if until_ms < now_ms - kept_ms:
            raise No("base-date-limit-error", "date less than system limit")
        return max(since_ms, now_ms - kept_ms), until_ms

    def _matches(self, account: Account, asked: Asked) -> Any:
        """Newest first, 100 unless asked for more, 500 at most, 48 hours at most."""
        since_ms, until_ms = self._span(asked, _MATCHES_KEPT_MS)
        rows = [
            shapes.match_result(self._engine, account, trade) for trade in reversed(account.trades)
            if self._engine.is_spot(trade.symbol)
            and asked.get("symbol", trade.symbol) == trade.symbol
            and since_ms <= trade.at_ms <= until_ms
            and self._engine.shown(account.orders[trade.order_id])
        ]  # fmt: skip
        return _page(asked, rows, most=500)

    def _matches_of(self, account: Account, order_id: int) -> Any:
        order = self._by_id(account, order_id)
        if order is None:
            raise no(Reason.NO_SUCH_ORDER, Family.SPOT)
        return [
            shapes.match_result(self._engine, account, trade)
            for trade in account.trades
            if trade.order_id == order_id
        ]

    # --- conditional orders -----------------------------------------------------------------

    def _create_conditional(self, account: Account, asked: Asked) -> Any:
        """It holds no coins, and fails when it triggers without enough of them."""
        market, name = self._market(asked), _client_id(asked.get("clientOrderId"))
        side, kind = asked.get("orderSide"), asked.get("orderType")
        if side not in ("buy", "sell") or kind not in ("limit", "market") or not name:
            raise No(2002, "invalid field value in request")
        trigger = _number(asked, "stopPrice")
        price = _number(asked, "orderPrice") if kind == "limit" else None
        extra: dict[str, Any] = {"type": f"{side}-{kind}", "conditional": True}
        if (side, kind) == ("buy", "market"):
            value = _number(asked, "orderValue")
            quantity, extra["value"] = to_lot(value / trigger, market), shapes.plain(value)
        else:
            quantity = _number(asked, "orderSize")
        falls = trigger < self._engine.prices[market.id]
        ask = Ticket(
            client_id=name, symbol=market.id, side=Side(str(side)), price=price, trigger=trigger,
            kind=_direction(Side(str(side)), falls=falls), quantity=quantity, extra=extra,
        )  # fmt: skip
        self._engine.place(account, ask)
        return {"clientOrderId": name}

    def _cancel_conditional(self, account: Account, asked: Asked) -> Any:
        accepted, rejected = [], []
        for name in asked.get("clientOrderIds", ()):
            order = self._by_name(account, str(name), algo=True)
            if order is None or not order.is_open:
                rejected.append(name)
            else:
                self._engine.cancel(account, order)
                accepted.append(name)
        return {"accepted": accepted, "rejected": rejected}

    def _conditional(self, account: Account, asked: Asked, *, is_open: bool) -> Any:
        rows = [
            shapes.conditional(order, account) for order in reversed(account.orders.values())
            if _is_algo(order) and order.is_conditional and order.is_open is is_open
            and self._engine.shown(order)
            and asked.get("symbol", order.ask.symbol) == order.ask.symbol
        ]  # fmt: skip
        return rows[: min(int(asked.get("limit") or 100), 500)]

    def _open_conditional(self, account: Account, asked: Asked) -> Any:
        return self._conditional(account, asked, is_open=True)

    def _conditional_history(self, account: Account, asked: Asked) -> Any:
        self._market(asked)
        return self._conditional(account, asked, is_open=False)

    def _one_conditional(self, account: Account, asked: Asked) -> Any:
        order = self._by_name(account, str(asked.get("clientOrderId", "")), algo=True)
        if order is None:
            raise No(3003, "The record does not exist")
        return shapes.conditional(order, account)

    def _keys(self, account: Account, asked: Asked) -> Any:
        if not asked.get("uid"):
            raise No(2002, "invalid field value in uid")
        rights = ["readOnly"] + (["trade"] if account.can_trade else [])
        rights += ["withdraw"] if account.can_withdraw else []
        return [
            {"accessKey": account.key, "status": "normal", "note": "", "validDays": -1,
             "permission": ",".join(rights), "createTime": 1_615_192_704_000,
             "updateTime": 1_623_030_338_000,
             "ipAddresses": "127.0.0.1" if account.is_ip_bound else ""}
        ]  # fmt: skip


def _is_algo(order: Order) -> bool:
    """Whether an order belongs to ``/v2/algo-orders``; what it became does not."""
    return order.is_conditional and bool(order.ask.extra.get("conditional"))


def _direction(side: Side, *, falls: bool) -> Kind:
    return Kind.STOP if falls == (side is Side.SELL) else Kind.TAKE_PROFIT


def _number(asked: Asked, name: str) -> Decimal:
    value = asked.get(name)
    if value in (None, ""):
        raise No("validation-constraints-required", f"Field is missing: {name}.")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise bad_format(name) from None
    if number <= 0:
        raise No("invalid-amount", f"Paramemter `{name}` is invalid.")
    return number


def _client_id(value: Any) -> str:
    said = "" if value is None else str(value)
    if len(said) > 64 or said.strip(_ID_LETTERS):
        raise bad_format("client-order-id")
    return said


def _page(asked: Asked, rows: list[Any], *, most: int) -> list[Any]:
    """Newest first; "next" goes on after the record ``from``, "prev" back before it."""
    size = int(asked.get("size") or 100)
    if not 1 <= size <= most:
        raise No("validation-format-error", f"Format Error: size, valid range [1,{most}].")
    start = int(asked.get("from") or 0)
    if not start:
        return rows[:size]
    if asked.get("direct") == "prev":
        return [row for row in reversed(rows) if int(row["id"]) > start][:size]
    return [row for row in rows if int(row["id"]) < start][:size]
