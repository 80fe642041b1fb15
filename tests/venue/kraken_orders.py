"""How Kraken takes, looks up and cancels spot orders.

Sources: "Add Order", "Cancel Order", "Query Orders Info", "Get Closed Orders", "Get Trades
History" and the guide on ``cl_ord_id``. Margin orders are not offered here.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.venue import kraken_shapes as shapes
from tests.venue.kraken_engine import KrakenEngine, to_number, to_text
from tests.venue.kraken_errors import No, no, wrong
from tests.venue.kraken_market import MarketEndpoints
from tests.venue.model import (
    Account,
    Attached,
    Kind,
    Order,
    Reason,
    Side,
    Ticket,
    TriggerBy,
)
from tests.venue.spot import SpotMarket, to_lot

Asked = dict[str, Any]
Handler = Callable[[Account, Asked], Any]
PAGE = 50
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)
_FREE = re.compile(r"[a-z0-9-]{1,18}")
_KINDS = {
    "market": Kind.MARKET, "limit": Kind.LIMIT, "stop-loss": Kind.STOP,
    "stop-loss-limit": Kind.STOP, "take-profit": Kind.TAKE_PROFIT,
    "take-profit-limit": Kind.TAKE_PROFIT,
}  # fmt: skip
_DEADLINE_MS = (500, 60_000)


class OrderEndpoints:
    """What one account may ask of its orders."""

    def __init__(self, engine: KrakenEngine, market: MarketEndpoints) -> None:
        self._engine, self._public = engine, market

    def routes(self) -> dict[str, Handler]:
        """By path after ``/0/private/``; the answer's ``result``."""
        return {
            "AddOrder": self._add, "CancelOrder": self._cancel, "CancelAll": self._cancel_all,
            "QueryOrders": self._query, "OpenOrders": self._open, "ClosedOrders": self._closed,
            "TradesHistory": self._trades, "QueryTrades": self._query_trades,
        }  # fmt: skip

    # --- placing ----------------------------------------------------------------------------

    def _add(self, account: Account, asked: Asked) -> Any:
        """With ``validate`` nothing is placed, and there is no ``txid``."""
        market = self._public.pair(str(asked.get("pair", "")))
        self._deadline(asked)
        ask = self._ticket(asked, market)
        draft = Order(id=0, key=account.key, ask=ask, created_ms=0, updated_ms=0)
        descr = {"order": shapes.description(draft, market)["order"]}
        if _flag(asked, "validate"):
            return {"descr": descr}
        order = self._engine.place_or_cancel(account, ask)
        return {"descr": descr, "txid": [to_text(order.id, "O")]}

    def _ticket(self, asked: Asked, market: SpotMarket) -> Ticket:
        name, side = str(asked.get("ordertype", "")), str(asked.get("type", ""))
        if name not in _KINDS:
            raise wrong("ordertype")
        if side not in ("buy", "sell"):
            raise wrong("type")
        self._no_margin(asked)
        flags = {flag for flag in str(asked.get("oflags", "")).split(",") if flag}
        if flags - {"post", "fcib", "fciq", "nompp", "viqc"}:
            raise wrong("oflags")
        first = None if name == "market" else _number(asked, "price")
        second = _number(asked, "price2") if name.endswith("-limit") else None
        is_conditional = name not in ("market", "limit")
        price = second if is_conditional else first
        volume, extra = _number(asked, "volume"), self._userref(asked)
        if "viqc" in flags:
            if (name, side) != ("market", "buy"):
                raise wrong("viqc")
            extra["cost"] = shapes.plain(volume, 5)
            volume = to_lot(volume / self._engine.prices[market.id], market)
        return Ticket(
            client_id=self._client_id(asked), symbol=market.id, side=Side(side),
            kind=_KINDS[name], quantity=volume, price=price,
            trigger=first if is_conditional else None, trigger_by=self._trigger_by(asked),
            time_in_force=self._force(asked, flags, name), attached=self._close(asked),
            extra=extra,
        )  # fmt: skip

    def _no_margin(self, asked: Asked) -> None:
        """A balance is no position: nothing can be reduced without a margin position."""
        if str(asked.get("leverage") or "none") not in ("none", "1:1", "1"):
            raise no(Reason.LEVERAGE)
        if _flag(asked, "reduce_only"):
            raise no(Reason.NO_POSITION)

    def _userref(self, asked: Asked) -> dict[str, Any]:
        """A number of 32 bits that any number of orders may share."""
        said = asked.get("userref")
        if said in (None, ""):
            return {}
        if asked.get("cl_ord_id"):
            raise wrong("userref and cl_ord_id are exclusive")
        if not re.fullmatch(r"-?\d{1,10}", str(said)) or not -(2**31) <= int(said) < 2**31:
            raise wrong("userref")
        return {"userref": int(said)}

    def _client_id(self, asked: Asked) -> str:
        """A UUID, 32 hexadecimal digits, or 18 lower-case letters, digits and dashes."""
        said = str(asked.get("cl_ord_id") or "")
        if said and not any(form.fullmatch(said) for form in (_UUID, _HEX, _FREE)):
            raise wrong("cl_ord_id")
        return said

    def _trigger_by(self, asked: Asked) -> TriggerBy:
        said = str(asked.get("trigger") or "last")
        if said not in ("last", "index"):
            raise wrong("trigger")
        return TriggerBy.MARK if said == "index" else TriggerBy.LAST

    def _force(self, asked: Asked, flags: set[str], name: str) -> str:
        said = str(asked.get("timeinforce") or "GTC").upper()
        if said not in ("GTC", "IOC", "FOK"):
            raise wrong("timeinforce")
        if "post" in flags:
            if not name.endswith("limit") or said != "GTC":
                raise wrong("oflags")
            return "GTX"
        return said

    def _close(self, asked: Asked) -> tuple[Attached, ...]:
        """``close[ordertype]``: another order that follows what fills."""
        name = asked.get("close[ordertype]")
        if not name:
            return ()
        if name not in ("stop-loss", "take-profit"):
            raise wrong("close")
        return (Attached(kind=_KINDS[name], trigger=_number(asked, "close[price]")),)

    def _deadline(self, asked: Asked) -> None:
        """After this instant the order must not reach the book; 0.5 to 60 s from now."""
        said = asked.get("deadline")
        if not said:
            return
        try:
            at = datetime.fromisoformat(str(said))
        except ValueError:
            raise wrong("deadline") from None
        left_ms = at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1000 - self._engine.now_ms()
        if left_ms <= 0:
            raise No("EService:Deadline elapsed")
        if not _DEADLINE_MS[0] <= left_ms <= _DEADLINE_MS[1]:
            raise wrong("deadline")

    # --- ending -----------------------------------------------------------------------------

    def _cancel(self, account: Account, asked: Asked) -> Any:
        """By id, by client id, or all that share a ``userref``."""
        said, name = str(asked.get("txid") or ""), str(asked.get("cl_ord_id") or "")
        if not said and not name:
            raise wrong()
        orders = self._named(account, said) if said else self._of_client(account, name)
        live = [order for order in orders if order.is_open]
        if not live:
            raise no(Reason.NO_SUCH_ORDER)
        for order in live:
            self._engine.cancel(account, order)
        return {"count": len(live)}

    def _named(self, account: Account, said: str) -> list[Order]:
        number = to_number(said)
        if number is not None:
            order = self._engine.find(account, order_id=number)
            return [] if order is None else [order]
        if not re.fullmatch(r"-?\d{1,10}", said):
            return []
        return [
            order
            for order in account.open.values()
            if order.ask.extra.get("userref") == int(said) and self._engine.shown(order)
        ]

    def _of_client(self, account: Account, name: str) -> list[Order]:
        order = self._engine.find(account, client_id=name)
        return [] if order is None else [order]

    def _cancel_all(self, account: Account, _: Asked) -> Any:
        live = self._engine.open_orders(account)
        for order in live:
            self._engine.cancel(account, order)
        return {"count": len(live)}

    # --- reading ----------------------------------------------------------------------------

    def _row(self, account: Account, order: Order, asked: Asked) -> Any:
        return shapes.order(self._engine, account, order, trades=_flag(asked, "trades"))

    def _query(self, account: Account, asked: Asked) -> Any:
        """By ids only, 50 at most; one that is unknown fails them all."""
        ids = [each.strip() for each in str(asked.get("txid") or "").split(",") if each.strip()]
        if not 1 <= len(ids) <= PAGE:
            raise wrong("txid")
        found: dict[str, Any] = {}
        for each in ids:
            number = to_number(each)
            order = None if number is None else self._engine.find(account, order_id=number)
            if order is None:
                raise No("EOrder:Invalid order")
            if self._matches(order, asked):
                found[each] = self._row(account, order, asked)
        return found

    def _matches(self, order: Order, asked: Asked) -> bool:
        """Whether an order has the ``userref`` and the client id that are asked for."""
        reference = asked.get("userref")
        if reference not in (None, ""):
            if not re.fullmatch(r"-?\d{1,10}", str(reference)):
                raise wrong("userref")
            if order.ask.extra.get("userref") != int(reference):
                return False
        return str(asked.get("cl_ord_id") or order.ask.client_id) == order.ask.client_id

    def _open(self, account: Account, asked: Asked) -> Any:
        orders = [order for order in reversed(self._engine.open_orders(account))
                  if self._matches(order, asked)]  # fmt: skip
        rows = {to_text(each.id, "O"): self._row(account, each, asked) for each in orders}
        return {"open": rows, "count": len(rows)}

    def _closed(self, account: Account, asked: Asked) -> Any:
        """Fifty a page, newest first; ``start`` excludes, ``end`` includes."""
        use = asked.get("closetime") or "both"
        if use not in ("open", "close", "both"):
            raise wrong("closetime")
        inside = self._window(account, asked)

        def fits(order: Order) -> bool:
            times = {"open": (order.created_ms,), "close": (order.updated_ms,)}
            return all(map(inside, times.get(use, (order.created_ms, order.updated_ms))))

        orders = [
            order for order in account.orders.values()
            if not order.is_open and self._engine.shown(order) and fits(order)
            and self._matches(order, asked)
        ]  # fmt: skip
        orders.sort(key=lambda order: (order.updated_ms, order.id), reverse=True)
        page = {to_text(each.id, "O"): self._row(account, each, asked)
                for each in _page(asked, orders)}  # fmt: skip
        return {"closed": page, "count": len(orders)}

    def _window(self, account: Account, asked: Asked) -> Callable[[int], bool]:
        """Seconds, or the id of an order or trade that marks a time."""

        def instant(name: str) -> float | None:
            said = str(asked.get(name) or "")
            number = to_number(said)
            if number in account.orders:
                return account.orders[number].created_ms / 1000
            marked = [each.at_ms / 1000 for each in account.trades if each.id == number]
            if marked:
                return marked[0]
            try:
                return float(said) if said else None
            except ValueError:
                raise wrong(name) from None

        start, end = instant("start"), instant("end")
        return lambda at_ms: (
            (start is None or at_ms / 1000 > start) and (end is None or at_ms / 1000 <= end)
        )

    def _trades(self, account: Account, asked: Asked) -> Any:
        """Fifty a page, newest first, of every pair: there is no filter by pair or order."""
        inside = self._window(account, asked)
        trades = [
            each for each in reversed(account.trades)
            if inside(each.at_ms) and self._engine.shown(account.orders[each.order_id])
        ]  # fmt: skip
        rows = {to_text(each.id, "T"): self._trade(account, each) for each in _page(asked, trades)}
        return {"trades": rows, "count": len(trades)}

    def _query_trades(self, account: Account, asked: Asked) -> Any:
        ids = str(asked.get("txid") or "").split(",")
        known = {to_text(each.id, "T"): each for each in account.trades}
        if not 1 <= len(ids) <= 20 or set(ids) - set(known):
            raise No("EOrder:Invalid order")
        return {each: self._trade(account, known[each]) for each in ids}

    def _trade(self, account: Account, each: Any) -> Any:
        market = self._engine.markets[each.symbol]
        assert isinstance(market, SpotMarket)
        return shapes.trade(account, each, market)


def _flag(asked: Asked, name: str) -> bool:
    return str(asked.get(name, "")).lower() in ("true", "1")


def _number(asked: Asked, name: str) -> Decimal:
    try:
        number = Decimal(str(asked.get(name, "")))
    except InvalidOperation:
        raise wrong(name) from None
    if not number.is_finite() or number <= 0:
        raise wrong(name)
    return number


def _page(asked: Asked, rows: list[Any]) -> list[Any]:
    offset = str(asked.get("ofs") or "0")
    if not offset.isdigit():
        raise wrong("ofs")
    return rows[int(offset) : int(offset) + PAGE]
