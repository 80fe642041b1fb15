"""Bitget's futures endpoints for one account: orders, plans, stops of positions, settings.

Sources: "Place Order", "Place Trigger Order", "Place TP/SL Order", "Cancel Trigger Order", "Get
Pending Trigger Order", "Get Order Fill Details", "Change Leverage / Margin Mode / Position Mode".
"""

from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.venue import bitget_shapes as shapes
from tests.venue.bitget_errors import REFUSALS, No, empty, no, wrong
from tests.venue.bitget_market import MarketEndpoints, product_of
from tests.venue.grids import DAY_MS
from tests.venue.matching import is_past
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
from tests.venue.spot import SpotEngine

Asked = dict[str, Any]
Handler = Callable[[Account, Asked], Any]
_KEPT_MS = 90 * DAY_MS
_POSITION = {"pos_loss": Kind.STOP, "pos_profit": Kind.TAKE_PROFIT}
_SIZED = {"loss_plan": Kind.STOP, "profit_plan": Kind.TAKE_PROFIT}
_MODES = {"isolated": MarginMode.ISOLATED, "crossed": MarginMode.CROSS}


class MixEndpoints:
    """What one account may ask of its futures."""

    def __init__(self, engine: SpotEngine, market: MarketEndpoints) -> None:
        self._engine, self._public = engine, market
        self.most_positions = 150  #: beyond: 45116
        self.most_orders = 400  #: beyond: 50048
        self.market_orders_only: set[str] = set()  #: symbols: 45123 for any other order
        self._next: list[int] = []

    def refuse_next(self, code: int) -> None:
        """Refuse the next order with one of the documented refusals."""
        if code not in REFUSALS:
            raise ValueError(f"{code} is not one of {sorted(REFUSALS)}")
        self._next.append(code)

    def routes(self) -> dict[tuple[str, str], Handler]:
        """By method and path after ``/api/v2/mix/``; the answer's ``data``."""
        return {
            ("POST", "order/place-order"): self._create,
            ("POST", "order/cancel-order"): self._cancel,
            ("GET", "order/detail"): self._detail,
            ("GET", "order/orders-pending"): self._pending,
            ("GET", "order/orders-history"): self._history,
            ("GET", "order/fills"): self._fills,
            ("GET", "order/fill-history"): self._fills,
            ("POST", "order/close-positions"): self._close,
            ("POST", "order/place-plan-order"): self._create_plan,
            ("POST", "order/place-tpsl-order"): self._create_tpsl,
            ("POST", "order/modify-tpsl-order"): self._modify_tpsl,
            ("POST", "order/cancel-plan-order"): self._cancel_plans,
            ("GET", "order/orders-plan-pending"): self._plans,
            ("GET", "order/orders-plan-history"): self._plan_history,
            ("GET", "order/plan-sub-order"): self._sub_order,
            ("GET", "position/all-position"): self._positions,
            ("GET", "position/single-position"): self._position,
            ("GET", "account/account"): self._account,
            ("GET", "account/accounts"): self._accounts,
            ("POST", "account/set-leverage"): self._set_leverage,
            ("POST", "account/set-margin-mode"): self._set_margin_mode,
            ("POST", "account/set-position-mode"): self._set_position_mode,
        }

    # --- orders -----------------------------------------------------------------------------

    def _create(self, account: Account, asked: Asked) -> Any:
        market = self._market(asked)
        side, closes = _side(account, asked)
        kind, price = _order_type(asked)
        quantity = _number(asked, "size")
        self._may_place(account, market, kind, quantity, closes=closes, side=side)
        self._use_mode(account, market.id, asked)
        ask = Ticket(
            client_id=str(asked.get("clientOid") or ""), symbol=market.id, side=side, kind=kind,
            quantity=quantity, price=price, reduce_only=closes, time_in_force=_force(asked),
            attached=self._attached(market, asked, side),
        )  # fmt: skip
        return _ids(self._engine.place_or_cancel(account, ask))

    def _may_place(
        self, account: Account, market: Market, kind: Kind, quantity: Decimal, *, closes: bool,
        side: Side,
    ) -> None:  # fmt: skip
        """The refusals that depend on the account or the market as a whole."""
        if self._next:
            code = self._next.pop(0)
            raise No(code, REFUSALS[code])
        if market.id in self.market_orders_only and kind is not Kind.MARKET:
            raise No(45123, REFUSALS[45123])
        if len(self._orders(account, is_open=True)) >= self.most_orders:
            raise No(50048, REFUSALS[50048])
        held = account.position(market.id)
        if closes and held.quantity and held.closing is side and quantity > abs(held.quantity):
            code = 40804 if account.is_hedged else 40867
            raise No(code, REFUSALS[code])
        used = sum(1 for each in self._engine.perpetuals() if account.held(each.id))
        if not closes and not held.quantity and used >= self.most_positions:
            raise No(45116, REFUSALS[45116])

    def _use_mode(self, account: Account, symbol: str, asked: Asked) -> None:
        mode = _MODES.get(str(asked.get("marginMode", "")))
        if mode is None:
            raise wrong("marginMode") if asked.get("marginMode") else empty("marginMode")
        if account.held(symbol) and self._engine.margin_mode(account, symbol) is not mode:
            raise no(Reason.POSITION_OPEN)
        account.margin_mode[symbol] = mode

    def _attached(self, market: Market, asked: Asked, side: Side) -> tuple[Attached, ...]:
        names = (("presetStopLossPrice", Kind.STOP), ("presetStopSurplusPrice", Kind.TAKE_PROFIT))
        found = []
        for name, kind in names:
            if not asked.get(name):
                continue
            trigger = _number(asked, name)
            closing = Ticket(client_id="", symbol=market.id, side=side.other, kind=kind,
                             trigger=trigger)  # fmt: skip
            if is_past(closing, self._engine.prices[market.id]):
                raise _wrong_side(side.other, kind)
            found.append(Attached(kind=kind, trigger=trigger, trigger_by=TriggerBy.MARK))
        return tuple(found)

    def _cancel(self, account: Account, asked: Asked) -> Any:
        market, order = self._market(asked), self._find(account, asked, plan=False)
        if order is None or order.ask.symbol != market.id:
            raise No(40768, "Order does not exist")
        self._engine.cancel(account, order)
        return _ids(order)

    def _find(self, account: Account, asked: Asked, *, plan: bool) -> Order | None:
        """By the exchange's id, which wins, else by the client's."""
        if asked.get("orderId"):
            said = str(asked["orderId"])
            number = int(said) if said.isdigit() else 0
            order = self._engine.find(account, order_id=number, conditional=plan)
        elif asked.get("clientOid"):
            name = str(asked["clientOid"])
            order = self._engine.find(account, client_id=name, conditional=plan)
        else:
            raise empty("orderId")
        return None if order is None or self._engine.is_spot(order.ask.symbol) else order

    def _detail(self, account: Account, asked: Asked) -> Any:
        market, order = self._market(asked), self._find(account, asked, plan=False)
        if order is None or order.ask.symbol != market.id or self._is_old(order):
            raise no(Reason.NO_SUCH_ORDER)
        row = shapes.mix_order(self._engine, account, order)
        row.pop("status")
        return row

    def _is_old(self, order: Order) -> bool:
        return self._engine.now_ms() - order.created_ms > _KEPT_MS

    def _orders(self, account: Account, *, is_open: bool, plan: bool = False) -> list[Order]:
        """Newest first."""
        orders = account.open if is_open else account.orders
        return [
            order for order in reversed(orders.values())
            if order.is_open is is_open and order.is_conditional is plan
            and not self._engine.is_spot(order.ask.symbol) and self._engine.shown(order)
        ]  # fmt: skip

    def _listed(self, asked: Asked, orders: Iterable[Order]) -> list[Order]:
        """Those of the product, the symbol, the ids and the last 90 days."""
        symbol = self._market(asked).id if asked.get("symbol") else ""
        if product_of(asked) != "USDT-FUTURES":
            return []
        since_ms, until_ms = self._span(asked)
        return [
            order for order in orders
            if symbol in ("", order.ask.symbol) and since_ms <= order.created_ms <= until_ms
            and asked.get("orderId", str(order.id)) == str(order.id)
            and asked.get("clientOid", order.ask.client_id) == order.ask.client_id
        ]  # fmt: skip

    def _span(self, asked: Asked) -> tuple[int, int]:
        now_ms = self._engine.now_ms()
        until_ms = int(asked.get("endTime") or now_ms)
        since_ms = int(asked.get("startTime") or until_ms - _KEPT_MS)
        if until_ms - since_ms > _KEPT_MS:
            raise wrong("startTime")
        return max(since_ms, now_ms - _KEPT_MS), until_ms

    def _rows(self, account: Account, asked: Asked, orders: Iterable[Order]) -> Any:
        rows = []
        for order in self._listed(asked, orders):
            row = shapes.mix_order(self._engine, account, order)
            row.pop("state")
            rows.append(row)
        return _page(asked, rows, "entrustedList", "orderId")

    def _pending(self, account: Account, asked: Asked) -> Any:
        return self._rows(account, asked, self._orders(account, is_open=True))

    def _history(self, account: Account, asked: Asked) -> Any:
        return self._rows(account, asked, self._orders(account, is_open=False))

    def _fills(self, account: Account, asked: Asked) -> Any:
        symbol = self._market(asked).id if asked.get("symbol") else ""
        product_of(asked)
        since_ms, until_ms = self._span(asked)
        rows = [
            shapes.mix_fill(account, trade) for trade in reversed(account.trades)
            if not self._engine.is_spot(trade.symbol) and symbol in ("", trade.symbol)
            and str(asked.get("orderId") or trade.order_id) == str(trade.order_id)
            and since_ms <= trade.at_ms <= until_ms
            and self._engine.shown(account.orders[trade.order_id])
        ]  # fmt: skip
        return _page(asked, rows, "fillList", "tradeId")

    def _close(self, account: Account, asked: Asked) -> Any:
        product_of(asked)
        markets = [self._market(asked)] if asked.get("symbol") else self._engine.perpetuals()
        held = [each.id for each in markets if account.held(each.id)]
        if not held:
            raise No(22002, "No position to close")
        done = []
        for symbol in held:
            position = account.position(symbol)
            ask = Ticket(
                client_id="", symbol=symbol, side=position.closing, kind=Kind.MARKET,
                quantity=abs(position.quantity), reduce_only=True,
            )  # fmt: skip
            done.append(_ids(self._engine.place(account, ask)) | {"symbol": symbol})
        return {"successList": done, "failureList": []}

    # --- plans and stops of positions -------------------------------------------------------

    def _create_plan(self, account: Account, asked: Asked) -> Any:
        """Waits for its price from where the price is."""
        market = self._market(asked)
        if asked.get("planType") != "normal_plan":
            raise wrong("planType")
        side, closes = _side(account, asked)
        by = _trigger_type(asked, required=True)
        trigger = _number(asked, "triggerPrice")
        watched = self._engine.marks if by is TriggerBy.MARK else self._engine.prices
        falls = trigger < watched[market.id]
        is_limit = asked.get("orderType") == "limit"
        if not is_limit and asked.get("orderType") != "market":
            raise wrong("orderType")
        quantity = _number(asked, "size")
        kind = Kind.STOP if falls == (side is Side.SELL) else Kind.TAKE_PROFIT
        self._may_place(account, market, kind, quantity, closes=False, side=side)
        self._use_mode(account, market.id, asked)
        ask = Ticket(
            client_id=str(asked.get("clientOid") or ""), symbol=market.id, side=side, kind=kind,
            quantity=quantity, trigger=trigger, trigger_by=by, reduce_only=closes,
            price=_number(asked, "price") if is_limit else None,
            extra={"plan_type": "normal_plan"},
        )  # fmt: skip
        return _ids(self._engine.place(account, ask))

    def _create_tpsl(self, account: Account, asked: Asked) -> Any:
        """``pos_…`` is for the whole position and replaces its like; others need a size."""
        market, plan = self._market(asked), str(asked.get("planType", ""))
        if plan not in (*_POSITION, *_SIZED):
            raise wrong("planType")
        whole = plan in _POSITION
        side = self._closing(account, asked)
        kind = _POSITION[plan] if whole else _SIZED[plan]
        if whole and not account.held(market.id):
            raise no(Reason.NO_POSITION)
        by, trigger = _trigger_type(asked), _number(asked, "triggerPrice")
        ask = Ticket(
            client_id=str(asked.get("clientOid") or ""), symbol=market.id, side=side, kind=kind,
            quantity=abs(account.held(market.id)) if whole else _number(asked, "size"),
            trigger=trigger, trigger_by=by, price=_execute_price(asked), reduce_only=True,
            close_position=whole, extra={"plan_type": plan},
        )  # fmt: skip
        watched = self._engine.marks if by is TriggerBy.MARK else self._engine.prices
        if is_past(ask, watched[market.id]):
            raise _wrong_side(side, kind)
        if whole:
            for order in list(account.open.values()):
                if order.ask.symbol == market.id and shapes.plan_type(order) == plan:
                    self._engine.cancel(account, order)
        return _ids(self._engine.place(account, ask))

    def _closing(self, account: Account, asked: Asked) -> Side:
        """The side that closes what ``holdSide`` names: long, short; buy, sell in one-way mode."""
        names = ("long", "short") if account.is_hedged else ("buy", "sell")
        said = asked.get("holdSide")
        if said not in names:
            raise wrong("holdSide") if said else empty("holdSide")
        return Side.SELL if said == names[0] else Side.BUY

    def _modify_tpsl(self, account: Account, asked: Asked) -> Any:
        market, order = self._market(asked), self._find(account, asked, plan=True)
        if order is None or not order.is_open or order.ask.symbol != market.id:
            raise No(43020, "Stop profit and stop loss order does not exist")
        changes: dict[str, Any] = {"trigger": _number(asked, "triggerPrice")}
        if not order.ask.close_position and asked.get("size"):
            changes["quantity"] = _number(asked, "size")
        self._engine.amend(account, order, **changes)
        return _ids(order)

    def _of_type(self, orders: Iterable[Order], said: object) -> list[Order]:
        """``profit_loss`` stands for every stop and target of a position."""
        if said == "normal_plan":
            return [each for each in orders if shapes.plan_type(each) == "normal_plan"]
        if said == "profit_loss":
            return [each for each in orders if shapes.plan_type(each) != "normal_plan"]
        if said in (*_POSITION, *_SIZED):
            return [each for each in orders if shapes.plan_type(each) == said]
        if said == "track_plan":
            return []
        raise wrong("planType") if said else empty("planType")

    def _plans(self, account: Account, asked: Asked) -> Any:
        orders = self._of_type(
            self._orders(account, is_open=True, plan=True), asked.get("planType")
        )
        rows = [shapes.plan_order(self._engine, account, each)
                for each in self._listed(asked, orders)]  # fmt: skip
        return _page(asked, rows, "entrustedList", "orderId")

    def _plan_history(self, account: Account, asked: Asked) -> Any:
        orders = self._of_type(
            self._orders(account, is_open=False, plan=True), asked.get("planType")
        )
        rows = [shapes.plan_order(self._engine, account, each)
                for each in self._listed(asked, orders)]  # fmt: skip
        return _page(asked, rows, "entrustedList", "orderId")

    def _sub_order(self, account: Account, asked: Asked) -> Any:
        """What a plan became."""
        said = str(asked.get("planOrderId", ""))
        plan = self._engine.find(account, order_id=int(said) if said.isdigit() else 0)
        if plan is None or plan.child_id is None:
            return []
        child = account.orders[plan.child_id]
        return [{"orderId": str(child.id), "price": shapes.plain(child.ask.price),
                 "type": "market" if child.ask.price is None else "limit",
                 "status": "success"}]  # fmt: skip

    def _cancel_plans(self, account: Account, asked: Asked) -> Any:
        """A list with a result for each; without ``planType`` only trigger orders are looked at."""
        product_of(asked)
        plans = self._of_type(self._orders(account, is_open=True, plan=True),
                              asked.get("planType") or "normal_plan")  # fmt: skip
        symbol = self._market(asked).id if asked.get("symbol") else ""
        plans = [each for each in plans if symbol in ("", each.ask.symbol)]
        if not asked.get("orderIdList"):
            for order in plans:
                self._engine.cancel(account, order)
            return {"successList": [_ids(each) for each in plans], "failureList": []}
        if not symbol:
            raise empty("symbol")
        done, failed = [], []
        for each in asked["orderIdList"]:
            found = self._find(account, each, plan=True)
            if found is None or found not in plans:
                failed.append({"orderId": each.get("orderId", ""), "errorCode": "43025",
                               "clientOid": each.get("clientOid", ""),
                               "errorMsg": "Plan order does not exist"})  # fmt: skip
            else:
                self._engine.cancel(account, found)
                done.append(_ids(found))
        return {"successList": done, "failureList": failed}

    # --- the account ------------------------------------------------------------------------

    def _positions(self, account: Account, asked: Asked) -> Any:
        if product_of(asked) != "USDT-FUTURES":
            return []
        return [shapes.position(self._engine, account, each.id)
                for each in self._engine.perpetuals() if account.held(each.id)]  # fmt: skip

    def _position(self, account: Account, asked: Asked) -> Any:
        market = self._market(asked)
        held = account.held(market.id)
        return [shapes.position(self._engine, account, market.id)] if held else []

    def _account(self, account: Account, asked: Asked) -> Any:
        market = self._market(asked)
        isolated = self._engine.margin_mode(account, market.id) is MarginMode.ISOLATED
        leverage = self._engine.leverage(account, market.id)
        return shapes.mix_account(self._engine, account) | {
            "crossedMarginLeverage": leverage, "isolatedLongLever": leverage,
            "isolatedShortLever": leverage, "marginMode": "isolated" if isolated else "crossed",
            "posMode": "hedge_mode" if account.is_hedged else "one_way_mode",
        }  # fmt: skip

    def _accounts(self, account: Account, asked: Asked) -> Any:
        is_own = product_of(asked) == "USDT-FUTURES"
        return [shapes.mix_account(self._engine, account)] if is_own else []

    def _set_leverage(self, account: Account, asked: Asked) -> Any:
        market = self._market(asked)
        said = str(asked.get("leverage") or asked.get("longLeverage") or "")
        if not said.isdigit():
            raise wrong("leverage")
        self._engine.set_leverage(account, market.id, int(said))
        kept = str(self._engine.leverage(account, market.id))
        return {"symbol": market.id, "marginCoin": "USDT", "longLeverage": kept,
                "shortLeverage": kept, "crossMarginLeverage": kept,
                "marginMode": self._mode_name(account, market.id)}  # fmt: skip

    def _mode_name(self, account: Account, symbol: str) -> str:
        isolated = self._engine.margin_mode(account, symbol) is MarginMode.ISOLATED
        return "isolated" if isolated else "crossed"

    def _set_margin_mode(self, account: Account, asked: Asked) -> Any:
        """Not "when the users have an open position or an order"."""
        market, mode = self._market(asked), _MODES.get(str(asked.get("marginMode", "")))
        if mode is None:
            raise wrong("marginMode")
        self._engine.set_margin_mode(account, market.id, mode)
        return {"symbol": market.id, "marginCoin": "USDT", "longLeverage": "20",
                "shortLeverage": "20", "marginMode": asked["marginMode"]}  # fmt: skip

    def _set_position_mode(self, account: Account, asked: Asked) -> Any:
        mode = asked.get("posMode")
        if mode not in ("one_way_mode", "hedge_mode"):
            raise wrong("posMode")
        used = any(account.held(each.id) for each in self._engine.perpetuals())
        if used or any(not self._engine.is_spot(o.ask.symbol) for o in account.open.values()):
            raise no(Reason.POSITION_OPEN)
        account.is_hedged = mode == "hedge_mode"
        return {"posMode": mode}

    def _market(self, asked: Asked) -> Market:
        return self._public.contract(asked)


def _ids(order: Order) -> dict[str, Any]:
    return {"orderId": str(order.id), "clientOid": order.ask.client_id or str(order.id)}


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


def _side(account: Account, asked: Asked) -> tuple[Side, bool]:
    """Whether it buys or sells, and whether it closes.

    Hedge mode: ``side`` is that of the position, ``tradeSide`` is open or close. One-way mode:
    ``side`` is what is done, ``reduceOnly`` is YES or NO.
    """
    if asked.get("side") not in ("buy", "sell"):
        raise wrong("side") if asked.get("side") else empty("side")
    side, trade = Side(asked["side"]), str(asked.get("tradeSide") or "").lower()
    if not account.is_hedged:
        if trade in ("open", "close"):
            raise No(40774, "The order type for unilateral position must also be unilateral")
        return side, str(asked.get("reduceOnly", "NO")).upper() == "YES"
    if trade not in ("open", "close"):
        raise No(40774, "The order type for bilateral position must also be bilateral")
    return (side.other, True) if trade == "close" else (side, False)


def _order_type(asked: Asked) -> tuple[Kind, Decimal | None]:
    kind = asked.get("orderType")
    if kind not in ("market", "limit"):
        raise wrong("orderType") if kind else empty("orderType")
    return (Kind.MARKET, None) if kind == "market" else (Kind.LIMIT, _number(asked, "price"))


def _force(asked: Asked) -> str:
    said = str(asked.get("force") or "gtc").lower()
    if said not in ("gtc", "ioc", "fok", "post_only"):
        raise wrong("force")
    return "GTX" if said == "post_only" else said.upper()


def _trigger_type(asked: Asked, *, required: bool = False) -> TriggerBy:
    """The mark price unless the last one is asked for."""
    said = asked.get("triggerType")
    if said not in ("fill_price", "mark_price"):
        if said or required:
            raise wrong("triggerType") if said else empty("triggerType")
        return TriggerBy.MARK
    return TriggerBy.LAST if said == "fill_price" else TriggerBy.MARK


def _execute_price(asked: Asked) -> Decimal | None:
    """Nothing, or 0, is the market price."""
    said = str(asked.get("executePrice") or "0")
    return None if not Decimal(said) else Decimal(said)


def _wrong_side(closing: Side, kind: Kind) -> No:
    """A stop or a target that is reached already."""
    if kind is Kind.STOP:
        if closing is Side.SELL:
            return No(40917, "Stop price for long positions please < mark price")
        return No(40836, "The stop loss price of the short position should be greater")
    if closing is Side.SELL:
        return No(40830, "The take profit price of the long position should be greater")
    return No(40832, "The take profit price of short positions should be less")


def _page(asked: Asked, rows: list[Any], name: str, number: str) -> Any:
    """Newest first, a hundred at most; ``idLessThan`` goes on after the last of a page."""
    limit = int(asked.get("limit") or 100)
    if not 1 <= limit <= 100:
        raise wrong("limit")
    before = asked.get("idLessThan")
    left = [row for row in rows if not before or int(row[number]) < int(before)][:limit]
    return {name: left or None, "endId": left[-1][number] if left else None}
