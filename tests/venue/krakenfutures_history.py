"""What Kraken Futures remembers for good: events of orders, of triggers, and executions.

Sources: "Get order events", "Get trigger events", "Get execution events", of version 2 and of
version 3. Version 3 has the own order; version 2 has maker and taker.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.venue import krakenfutures_shapes as shapes
from tests.venue.engine import OrderChanged
from tests.venue.journal import Deed
from tests.venue.krakenfutures_engine import KrakenFuturesEngine, account_uid, to_text
from tests.venue.krakenfutures_errors import No
from tests.venue.model import Account, Kind, Order, Side, Status, Trade, TriggerBy

Asked = dict[str, str]
MOST = 1_000
_SIGNALS = {TriggerBy.MARK: "MarkPrice", TriggerBy.LAST: "LastPrice"}
_TYPES = {"post": "Post", "ioc": "IoC", "lmt": "Limit"}
_FOREIGN = "00000000-0000-0000-0000-00000000f00d"


@dataclass(frozen=True, slots=True)
class Element:
    """One event; ``body`` is made when it is read for what does not change any more."""

    uid: str
    at_ms: int
    order: Order
    body: Callable[[], dict[str, Any]]


class History:
    """The events of every account."""

    def __init__(self, engine: KrakenFuturesEngine) -> None:
        self._engine = engine
        self._orders: dict[str, list[Element]] = {}
        self._triggers: dict[str, list[Element]] = {}
        self._count = 0

    def happened(self, event: OrderChanged) -> None:
        order, trade = event.order, event.trade
        where = self._triggers if order.is_conditional else self._orders
        body = self._trigger(event) if order.is_conditional else self._order(event, trade)
        if body is not None:
            self._count += 1
            uid = to_text(0xA5105030_F054_44CC_98AB_000000000000 + self._count)
            elements = where.setdefault(order.key, [])
            elements.append(Element(uid, self._engine.now_ms(), order, body))

    def _order(
        self, event: OrderChanged, trade: Trade | None
    ) -> Callable[[], dict[str, Any]] | None:
        """An order that never rests has one event, ``OrderPlaced``, with its result."""
        account, order = event.account, event.order
        is_brief = order.ask.kind is Kind.MARKET or order.ask.time_in_force in ("IOC", "FOK")
        now = self._history_order(account, order)
        match event.deed:
            case Deed.ACCEPTED:
                return lambda: {"OrderPlaced": {
                    "order": self._history_order(account, order) if is_brief else now,
                    "reason": "new_user_order", "reducedQuantity": "", "algoId": "",
                }}  # fmt: skip
            case Deed.FILLED if trade is not None and not is_brief:
                reason = "full_fill" if order.status is Status.FILLED else "partial_fill"
                old = now | {"filled": format(order.filled - trade.quantity, "f"),
                             "quantity": format(order.remaining + trade.quantity, "f")}  # fmt: skip
                return lambda: {"OrderUpdated": {
                    "oldOrder": old, "newOrder": now, "reason": reason, "reducedQuantity": "",
                }}  # fmt: skip
            case Deed.AMENDED:
                return lambda: {"OrderUpdated": {"oldOrder": now, "newOrder": now,
                                                 "reason": "edited_by_user"}}  # fmt: skip
            case Deed.CANCELED | Deed.EXPIRED if not order.filled or not is_brief:
                by_user = event.deed is Deed.CANCELED
                reason = "cancelled_by_user" if by_user else "ioc_would_not_execute"
                return lambda: {"OrderCancelled": {"order": now, "reason": reason}}
        return None

    def _trigger(self, event: OrderChanged) -> Callable[[], dict[str, Any]] | None:
        now = self._history_trigger(event.account, event.order)
        match event.deed:
            case Deed.ACCEPTED:
                return lambda: {"OrderTriggerPlaced": {"order": now, "reason": "new_user_order"}}
            case Deed.TRIGGERED:
                return lambda: {"OrderTriggerActivated": {"order": now}}
            case Deed.CANCELED:
                return lambda: {
                    "OrderTriggerCancelled": {"order": now, "reason": "cancelled_by_user"}
                }
            case Deed.EXPIRED:
                return lambda: {
                    "OrderTriggerCancelled": {"order": now, "reason": "would_not_reduce_position"}
                }
            case Deed.AMENDED:
                return lambda: {"OrderTriggerUpdated": {
                    "oldOrderTrigger": now, "newOrderTrigger": now, "reason": "edited_by_user",
                }}  # fmt: skip
        return None

    def _history_order(self, account: Account, order: Order) -> dict[str, Any]:
        ask = order.ask
        return {
            "uid": to_text(order.id), "accountUid": account_uid(account), "tradeable": ask.symbol,
            "direction": ask.side.value.title(), "quantity": format(order.remaining, "f"),
            "filled": format(order.filled, "f"), "timestamp": str(order.created_ms),
            "limitPrice": format(shapes.limit_price(self._engine, order) or 0, "f"),
            "orderType": _TYPES.get(shapes.order_type(order), "Limit"),
            "clientId": ask.client_id, "reduceOnly": ask.reduce_only,
            "lastUpdateTimestamp": str(order.updated_ms),
        }  # fmt: skip

    def _history_trigger(self, account: Account, order: Order) -> dict[str, Any]:
        row = self._history_order(account, order)
        row.pop("filled")
        row["quantity"] = format(order.ask.quantity, "f")
        row["orderType"] = "Market" if order.ask.price is None else "Limit"
        row["triggerOptions"] = {
            "triggerPrice": format(order.ask.trigger or 0, "f"),
            "triggerSignal": _SIGNALS[order.ask.trigger_by],
            "triggerSide": "Below" if shapes.falls(order) else "Above",
        }  # fmt: skip
        return row

    # --- reading ----------------------------------------------------------------------------

    def read(self, account: Account, name: str, version: str, asked: Asked) -> dict[str, Any]:
        """``orders``, ``triggers`` or ``executions``: newest first unless ``sort`` is ``asc``."""
        if name == "executions":
            elements = [self._execution(account, trade, version) for trade in account.trades]
        else:
            elements = (self._orders if name == "orders" else self._triggers).get(account.key, [])
        since_ms, before_ms = int(asked.get("since", 0)), int(asked.get("before", 2**62))
        symbol = asked.get("tradeable", "").upper()
        chosen = [
            each for each in elements
            if since_ms <= each.at_ms < before_ms and self._engine.shown(each.order)
            and symbol in ("", each.order.ask.symbol)
        ]  # fmt: skip
        sort = asked.get("sort", "desc")
        if sort not in ("asc", "desc"):
            raise No("invalidArgument")
        return self._page(account, chosen if sort == "asc" else chosen[::-1], asked)

    def _page(self, account: Account, chosen: list[Element], asked: Asked) -> dict[str, Any]:
        token = asked.get("continuation_token") or asked.get("continuationToken") or "0"
        if not token.isdigit():
            raise No("invalidArgument")
        first, most = int(token), min(int(asked.get("count", MOST)), MOST)
        page = chosen[first : first + most]
        told: dict[str, Any] = {
            "accountUid": account_uid(account), "len": len(page),
            "elements": [{"uid": each.uid, "timestamp": each.at_ms, "event": each.body()}
                         for each in page],
        }  # fmt: skip
        if first + most < len(chosen):
            told["continuationToken"] = str(first + most)
        return told

    def _execution(self, account: Account, trade: Trade, version: str) -> Element:
        order = account.orders[trade.order_id]
        own = self._history_order(account, order)
        data = {"fee": format(trade.fee, "f"), "positionSize": format(trade.quantity, "f")}
        body = {
            "uid": to_text(trade.id), "timestamp": str(trade.at_ms),
            "quantity": format(trade.quantity, "f"), "price": format(trade.price, "f"),
            "markPrice": format(trade.price, "f"), "limitFilled": order.status is Status.FILLED,
            "usdValue": format(trade.price * trade.quantity, "f"),
        }  # fmt: skip
        if version == "v3":
            body |= {"order": own, "orderData": data}
        else:
            other = own | {"accountUid": _FOREIGN, "uid": to_text(trade.id + 1),
                           "direction": Side(trade.side).other.value.title(),
                           "clientId": ""}  # fmt: skip
            mine, theirs = ("maker", "taker") if trade.is_maker else ("taker", "maker")
            body |= {f"{mine}Order": own, f"{theirs}Order": other, f"{mine}OrderData": data}
        told = {"Execution": {"execution": body, "takerReducedQuantity": ""}}
        return Element(to_text(trade.id), trade.at_ms, order, lambda: told)
