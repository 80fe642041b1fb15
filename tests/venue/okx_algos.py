"""OKX's algo orders: stops, targets and trigger orders at endpoints of their own.

They hold nothing while they wait ("will not freeze your free margin in advance", "trigger orders do
not freeze assets"): a spot stop whose coins are gone by then fails with 51008.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.venue import okx_shapes as shapes
from tests.venue.engine import Engine
from tests.venue.model import Account, Kind, Order, Reason, Refused, Side, Ticket, TriggerBy
from tests.venue.okx_errors import NO_SUCH_ORDER, No, no, wrong
from tests.venue.okx_orders import Private, find, ticket
from tests.venue.okx_params import THREE_MONTHS_MS, Asked, fits, market_of, number, page, since

_STATES = ("effective", "canceled", "order_failed")


class AlgoEndpoints:
    """Algo orders of an account."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def routes(self) -> dict[tuple[str, str], Private]:
        """What is answered here, by method and path."""
        return {
            ("POST", "trade/order-algo"): self._create,
            ("GET", "trade/order-algo"): self._algo,
            ("POST", "trade/amend-algos"): self._amend,
            ("POST", "trade/cancel-algos"): self._cancel,
            ("GET", "trade/orders-algo-pending"): self._pending,
            ("GET", "trade/orders-algo-history"): self._history,
        }

    def _create(self, account: Account, asked: Asked) -> Any:
        match asked.get("ordType"):
            case "conditional":
                ask = self._conditional(account, asked)
            case "trigger":
                ask = self._trigger(account, asked)
            case _:
                raise wrong("ordType")
        order = self.engine.place(account, ask)
        return [
            {"algoId": str(order.id), "algoClOrdId": ask.client_id, "clOrdId": "", "tag": "",
             "sCode": "0", "sMsg": ""}
        ]  # fmt: skip

    def _conditional(self, account: Account, asked: Asked) -> Ticket:
        """A stop or a target; of both only the stop is taken ("will be ignored")."""
        prefix = "sl" if "slTriggerPx" in asked else "tp"
        if f"{prefix}TriggerPx" not in asked or f"{prefix}OrdPx" not in asked:
            raise wrong("slTriggerPx or tpTriggerPx")
        trigger = number(asked, f"{prefix}TriggerPx")
        kind = Kind.STOP if prefix == "sl" else Kind.TAKE_PROFIT
        ask = ticket(self.engine, account, asked, kind, asked.get("algoClOrdId", ""), trigger)
        by_position = asked.get("cxlOnClosePos") in (True, "true")
        return replace(
            ask, price=_limit(asked, f"{prefix}OrdPx"),
            trigger_by=_by(asked.get(f"{prefix}TriggerPxType")),
            time_in_force="GTE_GTC" if by_position else "GTC",
        )  # fmt: skip

    def _trigger(self, account: Account, asked: Asked) -> Ticket:
        """Whichever way the price has to go to it; of too little balance it trades that."""
        trigger, market = number(asked, "triggerPx"), market_of(self.engine, asked)
        falls = trigger < self.engine.prices[market.id]
        kind = Kind.STOP if falls == (asked.get("side") == Side.SELL) else Kind.TAKE_PROFIT
        ask = ticket(self.engine, account, asked, kind, asked.get("algoClOrdId", ""), trigger)
        return replace(
            ask, price=_limit(asked, "orderPx"), trigger_by=_by(asked.get("triggerPxType")),
            extra={**ask.extra, "ordType": "trigger"}, shrinks=ask.is_spot,
        )  # fmt: skip

    def _find(self, account: Account, asked: Asked) -> Order | None:
        return find(self.engine, account, asked, "algoId", "algoClOrdId", algo=True)

    def _algo(self, account: Account, asked: Asked) -> Any:
        order = self._find(account, asked)
        if order is None:
            raise No(*NO_SUCH_ORDER)
        return [shapes.algo_row(self.engine, account, order)]

    def _amend(self, account: Account, asked: Asked) -> Any:
        """A stop's price and size; what it becomes is a market order, whatever it was."""
        market = market_of(self.engine, asked)
        order = self._find(account, asked)
        if order is None or not order.is_open:
            raise No(51503, "Modification failed as the order does not exist", of_order=True)
        if asked.get("newSlOrdPx") != "-1" or order.ask.kind is not Kind.STOP:
            raise wrong("newSlOrdPx")
        size = number(asked, "newSz") * market.contract_size
        try:
            self.engine.amend(
                account, order, trigger=number(asked, "newSlTriggerPx"), quantity=size
            )
        except Refused as e:
            if e.reason is Reason.WOULD_TRIGGER:
                text = "SL trigger price cannot be higher than the last price"
                raise No(51278, text, of_order=True) from None
            raise
        return [{"algoId": str(order.id), "algoClOrdId": order.ask.client_id, "reqId": "",
                 "sCode": "0", "sMsg": ""}]  # fmt: skip

    def _cancel(self, account: Account, asked: list[Asked]) -> Any:
        if not isinstance(asked, list):
            raise No(50002, "JSON syntax error")
        done = []
        for each in asked:
            order = self._find(account, each)
            if order is None:
                raise no(Reason.NOT_OPEN)
            self.engine.cancel(account, order)
            done.append({"algoId": str(order.id), "sCode": "0", "sMsg": ""})
        return done

    def _pending(self, account: Account, asked: Asked) -> Any:
        kinds = self._kinds(asked)
        orders = self.engine.open_orders(account, conditional=True)
        return self._rows(account, asked, kinds, reversed(orders))

    def _history(self, account: Account, asked: Asked) -> Any:
        """Of three months, by state or by id."""
        kinds, wanted = self._kinds(asked), asked.get("state", "")
        if wanted not in _STATES and not asked.get("algoId"):
            raise No(50015, "Either parameter state or algoId is required", 400)
        oldest_ms = since({}, self.engine, THREE_MONTHS_MS)
        ended = [
            order for order in account.orders.values()
            if order.is_conditional and not order.is_open and self.engine.shown(order)
            and order.created_ms >= oldest_ms
            and asked.get("algoId", str(order.id)) == str(order.id)
        ]  # fmt: skip
        rows = self._rows(account, {**asked, "limit": "100"}, kinds, reversed(ended))
        rows = [row for row in rows if wanted in ("", row["state"])]
        return page(asked, rows, "algoId")

    def _kinds(self, asked: Asked) -> list[str]:
        kinds: list[str] = asked.get("ordType", "").split(",")
        if not kinds[0]:
            raise No(51000, "Parameter ordType error")
        return kinds

    def _rows(
        self, account: Account, asked: Asked, kinds: list[str], orders: Iterable[Order]
    ) -> list[Asked]:
        rows = [
            shapes.algo_row(self.engine, account, each) for each in orders
            if fits(self.engine, asked, each.ask.symbol)
        ]  # fmt: skip
        return page(asked, [row for row in rows if row["ordType"] in kinds], "algoId")


def _limit(asked: Asked, name: str) -> Decimal | None:
    price = number(asked, name)
    return None if price == -1 else price


def _by(named: Any) -> TriggerBy:
    return TriggerBy.MARK if named == "mark" else TriggerBy.LAST
