"""MEXC's contract endpoints for one account: orders, plan orders, stop orders, positions.

Sources: the sections of "Account and trading endpoints" in MEXC's contract v1 documents.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.venue import mexc_shapes as shapes
from tests.venue.mexc_engine import LIVES_MS, MexcEngine, is_plan_order, is_stop_order
from tests.venue.mexc_errors import No, no, parameter
from tests.venue.model import (
    Account,
    Attached,
    Kind,
    MarginMode,
    Market,
    Order,
    Reason,
    Side,
    Ticket,
    TriggerBy,
)
from tests.venue.spot import SpotMarket

Asked = dict[str, Any]
Handler = Callable[[Account, Any], Any]
DAY_MS = 86_400_000
_USUAL, _MOST = 20, 100
_MODES = {1: MarginMode.ISOLATED, 2: MarginMode.CROSS}
_TIMES = {1: "GTC", 2: "GTX", 3: "IOC", 4: "FOK", 5: "GTC", 6: "GTC"}


class SwapEndpoints:
    """What one account may ask of its contracts."""

    def __init__(self, engine: MexcEngine) -> None:
        self._engine = engine
        #: Whether plan orders with ``reduceOnly`` are refused: the documents do not name it there.
        self.refuses_reduce_only = False

    def routes(self) -> dict[tuple[str, str], Handler]:
        """By method and path after ``/api/v1/private/``; the answer's ``data``."""
        return {
            ("POST", "order/create"): self._create,
            ("POST", "order/submit"): lambda a, p: int(self._create(a, p)["orderId"]),
            ("POST", "order/cancel"): self._cancel,
            ("POST", "order/cancel_with_external"): self._cancel_named,
            ("POST", "order/cancel_all"): self._cancel_all,
            ("GET", "order/list/open_orders"): self._opens,
            ("GET", "order/list/history_orders"): self._history,
            ("GET", "order/list/order_deals"): self._deals,
            ("POST", "planorder/place"): self._create_plan,
            ("POST", "planorder/cancel"): self._cancel_plans,
            ("POST", "planorder/cancel_all"): self._cancel_all_plans,
            ("GET", "planorder/list/orders"): self._plans,
            ("POST", "stoporder/place"): self._create_stop,
            ("POST", "stoporder/cancel"): self._cancel_stops,
            ("POST", "stoporder/cancel_all"): self._cancel_all_stops,
            ("POST", "stoporder/change_plan_price"): self._change_stop,
            ("GET", "stoporder/list/orders"): self._stops,
            ("GET", "account/assets"): lambda a, _: [shapes.asset(self._engine, a)],
            ("GET", "position/open_positions"): self._positions,
            ("GET", "position/leverage"): self._leverages,
            ("POST", "position/change_leverage"): self._set_leverage,
            ("GET", "position/position_mode"): lambda a, _: 1 if a.is_hedged else 2,
            ("POST", "position/change_position_mode"): self._set_mode,
        }

    def numbered(self, method: str, path: str) -> Handler | None:
        """The handler of a path that names an order, a contract or a client's id."""
        match method, path.split("/"):
            case "GET", ["order", "get", number]:
                return lambda account, _: self._order(account, self._by_id(account, number))
            case "GET", ["order", "external", symbol, name]:
                return lambda account, _: self._order(account, self._by_name(account, symbol, name))
            case "GET", ["order", "deal_details", number]:
                return lambda account, _: self._deals_of(account, number)
            case "GET", ["order", "list", "open_orders", symbol]:
                return lambda account, asked: self._opens(account, {**asked, "symbol": symbol})
            case "GET", ["account", "asset", code]:
                return lambda account, _: (
                    shapes.asset(self._engine, account) if code == account.currency else None
                )
        return None

    # --- orders -----------------------------------------------------------------------------

    def _create(self, account: Account, asked: Asked) -> Any:
        """Only ``reduceOnly`` reduces in one-way mode, only sides 2 and 4 do in hedge mode."""
        market = self._market(asked)
        kind = _choice(asked, "type", (1, 2, 3, 4, 5, 6), 2029, "Error order type")
        side, closes = self._side(account, asked)
        name = _external(asked)
        self._use(account, market, asked, side, closes=closes)
        if kind == 6:
            price: Decimal | None = self._engine.prices[market.id]
        else:
            price = None if kind == 5 else _number(asked, "price")
        ask = Ticket(
            client_id=name, symbol=market.id, side=side,
            kind=Kind.MARKET if kind == 5 else Kind.LIMIT, quantity=_volume(asked, market),
            price=price, reduce_only=closes, time_in_force=_TIMES[kind],
            attached=() if closes else _attached(asked),
            extra={"side": asked["side"], "type": kind},
        )  # fmt: skip
        held = account.position(market.id)
        if closes and held.closing is side and ask.quantity > abs(held.quantity) > 0:
            raise No(2008, "The quantity is insufficient")
        order = self._engine.place(account, ask)
        return {"orderId": str(order.id), "ts": order.created_ms}

    def _side(self, account: Account, asked: Asked) -> tuple[Side, bool]:
        """Whether it buys or sells, and whether it only reduces."""
        number = _choice(asked, "side", (1, 2, 3, 4), 2001, "Wrong order direction")
        mode = asked.get("positionMode", 1 if account.is_hedged else 2)
        if mode != (1 if account.is_hedged else 2):
            raise parameter("positionMode")
        side = Side.BUY if number in (1, 2) else Side.SELL
        if not account.is_hedged:
            return side, asked.get("reduceOnly") is True
        if "reduceOnly" in asked:
            raise parameter("reduceOnly")
        return side, number in (2, 4)

    def _use(
        self, account: Account, market: Market, asked: Asked, side: Side, *, closes: bool
    ) -> None:
        """Margin mode and leverage come with every order; a position keeps its own."""
        opened = _choice(asked, "openType", (1, 2), 2002, "Wrong opening type")
        mode, said = _MODES[opened], asked.get("leverage")
        if opened == 1 and said is None and not closes:
            raise No(2006, "Leverage ratio error")
        if said is not None and not 1 <= int(said) <= market.max_leverage:
            raise No(2006, "Leverage ratio error")
        held = account.held(market.id)
        if held and self._engine.margin_mode(account, market.id) is not mode:
            raise No(2027, "There is only one cross or isolated in the same direction")
        if closes:
            return
        kept = self._kept_leverage(account, market.id, opened, 1 if side is Side.BUY else 2)
        wanted = kept if said is None else int(said)
        if held and wanted != self._engine.leverage(account, market.id):
            raise No(2021, "The single leverage is not consistent with the existing position")
        account.margin_mode[market.id] = mode
        account.leverage[market.id] = wanted

    def _kept_leverage(self, account: Account, symbol: str, opened: int, position: int) -> int:
        place = f"{symbol}:{opened}:{position}"
        return account.leverage.get(place, self._engine.rules.default_leverage)

    def _by_id(self, account: Account, said: object) -> Order | None:
        number = int(str(said)) if str(said).isdigit() else 0
        order = self._engine.find(account, order_id=number)
        return None if order is None or self._engine.is_spot(order.ask.symbol) else order

    def _by_name(self, account: Account, symbol: str, name: str) -> Order | None:
        """The newest plain order of the contract with this ``externalOid``."""
        for order in reversed(account.by_client_id.get((False, name), [])):
            if order.ask.symbol == symbol and self._engine.shown(order):
                return order
        return None

    def _order(self, account: Account, order: Order | None) -> Any:
        """Nothing, and no error, for an order that there is not."""
        if order is None or order.is_conditional:
            return None
        return shapes.swap_order(self._engine, account, order)

    def _cancel(self, account: Account, asked: Any) -> Any:
        """A list of at most 50 ids; each has a code of its own."""
        if not isinstance(asked, list) or not asked:
            raise parameter("orderIds")
        if len(asked) > 50:
            raise No(2013, "Cancel orders over maximum limit")
        done = []
        for number in asked:
            order, code, text = self._by_id(account, number), 0, "success"
            if order is None or order.is_conditional:
                code, text = 2040, "order not exist"
            elif not order.is_open:
                code, text = 2041, "order state cannot be cancelled"
            else:
                self._engine.cancel(account, order)
            done.append({"orderId": number, "errorCode": code, "errorMsg": text})
        return done

    def _cancel_named(self, account: Account, asked: Any) -> Any:
        """One order, or a list of them."""
        rows = asked if isinstance(asked, list) else [asked]
        done = []
        for row in rows:
            order = self._by_name(account, str(row.get("symbol")), str(row.get("externalOid")))
            if order is None or not order.is_open:
                code, text = (2040, "order not exist") if order is None else (2041, "order state")
                done.append({**row, "errorCode": code, "errorMsg": text})
            else:
                self._engine.cancel(account, order)
                done.append({**row, "errorCode": 0, "errorMsg": "success"})
        return done

    def _cancel_all(self, account: Account, asked: Asked) -> Any:
        """Plain orders only."""
        for order in self._swaps(account, str(asked.get("symbol", ""))):
            if order.is_open and not order.is_conditional:
                self._engine.cancel(account, order)

    def _swaps(self, account: Account, symbol: str = "") -> list[Order]:
        return [
            order for order in reversed(account.orders.values())
            if not self._engine.is_spot(order.ask.symbol) and self._engine.shown(order)
            and symbol in ("", order.ask.symbol)
        ]  # fmt: skip

    def _opens(self, account: Account, asked: Asked) -> Any:
        rows = [
            shapes.swap_order(self._engine, account, order)
            for order in self._swaps(account, str(asked.get("symbol", "")))
            if order.is_open and not order.is_conditional
        ]
        return _page(asked, rows)

    def _history(self, account: Account, asked: Asked) -> Any:
        since_ms, until_ms = self._span(asked)
        states = _states(asked)
        rows = [
            shapes.swap_order(self._engine, account, order)
            for order in self._swaps(account, str(asked.get("symbol", "")))
            if not order.is_open and not order.is_conditional
            and since_ms <= order.created_ms <= until_ms
            and (not states or shapes.swap_state(order) in states)
        ]  # fmt: skip
        return _page(asked, rows)

    def _deals(self, account: Account, asked: Asked) -> Any:
        """The last seven days unless a start is named; never more than 90."""
        market, (since_ms, until_ms) = self._market(asked), self._span(asked)
        rows = [
            shapes.deal(self._engine, account, trade) for trade in reversed(account.trades)
            if trade.symbol == market.id and since_ms <= trade.at_ms <= until_ms
            and self._engine.shown(account.orders[trade.order_id])
        ]  # fmt: skip
        return _page(asked, rows)

    def _deals_of(self, account: Account, number: str) -> Any:
        return [
            shapes.deal(self._engine, account, trade)
            for trade in account.trades
            if str(trade.order_id) == number
        ]

    def _span(self, asked: Asked) -> tuple[int, int]:
        until_ms = int(asked.get("end_time") or self._engine.now_ms())
        since_ms = int(asked.get("start_time") or until_ms - 7 * DAY_MS)
        if until_ms - since_ms > 90 * DAY_MS:
            raise No(6003, "Time range error")
        return since_ms, until_ms

    # --- plan orders: by themselves, for 24 hours or seven days ---------------------------------

    def _create_plan(self, account: Account, asked: Asked) -> Any:
        """``triggerType`` alone sets the direction; a trigger already reached fires at once."""
        market = self._market(asked)
        side, closes = self._side(account, asked)
        if "reduceOnly" in asked and self.refuses_reduce_only:
            raise parameter("reduceOnly")
        direction = _choice(asked, "triggerType", (1, 2), 3002, "Trigger type error")
        cycle = _choice(asked, "executeCycle", (1, 2), 3003, "Executive cycle error")
        trend = _choice(asked, "trend", (1, 2, 3), 3001, "Trigger price type error")
        kind = _choice(asked, "orderType", (1, 2, 3, 4, 5), 2029, "Error order type")
        if not asked.get("triggerPrice"):
            raise No(3004, "Trigger price error")
        self._use(account, market, asked, side, closes=closes)
        falls = direction == 2
        ask = Ticket(
            client_id="", symbol=market.id, side=side, quantity=_volume(asked, market),
            kind=Kind.STOP if falls == (side is Side.SELL) else Kind.TAKE_PROFIT,
            trigger=_number(asked, "triggerPrice"), reduce_only=closes,
            trigger_by=TriggerBy.LAST if trend == 1 else TriggerBy.MARK,
            price=None if kind == 5 else _number(asked, "price"), time_in_force=_TIMES[kind],
            extra={
                "side": asked["side"], "triggerType": direction, "executeCycle": cycle,
                "trend": trend, "orderType": kind,
                "expires_ms": self._engine.now_ms() + LIVES_MS[cycle],
            },
        )  # fmt: skip
        return str(self._engine.place(account, ask).id)

    def _plans(self, account: Account, asked: Asked) -> Any:
        """The last seven days unless a start is named, whatever their state."""
        since_ms, until_ms = self._span(asked)
        states = _states(asked)
        rows = [
            shapes.plan_order(self._engine, account, order)
            for order in self._swaps(account, str(asked.get("symbol", "")))
            if is_plan_order(order) and since_ms <= order.created_ms <= until_ms
            and (not states or shapes.plan_state(order) in states)
        ]  # fmt: skip
        return _page(asked, rows)

    def _cancel_plans(self, account: Account, asked: Any) -> Any:
        """A list of at most 50; one that there is not refuses the whole."""
        if not isinstance(asked, list) or not 0 < len(asked) <= 50:
            raise parameter("orders")
        found = [self._by_id(account, each.get("orderId")) for each in asked]
        for order, each in zip(found, asked, strict=True):
            is_plan = order is not None and is_plan_order(order) and order.is_open
            if not is_plan or order is None or order.ask.symbol != each.get("symbol"):
                raise no(Reason.NO_SUCH_ORDER, contract=True)
        for order in found:
            if order is not None:
                self._engine.cancel(account, order)

    def _cancel_all_plans(self, account: Account, asked: Asked) -> Any:
        for order in self._swaps(account, str(asked.get("symbol", ""))):
            if order.is_open and is_plan_order(order):
                self._engine.cancel(account, order)

    # --- stop orders: with their position, without an end ---------------------------------------

    def _create_stop(self, account: Account, asked: Asked) -> Any:
        """A stop or a target, or both, of an open position."""
        symbol = self._engine.symbol_of(account, int(asked.get("positionId") or 0))
        if not symbol:
            raise no(Reason.NO_POSITION, contract=True)
        market, held = self._engine.markets[symbol], account.position(symbol)
        quantity = _volume(asked, market)
        if quantity > abs(held.quantity):
            raise No(5004, "The order volume is more than the holding positions can be liquidated")
        levels = _levels(asked)
        if not levels:
            raise No(5001, "The take-price and the stop-loss price cannot be none")
        for kind, trigger, trend in levels:
            falls = (held.closing is Side.SELL) == (kind is Kind.STOP)
            watched = self._engine.prices if trend == 1 else self._engine.marks
            if (trigger >= watched[symbol]) is falls:
                raise No(5003, "Take-profit and stop-loss price setting is wrong")
        placed = [
            self._engine.place(
                account,
                Ticket(
                    client_id="", symbol=symbol, side=held.closing, kind=kind, quantity=quantity,
                    trigger=trigger, reduce_only=True,
                    trigger_by=TriggerBy.LAST if trend == 1 else TriggerBy.MARK,
                    extra={"stop_order": True, "side": 4 if held.closing is Side.SELL else 2},
                ),
            )
            for kind, trigger, trend in levels
        ]  # fmt: skip
        return [{"id": str(order.id)} for order in placed]

    def _stops(self, account: Account, asked: Asked) -> Any:
        since_ms, until_ms = self._span(asked)
        finished = asked.get("is_finished")
        rows = [
            shapes.stop_order(self._engine, account, order)
            for order in self._swaps(account, str(asked.get("symbol", "")))
            if is_stop_order(order) and order.is_conditional
            and since_ms <= order.created_ms <= until_ms
            and finished in (None, "", "0" if order.is_open else "1")
        ]  # fmt: skip
        return _page(asked, rows)

    def _stop(self, account: Account, number: object) -> Order:
        order = self._by_id(account, number)
        if order is None or not is_stop_order(order) or not order.is_open:
            raise No(5002, "The Stop-Limit order does not exist or has closed")
        return order

    def _cancel_stops(self, account: Account, asked: Any) -> Any:
        if not isinstance(asked, list):
            raise parameter("stopPlanOrderId")
        for order in [self._stop(account, each.get("stopPlanOrderId")) for each in asked]:
            self._engine.cancel(account, order)

    def _cancel_all_stops(self, account: Account, asked: Asked) -> Any:
        for order in self._swaps(account, str(asked.get("symbol", ""))):
            if order.is_open and is_stop_order(order):
                self._engine.cancel(account, order)

    def _change_stop(self, account: Account, asked: Asked) -> Any:
        order = self._stop(account, asked.get("stopPlanOrderId"))
        levels = {kind: trigger for kind, trigger, _ in _levels(asked)}
        if order.ask.kind not in levels:
            raise No(5001, "The take-price and the stop-loss price cannot be none")
        self._engine.amend(account, order, trigger=levels[order.ask.kind])

    # --- the account ------------------------------------------------------------------------

    def _positions(self, account: Account, asked: Asked) -> Any:
        symbol = str(asked.get("symbol", ""))
        return [
            shapes.position(self._engine, account, each.id) for each in self._engine.perpetuals()
            if account.held(each.id) and symbol in ("", each.id)
        ]  # fmt: skip

    def _leverages(self, account: Account, asked: Asked) -> Any:
        market = self._market(asked)
        isolated = self._engine.margin_mode(account, market.id) is MarginMode.ISOLATED
        opened = 1 if isolated else 2
        return [
            {"level": 1, "maxVol": 1_000_000, "mmr": 0.004, "imr": 0.008, "positionType": each,
             "openType": opened, "limitBySys": False,
             "leverage": self._kept_leverage(account, market.id, opened, each)}
            for each in (1, 2)
        ]  # fmt: skip

    def _set_leverage(self, account: Account, asked: Asked) -> Any:
        """Of an open position by its number, else of contract, margin mode and direction."""
        wanted = int(asked.get("leverage") or 0)
        if asked.get("positionId"):
            symbol = self._engine.symbol_of(account, int(asked["positionId"]))
            if not symbol:
                raise no(Reason.NO_POSITION, contract=True)
            self._engine.set_leverage(account, symbol, wanted)
            return
        opened = _choice(asked, "openType", (1, 2), 2002, "Wrong opening type")
        position = _choice(asked, "positionType", (1, 2), 2022, "Wrong position type")
        market = self._market(asked)
        if account.held(market.id):
            raise no(Reason.POSITION_OPEN, contract=True)
        if not 1 <= wanted <= market.max_leverage:
            raise no(Reason.LEVERAGE, contract=True)
        if not account.keeps_leverage:
            account.leverage[f"{market.id}:{opened}:{position}"] = wanted

    def _set_mode(self, account: Account, asked: Asked) -> Any:
        """Not while there are orders, plan orders or positions."""
        mode = _choice(asked, "positionMode", (1, 2), 600, "Parameter error")
        held = any(account.held(each.id) for each in self._engine.perpetuals())
        if held or any(order.is_open for order in self._swaps(account)):
            raise no(Reason.POSITION_OPEN, contract=True)
        account.is_hedged = mode == 1

    def _market(self, asked: Asked) -> Market:
        market = self._engine.markets.get(str(asked.get("symbol", "")))
        if market is None or isinstance(market, SpotMarket):
            raise no(Reason.UNKNOWN_SYMBOL, contract=True)
        return market


def _choice(asked: Asked, name: str, allowed: tuple[int, ...], code: int, text: str) -> int:
    value = asked.get(name)
    if isinstance(value, bool) or not str(value).isdigit() or int(str(value)) not in allowed:
        raise No(code, text)
    return int(str(value))


def _number(asked: Asked, name: str) -> Decimal:
    try:
        number = Decimal(str(asked.get(name)))
    except InvalidOperation:
        raise No(2007, "Order price error") from None
    if number <= 0:
        raise No(2007, "Order price error")
    return number


def _volume(asked: Asked, market: Market) -> Decimal:
    """Whole contracts, in base units."""
    try:
        volume = Decimal(str(asked.get("vol")))
    except InvalidOperation:
        raise no(Reason.QUANTITY_TOO_SMALL, contract=True) from None
    if volume % 1:
        raise no(Reason.QUANTITY_STEP, contract=True)
    return volume * market.contract_size


def _external(asked: Asked) -> str:
    name = str(asked.get("externalOid") or "")
    if len(name) > 32:
        raise No(2030, "External order ID is too long (Max. 32 bits )")
    return name


def _levels(asked: Asked) -> list[tuple[Kind, Decimal, int]]:
    """Kind, trigger and watched price of the stop and the target that are asked for."""
    names = ((Kind.STOP, "stopLossPrice", "lossTrend"),
             (Kind.TAKE_PROFIT, "takeProfitPrice", "profitTrend"))  # fmt: skip
    return [
        (kind, _number(asked, price), int(asked.get(trend) or 1))
        for kind, price, trend in names
        if asked.get(price)
    ]


def _attached(asked: Asked) -> tuple[Attached, ...]:
    return tuple(
        Attached(
            kind=kind, trigger=trigger, extra={"stop_order": True},
            trigger_by=TriggerBy.LAST if trend == 1 else TriggerBy.MARK,
        )
        for kind, trigger, trend in _levels(asked)
    )  # fmt: skip


def _states(asked: Asked) -> list[int]:
    return [int(each) for each in str(asked.get("states", "")).split(",") if each]


def _page(asked: Asked, rows: list[Any]) -> list[Any]:
    """Newest first; pages begin with 1 and hold 20 rows unless asked for more, 100 at most."""
    size = min(int(asked.get("page_size") or _USUAL), _MOST)
    begin = (int(asked.get("page_num") or 1) - 1) * size
    return rows[begin : begin + size]
