"""OKX's plain orders, of perpetuals and of spot pairs, and what they traded."""

from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from typing import Any

from tests.venue import okx_shapes as shapes
from tests.venue.engine import Engine
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
    Status,
    Ticket,
)
from tests.venue.okx_errors import NO_SUCH_ORDER, No, no, wrong
from tests.venue.okx_params import (
    DAY_MS,
    HOUR_MS,
    THREE_MONTHS_MS,
    Asked,
    fits,
    market_of,
    number,
    page,
    position_side,
    since,
    until,
)

Private = Callable[[Account, Any], Any]
_RESERVE = Decimal("1.05")  #: what is frozen of a market purchase's cost
_KINDS = {
    "market": (Kind.MARKET, "GTC"), "limit": (Kind.LIMIT, "GTC"), "post_only": (Kind.LIMIT, "GTX"),
    "ioc": (Kind.LIMIT, "IOC"), "fok": (Kind.LIMIT, "FOK"),
}  # fmt: skip


class OrderEndpoints:
    """Plain orders and fills of an account."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def routes(self) -> dict[tuple[str, str], Private]:
        """What is answered here, by method and path."""
        return {
            ("POST", "trade/order"): self._create,
            ("GET", "trade/order"): self._order,
            ("POST", "trade/cancel-order"): self._cancel,
            ("POST", "trade/amend-order"): self._amend,
            ("GET", "trade/orders-pending"): self._pending,
            ("GET", "trade/orders-history"): lambda a, p: self._history(a, p, 7 * DAY_MS),
            ("GET", "trade/orders-history-archive"): lambda a, p: self._history(
                a, p, THREE_MONTHS_MS
            ),
            ("GET", "trade/fills"): lambda a, p: self._fills(a, p, 3 * DAY_MS),
            ("GET", "trade/fills-history"): self._old_fills,
        }  # fmt: skip

    # --- placing --------------------------------------------------------------------------------

    def _create(self, account: Account, asked: Asked) -> Any:
        if asked.get("ordType") not in _KINDS:
            raise wrong("ordType")
        kind, timing = _KINDS[asked["ordType"]]
        ask = ticket(self.engine, account, asked, kind, asked.get("clOrdId", ""))
        price = number(asked, "px") if kind is Kind.LIMIT else None
        ask = replace(ask, price=price, time_in_force=timing, attached=_attached(asked))
        if ask.is_spot and kind is Kind.MARKET:
            ask = self._amended(account, ask, asked)
        self._on_the_right_side(ask)
        order = self.engine.place(account, ask)
        return [
            {"ordId": str(order.id), "clOrdId": ask.client_id, "tag": "", "sCode": "0",
             "sMsg": "Order placed", "ts": str(order.created_ms)}
        ]  # fmt: skip

    def _amended(self, account: Account, ask: Ticket, asked: Asked) -> Ticket:
        """A spot market order of more than there is trades what there is, unless ``banAmend``.

        Only where the size is not in the coin that is spent: a purchase by base coin, of which
        five percent more than its cost must be free, or a sale.
        """
        market, price = self.engine.markets[ask.symbol], self.engine.prices[ask.symbol]
        if asked.get("banAmend") in (True, "true") or ask.quote_quantity is not None:
            return ask
        coin = market.quote if ask.side is Side.BUY else market.base
        free = self.engine.free(account, coin)
        most = free / price / _RESERVE if ask.side is Side.BUY else free
        most = most.quantize(market.lot, ROUND_DOWN)
        if ask.quantity <= most or not most:
            return ask
        return replace(ask, quantity=most)

    def _on_the_right_side(self, ask: Ticket) -> None:
        base = ask.price or self.engine.prices[ask.symbol]
        for each in ask.attached:
            closing = Ticket(
                client_id="", symbol=ask.symbol, side=ask.side.other, kind=each.kind,
                trigger=each.trigger,
            )  # fmt: skip
            if is_past(closing, base):
                raise no(Reason.WOULD_TRIGGER)

    def _amend(self, account: Account, asked: Asked) -> Any:
        market, order = market_of(self.engine, asked), self._find(account, asked)
        if order is None or not order.is_open:
            raise No(51503, "Modification failed as the order does not exist", of_order=True)
        changes: dict[str, Decimal] = {}
        if asked.get("newSz"):
            changes["quantity"] = number(asked, "newSz") * market.contract_size
        if asked.get("newPx"):
            changes["price"] = number(asked, "newPx")
        if not changes:
            raise wrong("newSz or newPx")
        self.engine.amend(account, order, **changes)
        return [{"ordId": str(order.id), "clOrdId": order.ask.client_id, "reqId": "",
                 "ts": str(order.updated_ms), "sCode": "0", "sMsg": ""}]  # fmt: skip

    def _cancel(self, account: Account, asked: Asked) -> Any:
        order = self._find(account, asked)
        if order is None:
            raise no(Reason.NOT_OPEN)
        self.engine.cancel(account, order)
        return [{"ordId": str(order.id), "clOrdId": order.ask.client_id, "sCode": "0", "sMsg": ""}]

    # --- reading --------------------------------------------------------------------------------

    def _find(self, account: Account, asked: Asked) -> Order | None:
        """What an algo order became is not to be found under the id of the algo order."""
        order = find(self.engine, account, asked, "ordId", "clOrdId", algo=False)
        by_name = not asked.get("ordId")
        return None if order is None or (order.parent_id and by_name) else order

    def _order(self, account: Account, asked: Asked) -> Any:
        market_of(self.engine, asked)
        order = self._find(account, asked)
        if order is None or not self._is_kept(order):
            raise No(*NO_SUCH_ORDER)
        return [shapes.order_row(self.engine, account, order)]

    def _is_kept(self, order: Order) -> bool:
        """ "The incomplete orders that have been canceled are only reserved for 2 hours." """
        gone = order.status in (Status.CANCELED, Status.EXPIRED) and not order.filled
        age_ms = self.engine.now_ms() - order.updated_ms
        return not (self.engine.switches.windows and gone and age_ms > 2 * HOUR_MS)

    def _pending(self, account: Account, asked: Asked) -> Any:
        orders = [
            each for each in self.engine.open_orders(account, conditional=False)
            if fits(self.engine, asked, each.ask.symbol)
        ]  # fmt: skip
        rows = [shapes.order_row(self.engine, account, each) for each in reversed(orders)]
        return page(asked, rows, "ordId")

    def _history(self, account: Account, asked: Asked, oldest_ms: int) -> Any:
        """Completed orders, by when they were completed."""
        if not asked.get("instType"):
            raise No(50014, "Parameter instType can not be empty.", 400)
        since_ms, until_ms = since(asked, self.engine, oldest_ms), until(asked)
        rows = [
            shapes.order_row(self.engine, account, order)
            for order in reversed(account.orders.values())
            if not order.is_open and not order.is_conditional and self.engine.shown(order)
            and fits(self.engine, asked, order.ask.symbol) and self._is_kept(order)
            and since_ms <= order.updated_ms and order.created_ms <= until_ms
        ]  # fmt: skip
        rows = [row for row in rows if asked.get("state", row["state"]) == row["state"]]
        return page(asked, rows, "ordId")

    def _old_fills(self, account: Account, asked: Asked) -> Any:
        if self.engine.switches.windows and not asked.get("instType"):
            raise No(50014, "Parameter instType can not be empty.", 400)
        return self._fills(account, asked, THREE_MONTHS_MS)

    def _fills(self, account: Account, asked: Asked, oldest_ms: int) -> Any:
        since_ms, until_ms = since(asked, self.engine, oldest_ms), until(asked)
        rows = [
            shapes.fill(self.engine, account, trade) for trade in reversed(account.trades)
            if fits(self.engine, asked, trade.symbol)
            and asked.get("ordId", str(trade.order_id)) == str(trade.order_id)
            and since_ms <= trade.at_ms <= until_ms
        ]  # fmt: skip
        return page(asked, rows, "billId")


def ticket(
    engine: Engine, account: Account, asked: Asked, kind: Kind, client_id: str,
    trigger: Decimal | None = None,
) -> Ticket:  # fmt: skip
    """What plain and algo orders have in common; sizes are contracts, or coins of spot."""
    market = market_of(engine, asked)
    if client_id and not (client_id.isalnum() and client_id.isascii() and len(client_id) <= 32):
        raise wrong("clOrdId")
    if asked.get("side") not in ("buy", "sell"):
        raise wrong("side")
    side, named = Side(asked["side"]), position_side(account, market, asked)
    _use_mode(engine, account, market, asked.get("tdMode", ""), is_algo=trigger is not None)
    whole = asked.get("closeFraction") == "1"
    quantity = Decimal(0) if whole else number(asked, "sz") * market.contract_size
    quote = _in_quote(asked, market, kind, side)
    reduces = asked.get("reduceOnly") in (True, "true") and not market.is_spot
    if quote and trigger is not None:
        quantity = (quantity / trigger).quantize(market.lot, ROUND_DOWN)
    return Ticket(
        client_id=client_id, symbol=market.id, side=side, kind=kind,
        quantity=Decimal(0) if quote and trigger is None else quantity, trigger=trigger,
        quote_quantity=number(asked, "sz") if quote and trigger is None else None,
        reduce_only=reduces and not account.is_hedged, close_position=whole,
        position_side=named, is_spot=market.is_spot, holds=False,
        extra={"sz": asked.get("sz", ""), "tgtCcy": _unit(asked, market, kind, side)},
    )  # fmt: skip


def _unit(asked: Asked, market: Market, kind: Kind, side: Side) -> str:
    """``tgtCcy``: of spot market orders only; quote for purchases, base for sales."""
    if not market.is_spot or kind is Kind.LIMIT:
        return ""
    unit = asked.get("tgtCcy") or ("quote_ccy" if side is Side.BUY else "base_ccy")
    if unit not in ("base_ccy", "quote_ccy"):
        raise wrong("tgtCcy")
    return str(unit)


def _in_quote(asked: Asked, market: Market, kind: Kind, side: Side) -> bool:
    return _unit(asked, market, kind, side) == "quote_ccy"


def _use_mode(
    engine: Engine, account: Account, market: Market, named: str, *, is_algo: bool
) -> None:
    """Every order says its margin mode; a position keeps the one it was opened in.

    Spot is ``cash`` by the documents. ccxt found that of algo orders refused and sends ``cross``:
    either is taken of those.
    """
    if market.is_spot:
        if named not in (("cash", "cross") if is_algo else ("cash",)):
            raise wrong("tdMode")
        return
    if named not in ("cross", "isolated"):
        raise wrong("tdMode")
    mode = MarginMode(named)
    if account.of_symbol(market.id) and engine.margin_mode(account, market.id) is not mode:
        raise No(51169, "You don't have any positions in this direction.", of_order=True)
    account.margin_mode[market.id] = mode


def find(
    engine: Engine, account: Account, asked: Asked, id_name: str, client_name: str, *, algo: bool
) -> Order | None:
    if asked.get(id_name):
        named = str(asked[id_name])
        order_id = int(named) if named.isdigit() else 0
        return engine.find(account, order_id=order_id, conditional=algo)
    if not asked.get(client_name):
        raise No(51000, f"Parameter {id_name} or {client_name} error")
    return engine.find(account, client_id=asked[client_name], conditional=algo)


def _attached(asked: Asked) -> tuple[Attached, ...]:
    found = []
    for each in asked.get("attachAlgoOrds", ()):
        client_id = each.get("attachAlgoClOrdId", "")
        if client_id and not client_id.isalnum():
            raise wrong("attachAlgoOrds")
        for prefix, kind in (("sl", Kind.STOP), ("tp", Kind.TAKE_PROFIT)):
            if f"{prefix}TriggerPx" not in each:
                continue
            price = number(each, f"{prefix}OrdPx")
            found.append(
                Attached(kind=kind, trigger=number(each, f"{prefix}TriggerPx"),
                         price=None if price == -1 else price, client_id=client_id)
            )  # fmt: skip
    if asked.get("attachAlgoOrds") and not found:
        raise wrong("attachAlgoOrds")
    return tuple(found)
