"""How Kraken Futures takes, edits and cancels orders.

Sources: "Send Order", "Edit Order", "Cancel Order", "Cancel All Orders", "Batch Order".
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import count
from typing import Any

import orjson

from tests.venue import krakenfutures_shapes as shapes
from tests.venue.krakenfutures_engine import KrakenFuturesEngine, to_number, to_text
from tests.venue.krakenfutures_errors import STATUSES, No, NotPlaced
from tests.venue.krakenfutures_market import MarketEndpoints
from tests.venue.model import (
    ZERO,
    Account,
    Kind,
    Order,
    Reason,
    Refused,
    Side,
    Status,
    Ticket,
    Trade,
    TriggerBy,
)

Asked = dict[str, Any]
Handler = Callable[[Account, Asked], dict[str, Any]]
#: How long an ended order is remembered, by ``orders/status`` and as the owner of its client id.
REMEMBERED_MS = 5_000
_TYPES = ("lmt", "post", "mkt", "stp", "take_profit", "ioc", "fok")
_FORCES = {"post": "GTX", "ioc": "IOC", "fok": "FOK"}
_KINDS = {"stp": Kind.STOP, "take_profit": Kind.TAKE_PROFIT, "mkt": Kind.MARKET}
#: A market order executes no further away than this.
_PROTECTION = Decimal("0.01")
#: The signal of a trigger that names none.
_DEFAULT_SIGNAL = "mark"


class OrderEndpoints:
    """What one account may do with its orders."""

    def __init__(self, engine: KrakenFuturesEngine, market: MarketEndpoints) -> None:
        self._engine, self._public = engine, market
        self._refused = count(0x614A5298_0071_450F_83C6_000000000001)

    def routes(self) -> dict[tuple[str, str], Handler]:
        """By method and path after ``/derivatives/api/v3/``."""
        return {
            ("POST", "sendorder"): lambda a, p: {"sendStatus": self._tried(self._send, a, p)},
            ("POST", "editorder"): lambda a, p: {"editStatus": self._tried(self._edit, a, p)},
            ("POST", "cancelorder"): lambda a, p: {"cancelStatus": self._tried(self._cancel, a, p)},
            ("POST", "cancelallorders"): self._cancel_all, ("POST", "batchorder"): self._batch,
        }  # fmt: skip

    def refused(self, status: str, *, is_new: bool) -> dict[str, Any]:
        """The answer when nothing was done; an order that was not placed has an id all the same."""
        told = {"status": status, "receivedTime": shapes.stamp(self._engine.now_ms())}
        if not is_new:
            return {**told, "orderEvents": []}
        event = {"uid": to_text(next(self._refused)), "reason": status, "type": "REJECT"}
        return {**told, "order_id": event["uid"], "orderEvents": [event]}

    def _tried(self, does: Handler, account: Account, asked: Asked) -> dict[str, Any]:
        is_new = does == self._send
        try:
            return does(account, asked)
        except NotPlaced as e:
            return self.refused(e.status, is_new=is_new)
        except Refused as e:
            return self.refused(STATUSES[e.reason], is_new=is_new)

    # --- placing ----------------------------------------------------------------------------

    def _send(self, account: Account, asked: Asked) -> dict[str, Any]:
        ask = self._ticket(asked)
        self._client_id(account, ask.client_id)
        self._in_time(asked)
        if ask.kind is Kind.MARKET and self._engine.slippage.get(ask.symbol, ZERO) > _PROTECTION:
            raise NotPlaced("iocWouldNotExecute")
        order = self._engine.place(account, ask)
        if order.status is Status.EXPIRED and not order.filled:
            raise NotPlaced("iocWouldNotExecute")
        told = {"order_id": to_text(order.id), "status": "placed",
                "receivedTime": shapes.stamp(order.created_ms),
                "orderEvents": self._events(account, order)}  # fmt: skip
        return told | ({"cliOrdId": ask.client_id} if ask.client_id else {})

    def _ticket(self, asked: Asked) -> Ticket:
        market = self._public.market(_needed(asked, "symbol"))
        kind, side = _needed(asked, "orderType"), _needed(asked, "side")
        if kind not in _TYPES:
            raise NotPlaced("invalidOrderType")
        if side not in ("buy", "sell"):
            raise NotPlaced("invalidSide")
        is_trigger = kind in ("stp", "take_profit")
        price = _number(asked, "limitPrice", "invalidPrice") if asked.get("limitPrice") else None
        if price is None and kind in ("lmt", "post", "ioc", "fok"):
            raise No("requiredArgumentMissing")
        _needed(asked, "size")
        signal = str(asked.get("triggerSignal") or _DEFAULT_SIGNAL)
        if signal not in ("mark", "index", "last"):
            raise No("invalidArgument")
        if is_trigger:
            _needed(asked, "stopPrice")
        return Ticket(
            client_id=str(asked.get("cliOrdId") or ""), symbol=market.id, side=Side(side),
            kind=_KINDS.get(kind, Kind.LIMIT), quantity=_number(asked, "size", "invalidSize"),
            price=None if kind == "mkt" else price, reduce_only=_flag(asked, "reduceOnly"),
            trigger=_number(asked, "stopPrice", "invalidPrice") if is_trigger else None,
            trigger_by=TriggerBy.LAST if signal == "last" else TriggerBy.MARK,
            time_in_force=_FORCES.get(kind, "GTC"),
        )  # fmt: skip

    def _client_id(self, account: Account, name: str) -> None:
        """A hundred characters; refused while an order that is still remembered has it."""
        if len(name) > 100:
            raise NotPlaced("clientOrderIdTooLong")
        if name and any(self.is_remembered(each) for each in _named(account, name)):
            raise Refused(Reason.DUPLICATE)

    def is_remembered(self, order: Order) -> bool:
        """Whether an order is open, or has ended within the last five seconds."""
        return order.is_open or self._engine.now_ms() - order.updated_ms <= REMEMBERED_MS

    def _in_time(self, asked: Asked) -> None:
        said = asked.get("processBefore")
        if not said:
            return
        try:
            at = datetime.fromisoformat(str(said))
        except ValueError:
            raise No("invalidArgument") from None
        if at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1000 < self._engine.now_ms():
            raise NotPlaced("wouldProcessAfterSpecifiedTime")

    def _events(self, account: Account, order: Order) -> list[dict[str, Any]]:
        """Executions for what has filled at once; ``PLACE`` for what rests."""
        if order.is_conditional:
            body = shapes.event_order(self._engine, order)
            return [{"orderTrigger": body, "type": "PLACE"}]
        trades = [each for each in account.trades if each.order_id == order.id]
        events: list[dict[str, Any]] = []
        if order.is_open:
            body = shapes.event_order(self._engine, order, ZERO)
            events.append({"order": body, "reducedQuantity": None, "type": "PLACE"})
        before = ZERO
        for trade in trades:
            events.append(self._execution(order, trade, before))
            before += trade.quantity
        return events

    def _execution(self, order: Order, trade: Trade, before: Decimal) -> dict[str, Any]:
        return {
            "executionId": to_text(trade.id), "price": shapes.number(trade.price),
            "amount": shapes.number(trade.quantity), "orderPriorEdit": None,
            "orderPriorExecution": shapes.event_order(self._engine, order, before),
            "takerReducedQuantity": None, "type": "EXECUTION",
        }  # fmt: skip

    # --- changing and ending ----------------------------------------------------------------

    def _found(self, account: Account, asked: Asked, name: str) -> Order:
        said, client_id = str(asked.get(name) or ""), str(asked.get("cliOrdId") or "")
        if not said and not client_id:
            raise No("requiredArgumentMissing")
        if said:
            number = to_number(said)
            order = None if number is None else self._engine.find(account, order_id=number)
        else:
            order = self._engine.find(account, client_id=client_id)
        if order is None or not self.is_remembered(order):
            raise Refused(Reason.NO_SUCH_ORDER)
        return order

    def _edit(self, account: Account, asked: Asked) -> dict[str, Any]:
        """``size`` is what shall be open, beside what has filled."""
        order = self._found(account, asked, "orderId")
        if not order.is_open:
            raise NotPlaced("orderForEditNotFound")
        changes: dict[str, Any] = {}
        if asked.get("size"):
            changes["quantity"] = order.filled + _number(asked, "size", "invalidSize")
        if asked.get("limitPrice"):
            changes["price"] = _number(asked, "limitPrice", "invalidPrice")
        if asked.get("stopPrice"):
            if not order.is_conditional:
                raise NotPlaced("orderForEditNotAStop")
            changes["trigger"] = _number(asked, "stopPrice", "invalidPrice")
        old = shapes.event_order(self._engine, order)
        self._engine.amend(account, order, **changes)
        event = {"old": old, "new": shapes.event_order(self._engine, order), "type": "EDIT",
                 "reducedQuantity": None}  # fmt: skip
        return {"status": "edited", "orderId": to_text(order.id), "orderEvents": [event],
                "receivedTime": shapes.stamp(self._engine.now_ms())}  # fmt: skip

    def _cancel(self, account: Account, asked: Asked) -> dict[str, Any]:
        """``filled`` for a complete order; a canceled one is answered like an unknown one."""
        order = self._found(account, asked, "order_id")
        if order.status is Status.FILLED:
            raise NotPlaced("filled")
        self._engine.cancel(account, order)
        return {"status": "cancelled", "order_id": to_text(order.id),
                "receivedTime": shapes.stamp(order.updated_ms),
                "orderEvents": [self._canceled(order)]}  # fmt: skip

    def _canceled(self, order: Order) -> dict[str, Any]:
        name = "orderTrigger" if order.is_conditional else "order"
        body = shapes.event_order(self._engine, order)
        return {"uid": to_text(order.id), name: body, "type": "CANCEL"}

    def _cancel_all(self, account: Account, asked: Asked) -> dict[str, Any]:
        symbol = self._public.market(str(asked["symbol"])).id if asked.get("symbol") else ""
        live = self._engine.open_orders(account, symbol)
        for order in live:
            self._engine.cancel(account, order)
        status = {
            "receivedTime": shapes.stamp(self._engine.now_ms()), "cancelOnly": symbol or "all",
            "status": "cancelled" if live else "noOrdersToCancel",
            "cancelledOrders": [{"order_id": to_text(order.id)} for order in live],
            "orderEvents": [self._canceled(order) for order in live],
        }  # fmt: skip
        return {"cancelStatus": status}

    def _batch(self, account: Account, asked: Asked) -> dict[str, Any]:
        """Each by itself, in order."""
        try:
            wanted = orjson.loads(str(asked.get("json", "")))["batchOrder"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise No("Json Parse Error") from None
        return {"batchStatus": [self._one(account, each) for each in wanted]}

    def _one(self, account: Account, asked: Asked) -> dict[str, Any]:
        does = {"send": self._send, "cancel": self._cancel, "edit": self._edit}
        act = does.get(str(asked.get("order")))
        if act is None or (act == self._send and not asked.get("order_tag")):
            return {"status": "requiredArgumentMissing", "orderEvents": []}
        if act == self._edit:
            asked = asked | {"orderId": asked.get("order_id")}
        try:
            told = self._tried(act, account, asked)
        except No as e:
            return {"status": e.error, "orderEvents": []}
        return told | ({"order_tag": asked["order_tag"]} if asked.get("order_tag") else {})


def _named(account: Account, name: str) -> list[Order]:
    return [order for group in (False, True)
            for order in account.by_client_id.get((group, name), ())]  # fmt: skip


def _needed(asked: Asked, name: str) -> str:
    said = str(asked.get(name) or "")
    if not said:
        raise No("requiredArgumentMissing")
    return said


def _flag(asked: Asked, name: str) -> bool:
    return str(asked.get(name, "")).lower() == "true"


def _number(asked: Asked, name: str, status: str) -> Decimal:
    try:
        number = Decimal(str(asked.get(name)))
    except InvalidOperation:
        raise NotPlaced(status) from None
    if not number.is_finite() or number <= 0:
        raise NotPlaced(status)
    return number
