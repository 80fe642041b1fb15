"""HTX's v5 endpoints for USDT-margined swaps: orders, algo orders, positions, the account.

Sources: the pages "Place Order", "Cancel Order", "Get Order Info", "Get Current Orders", "Get
Order History", "Execution Details (last 3 days)", "Current Position", "Set Leverage", "Set
Position Mode" of HTX's v5 documents; answers as live clients have recorded them.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.venue import htx_shapes as shapes
from tests.venue.htx_engine import HtxEngine, is_forgotten, is_known_by_client_id
from tests.venue.htx_errors import (
    ALREADY_CANCELED,
    ALREADY_FILLED,
    CANCEL_UNKNOWN,
    ORDER_UNKNOWN,
    No,
    illegal,
    missing,
)
from tests.venue.model import (
    Account,
    Attached,
    Kind,
    MarginMode,
    Market,
    Order,
    Side,
    Status,
    Ticket,
    TriggerBy,
)
from tests.venue.spot import SpotMarket

Asked = dict[str, Any]
Handler = Callable[[Account, Any], Any]
HOUR_MS = 3_600_000
WINDOW_MS = 48 * HOUR_MS
DAY_MS = 24 * HOUR_MS
_USUAL, _MOST = 10, 100
_ALGO_TYPES = ("tp", "sl", "tpsl", "trigger", "trailing_stop")


class SwapEndpoints:
    """What one account may ask of its swaps."""

    def __init__(self, engine: HtxEngine) -> None:
        self._engine = engine
        #: Whether stops and targets with ``reduce_only`` are refused: clients disagree.
        self.refuses_reduce_only = False
        #: "Execution Details (last 3 days)"; the page's table says 90.
        self.fills_kept_days = 3
        self.orders_kept_days = 90

    def routes(self) -> dict[tuple[str, str], Handler]:
        """By method and path after ``/v5/``; what comes back is the answer's ``data``."""
        return {
            ("POST", "trade/order"): self._create,
            ("GET", "trade/order"): self._order,
            ("POST", "trade/cancel_order"): self._cancel,
            ("POST", "trade/cancel_all_orders"): self._cancel_all,
            ("GET", "trade/order/opens"): self._opens,
            ("GET", "trade/order/history"): self._history,
            ("GET", "trade/order/details"): self._executions,
            ("GET", "trade/position/opens"): self._positions,
            ("POST", "trade/position"): self._close,
            ("POST", "algo/order"): self._create_algo,
            ("GET", "algo/order"): self._algo,
            ("GET", "algo/order/opens"): self._algo_opens,
            ("GET", "algo/order/history"): self._algo_history,
            ("POST", "algo/cancel_orders"): self._cancel_algos,
            ("GET", "account/balance"): lambda a, _: shapes.swap_balance(self._engine, a),
            ("GET", "account/asset_mode"): lambda *_: {"asset_mode": 0},
            ("GET", "position/lever"): self._levers,
            ("POST", "position/lever"): self._set_lever,
            ("GET", "position/mode"): lambda a, _: {"position_mode": _mode_name(a)},
            ("POST", "position/mode"): self._set_mode,
        }

    # --- orders -----------------------------------------------------------------------------

    def _create(self, account: Account, asked: Asked) -> Any:
        market, mode = self._market(asked), _margin_mode(asked)
        side, position_side = _side(asked), self._position_side(account, asked)
        kind, price = _order_type(asked)
        ask = Ticket(
            client_id=_client_id(asked, "client_order_id"), symbol=market.id, side=side,
            kind=kind, quantity=_volume(asked, market), price=price,
            reduce_only=_flag(asked, "reduce_only"), time_in_force=_time_in_force(asked),
            attached=_attached(asked),
            extra={"margin_mode": mode.value, "position_side": position_side},
        )  # fmt: skip
        self._use_mode(account, market.id, mode, is_entry=not ask.reduce_only)
        order = self._engine.place(account, ask)
        return {"order_id": str(order.id), "client_order_id": ask.client_id or str(order.id)}

    def _use_mode(self, account: Account, symbol: str, mode: MarginMode, *, is_entry: bool) -> None:
        """Every order has a margin mode; a position keeps the one it was opened in."""
        if account.held(symbol) and self._engine.margin_mode(account, symbol) is not mode:
            if is_entry:
                raise No(1100, "Unable to open a position currently.")
            raise No(1492, "Amount of Reduce Only order exceeds the amount available to close.")
        account.margin_mode[symbol] = mode

    def _position_side(self, account: Account, asked: Asked) -> str:
        """ "both" in one-way mode, where it may be left out; "long" or "short" in hedge mode."""
        side = str(asked.get("position_side", "" if account.is_hedged else "both"))
        if side not in (("long", "short") if account.is_hedged else ("both",)):
            raise illegal("position_side")
        return side

    def _order(self, account: Account, asked: Asked) -> Any:
        _margin_mode(asked, required=False)
        order = self._find(account, asked, "order_id", "client_order_id", algo=False)
        if order is None or is_forgotten(order, self._engine.now_ms()):
            raise No(*ORDER_UNKNOWN)
        return shapes.swap_order(self._engine, account, order)

    def _cancel(self, account: Account, asked: Asked) -> Any:
        self._market(asked)
        order = self._find(account, asked, "order_id", "client_order_id", algo=False)
        self._end(account, order)
        assert order is not None
        return {"order_id": str(order.id),
                "client_order_id": order.ask.client_id or str(order.id)}  # fmt: skip

    def _end(self, account: Account, order: Order | None) -> None:
        if order is None:
            raise No(*CANCEL_UNKNOWN)
        if not order.is_open:
            done = order.status in (Status.FILLED, Status.TRIGGERED)
            raise No(*(ALREADY_FILLED if done else ALREADY_CANCELED))
        self._engine.cancel(account, order)

    def _cancel_all(self, account: Account, asked: Asked) -> Any:
        """Plain orders only."""
        market = self._market(asked)
        ended = []
        for order in self._engine.open_orders(account, market.id, conditional=False):
            self._engine.cancel(account, order)
            ended.append(
                {"code": 200, "message": "Success", "order_id": str(order.id),
                 "client_order_id": order.ask.client_id or str(order.id)}
            )  # fmt: skip
        if not ended:
            raise No(1051, "No orders to cancel.")
        return ended

    def _find(
        self, account: Account, asked: Asked, number: str, name: str, *, algo: bool
    ) -> Order | None:
        """By the exchange's id, which wins; by the client's, while that is valid."""
        if asked.get(number):
            said = str(asked[number])
            order_id = int(said) if said.isdigit() else 0
            order = self._engine.find(account, order_id=order_id, conditional=algo)
            return order if order is not None and self._is_swap(order) else None
        if not asked.get(name):
            raise missing(number)
        client_id, now_ms = str(asked[name]), self._engine.now_ms()
        named = account.by_client_id.get((algo, client_id), [])
        for order in reversed(named):
            is_known = is_known_by_client_id(order, now_ms, spot=False)
            if is_known and self._is_swap(order) and self._engine.shown(order):
                return order
        return None

    def _is_swap(self, order: Order) -> bool:
        return not self._engine.is_spot(order.ask.symbol)

    def _opens(self, account: Account, asked: Asked) -> Any:
        orders = self._open(account, asked, algo=False)
        if asked.get("order_id") or asked.get("client_order_id"):
            found = self._find(account, asked, "order_id", "client_order_id", algo=False)
            orders = [each for each in orders if each is found]
        rows = [shapes.swap_order(self._engine, account, each) for each in orders]
        return _page(asked, rows)

    def _open(self, account: Account, asked: Asked, *, algo: bool) -> list[Order]:
        symbol = self._market(asked).id if asked.get("contract_code") else ""
        found = self._engine.open_orders(account, symbol, conditional=algo)
        mode = asked.get("margin_mode", "")
        return [
            order for order in found
            if self._is_swap(order) and mode in ("", order.ask.extra.get("margin_mode", "cross"))
        ]  # fmt: skip

    def _history(self, account: Account, asked: Asked) -> Any:
        """What has ended, by ``state``; canceled orders without a fill for two hours only."""
        market, mode = self._market(asked), _margin_mode(asked)
        since_ms, until_ms = self._span(asked, self.orders_kept_days)
        states = [each for each in str(asked.get("state", "")).split(",") if each]
        now_ms = self._engine.now_ms()
        rows = [
            shapes.swap_order(self._engine, account, order) for order in account.orders.values()
            if order.ask.symbol == market.id and not order.is_open and not order.is_conditional
            and self._engine.shown(order) and not is_forgotten(order, now_ms)
            and order.ask.extra.get("margin_mode", "cross") == mode.value
            and since_ms <= order.created_ms <= until_ms
            and (not states or shapes.swap_state(order) in states)
        ]  # fmt: skip
        return _page(asked, rows)

    def _executions(self, account: Account, asked: Asked) -> Any:
        symbol = self._market(asked).id if asked.get("contract_code") else ""
        since_ms, until_ms = self._span(asked, self.fills_kept_days)
        rows = [
            shapes.execution(self._engine, account, trade) for trade in account.trades
            if not self._engine.is_spot(trade.symbol) and symbol in ("", trade.symbol)
            and str(asked.get("order_id") or trade.order_id) == str(trade.order_id)
            and since_ms <= trade.at_ms <= until_ms
            and self._engine.shown(account.orders[trade.order_id])
        ]  # fmt: skip
        return _page(asked, rows)

    def _span(self, asked: Asked, kept_days: int) -> tuple[int, int]:
        """48 hours at most: from the start if only that is named, else before the end."""
        now_ms = self._engine.now_ms()
        since, until = asked.get("start_time"), asked.get("end_time")
        if since and not until:
            since_ms = int(since)
            until_ms = since_ms + WINDOW_MS
        else:
            until_ms = int(until) if until else now_ms
            since_ms = max(int(since or 0), until_ms - WINDOW_MS)
        return max(since_ms, now_ms - kept_days * DAY_MS), until_ms

    # --- algo orders ------------------------------------------------------------------------

    def _create_algo(self, account: Account, asked: Asked) -> Any:
        """A stop, a target or a trigger order; ``position_side`` is required, also "both"."""
        market, mode, kind = self._market(asked), _margin_mode(asked), str(asked.get("type", ""))
        if kind not in ("sl", "tp", "trigger"):
            raise illegal("type")
        if not asked.get("position_side"):
            raise illegal("position_side")
        side, position_side = _side(asked), self._position_side(account, asked)
        if kind != "trigger" and self.refuses_reduce_only and "reduce_only" in asked:
            raise illegal("reduce_only")
        trigger, price, by = _trigger(asked, kind)
        ask = Ticket(
            client_id=_client_id(asked, "algo_client_order_id"), symbol=market.id, side=side,
            kind=self._kind(market, side, kind, trigger), quantity=_volume(asked, market),
            price=price, trigger=trigger, trigger_by=by,
            reduce_only=_flag(asked, "reduce_only") or account.is_hedged,
            extra={"margin_mode": mode.value, "position_side": position_side, "algo_type": kind},
        )  # fmt: skip
        self._use_mode(account, market.id, mode, is_entry=not ask.reduce_only)
        order = self._engine.place(account, ask)
        return [{"algo_id": str(order.id), "algo_client_order_id": ask.client_id or None}]

    def _kind(self, market: Market, side: Side, kind: str, trigger: Decimal) -> Kind:
        """A trigger order waits for its price from where the price is."""
        if kind != "trigger":
            return Kind.STOP if kind == "sl" else Kind.TAKE_PROFIT
        falls = trigger < self._engine.prices[market.id]
        return Kind.STOP if falls == (side is Side.SELL) else Kind.TAKE_PROFIT

    def _algo(self, account: Account, asked: Asked) -> Any:
        """A list of one, or an empty one."""
        kind = _algo_kind(asked)
        order = self._find(account, asked, "algo_id", "algo_client_order_id", algo=True)
        if order is None or shapes.algo_type(order) != kind:
            return []
        if is_forgotten(order, self._engine.now_ms()) and order.child_id is None:
            return []
        return [shapes.algo_order(self._engine, order)]

    def _algo_opens(self, account: Account, asked: Asked) -> Any:
        kind, orders = _algo_kind(asked), self._open(account, asked, algo=True)
        if asked.get("algo_id") or asked.get("algo_client_order_id"):
            found = self._find(account, asked, "algo_id", "algo_client_order_id", algo=True)
            orders = [each for each in orders if each is found]
        wanted = [each for each in orders if shapes.algo_type(each) == kind]
        return _page(asked, [shapes.algo_order(self._engine, each) for each in wanted])

    def _algo_history(self, account: Account, asked: Asked) -> Any:
        kind, market = _algo_kind(asked), self._market(asked)
        since_ms, until_ms = self._span(asked, self.orders_kept_days)
        states = [each for each in str(asked.get("state", "")).split(",") if each]
        rows = [
            shapes.algo_order(self._engine, order) for order in account.orders.values()
            if order.is_conditional and not order.is_open and order.ask.symbol == market.id
            and self._engine.shown(order) and shapes.algo_type(order) == kind
            and since_ms <= order.created_ms <= until_ms
            and (not states or shapes.algo_state(order) in states)
        ]  # fmt: skip
        return _page(asked, rows)

    def _cancel_algos(self, account: Account, asked: Any) -> Any:
        """A list of orders; each has a code of its own, the code of the whole answer is 200."""
        if not isinstance(asked, list):
            raise illegal("body")
        done = []
        for each in asked:
            number, name = str(each.get("algo_id", "")), str(each.get("algo_client_order_id", ""))
            row = {"algo_id": number, "algo_client_order_id": name, "code": 200,
                   "message": "Success"}  # fmt: skip
            try:
                order = self._find(account, each, "algo_id", "algo_client_order_id", algo=True)
                self._end(account, order)
            except No as e:
                row |= {"code": e.code, "message": e.text}
            done.append(row)
        return done

    # --- the account ------------------------------------------------------------------------

    def _positions(self, account: Account, asked: Asked) -> Any:
        wanted = [self._market(asked)] if asked.get("contract_code") else self._engine.perpetuals()
        return [
            shapes.position(self._engine, account, each.id)
            for each in wanted
            if account.held(each.id)
        ]

    def _close(self, account: Account, asked: Asked) -> Any:
        """The whole position at the market price."""
        market, held = self._market(asked), account.position(self._market(asked).id)
        if not held.quantity:
            raise No(1048, "Insufficient close amount available.")
        mode = self._engine.margin_mode(account, market.id)
        ask = Ticket(
            client_id=_client_id(asked, "client_order_id"), symbol=market.id, side=held.closing,
            kind=Kind.MARKET, quantity=abs(held.quantity), reduce_only=True,
            extra={"margin_mode": mode.value, "position_side": "both"},
        )  # fmt: skip
        order = self._engine.place(account, ask)
        return {"order_id": str(order.id), "client_order_id": ask.client_id or str(order.id)}

    def _levers(self, account: Account, asked: Asked) -> Any:
        markets = [self._market(asked)] if asked.get("contract_code") else self._engine.perpetuals()
        return [
            {
                "contract_code": each.id, "contract_type": "swap", "margin_mode": mode,
                "position_side": "both", "available_lever": "1,2,3,5,10,20,50,100",
                "lever_rate": self._engine.leverage_in(
                    account, each.id, isolated=mode == "isolated"
                ),
            }
            for each in markets for mode in ("cross", "isolated")
            if asked.get("margin_mode", mode) == mode
        ]  # fmt: skip

    def _set_lever(self, account: Account, asked: Asked) -> Any:
        market, mode = self._market(asked), _margin_mode(asked)
        said = str(asked.get("lever_rate", ""))
        if not said.isdigit():
            raise illegal("lever_rate")
        isolated = mode is MarginMode.ISOLATED
        self._engine.set_leverage_in(account, market.id, int(said), isolated=isolated)
        return {"contract_code": market.id, "margin_mode": mode.value, "lever_rate": int(said)}

    def _set_mode(self, account: Account, asked: Asked) -> Any:
        wanted = asked.get("position_mode")
        if wanted not in ("single_side", "dual_side"):
            raise illegal("position_mode")
        hedged = wanted == "dual_side"
        is_used = any(account.held(each.id) for each in self._engine.perpetuals())
        swaps = [order for order in account.open.values() if self._is_swap(order)]
        if hedged is not account.is_hedged and (is_used or swaps):
            raise No(1421, "There are open orders or positions of the current contract.")
        account.is_hedged = hedged
        return {"position_mode": wanted}

    def _market(self, asked: Asked) -> Market:
        code = str(asked.get("contract_code", "")).upper()
        if not code:
            raise missing("contract_code")
        market = self._engine.market_of(code)
        if isinstance(market, SpotMarket):
            raise illegal("contract_code")
        return market


def _mode_name(account: Account) -> str:
    return "dual_side" if account.is_hedged else "single_side"


def _margin_mode(asked: Asked, *, required: bool = True) -> MarginMode:
    said = asked.get("margin_mode", "" if required else "cross")
    if said not in ("cross", "isolated"):
        raise illegal("margin_mode")
    return MarginMode(said)


def _side(asked: Asked) -> Side:
    if asked.get("side") not in ("buy", "sell"):
        raise illegal("side")
    return Side(asked["side"])


def _number(asked: Asked, name: str) -> Decimal:
    """Text or a number."""
    value = asked.get(name)
    if value in (None, "") or isinstance(value, bool | list | dict):
        raise missing(name)
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise illegal(name) from None


def _volume(asked: Asked, market: Market) -> Decimal:
    """Whole contracts, in base units."""
    volume = _number(asked, "volume")
    if volume <= 0 or volume % 1:
        raise illegal("volume")
    return volume * market.contract_size


def _client_id(asked: Asked, name: str) -> str:
    """A whole number of 1 to 2^63 - 1."""
    value = asked.get(name)
    if value in (None, ""):
        return ""
    said = str(value)
    if isinstance(value, bool | float) or not said.isdigit() or not 1 <= int(said) < 2**63:
        raise illegal(name)
    return str(int(said))


def _flag(asked: Asked, name: str) -> bool:
    """0 or 1; true and false are not numbers."""
    value = asked.get(name, 0)
    if isinstance(value, bool) or str(value) not in ("0", "1"):
        raise illegal(name)
    return str(value) == "1"


def _order_type(asked: Asked) -> tuple[Kind, Decimal | None]:
    kind = asked.get("type")
    if kind not in ("market", "limit", "post_only"):
        raise illegal("type")
    if kind == "market":
        return Kind.MARKET, None
    return Kind.LIMIT, _number(asked, "price")


def _time_in_force(asked: Asked) -> str:
    said = str(asked.get("time_in_force", "gtc")).upper()
    if said not in ("GTC", "IOC", "FOK"):
        raise illegal("time_in_force")
    return "GTX" if asked.get("type") == "post_only" else said


def _attached(asked: Asked) -> tuple[Attached, ...]:
    found = []
    for name, kind in (("sl", Kind.STOP), ("tp", Kind.TAKE_PROFIT)):
        if asked.get(f"{name}_trigger_price"):
            by = _trigger_by(asked, f"{name}_trigger_price_type")
            trigger = _number(asked, f"{name}_trigger_price")
            found.append(Attached(kind=kind, trigger=trigger, trigger_by=by))
        elif asked.get(f"{name}_order_price") or asked.get(f"{name}_type"):
            raise missing(f"{name}_trigger_price")
    return tuple(found)


def _trigger(asked: Asked, kind: str) -> tuple[Decimal, Decimal | None, TriggerBy]:
    """Trigger price, the limit it becomes if it has one, and what is watched."""
    prefix = "" if kind == "trigger" else f"{kind}_"
    trigger = _number(asked, f"{prefix}trigger_price")
    named = "price" if kind == "trigger" else f"{prefix}order_price"
    said = str(asked.get(f"{prefix}type", "market")) if prefix else "limit"
    if said not in ("market", "limit"):
        raise illegal(f"{prefix}type")
    is_limit = said == "limit" and bool(asked.get(named))
    if prefix and said == "limit" and not is_limit:
        raise missing(named)
    price = _number(asked, named) if is_limit else None
    return trigger, price, _trigger_by(asked, f"{prefix}trigger_price_type")


def _trigger_by(asked: Asked, name: str) -> TriggerBy:
    """The documents spell the mark price "mark" and "market"."""
    said = asked.get(name) or "last"
    if said not in ("last", "mark", "market"):
        raise illegal(name)
    return TriggerBy.LAST if said == "last" else TriggerBy.MARK


def _algo_kind(asked: Asked) -> str:
    if asked.get("type") not in _ALGO_TYPES:
        raise illegal("type")
    return str(asked["type"])


def _page(asked: Asked, rows: list[Any]) -> list[Any]:
    """Ten rows unless asked for more, 100 at most, in the order of their ids.

    "next" goes on after ``from``, "prev" goes back before it.
    """
    limit = min(int(asked.get("limit") or _USUAL), _MOST)
    start = int(asked.get("from") or 0)
    ordered = sorted(rows, key=lambda row: int(row["id"]))
    if asked.get("direct") == "prev" and start:
        return [row for row in reversed(ordered) if int(row["id"]) < start][:limit]
    return [row for row in ordered if int(row["id"]) > start][:limit]
