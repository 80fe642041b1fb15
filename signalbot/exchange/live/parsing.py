"""Converts ccxt's dictionaries to domain objects: base units, exact decimals, our order ids."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from signalbot.domain.errors import OrderOutcomeUnknown, Unavailable
from signalbot.domain.market import Instrument
from signalbot.domain.money import ZERO
from signalbot.domain.orders import (
    ClientOrderId,
    Fill,
    ForcedClose,
    OrderReport,
    OrderSide,
    OrderStatus,
)
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Ms
from signalbot.ports import Holding

CcxtDict = Mapping[str, Any]
"""One of ccxt's unified structures; ``info`` holds the exchange's own."""

_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENDED = {
    "canceled": OrderStatus.CANCELLED,
    "expired": OrderStatus.CANCELLED,
    "rejected": OrderStatus.REJECTED,
}


def parse_decimal(value: object) -> Decimal | None:
    """A number exactly as written; None for nothing, NaN and infinity."""
    if value is None or value == "":
        return None
    try:
        found = Decimal(str(value))
    except ArithmeticError:
        return None
    return found if found.is_finite() else None


def parse_report(
    raw: CcxtDict,
    *,
    client_order_id: ClientOrderId,
    instrument: Instrument,
    requested: Decimal | None,
    now_ms: Ms,
) -> OrderReport:
    """The report of an order structure; ``requested`` is its quantity in base units.

    "closed" is not "filled": some exchanges close an order that filled in part, and some close a
    conditional order when it triggers. Only the filled quantity counts.

    Raises:
        OrderOutcomeUnknown: it has no exchange id, or an unknown status.
    """
    if not raw.get("id"):
        raise OrderOutcomeUnknown("the response names no order")
    filled = (parse_decimal(raw.get("filled")) or ZERO) * instrument.contract_size
    amount = parse_decimal(raw.get("amount"))
    total = requested or (amount * instrument.contract_size if amount is not None else None)
    return OrderReport(
        client_order_id=client_order_id,
        exchange_order_id=str(raw["id"]),
        symbol=instrument.symbol,
        status=_status(raw.get("status"), filled=filled, total=total),
        filled=filled,
        average_price=parse_decimal(raw.get("average")) if filled else None,
        updated_at_ms=Ms(int(raw.get("lastUpdateTimestamp") or raw.get("timestamp") or now_ms)),
    )


def _status(status: object, *, filled: Decimal, total: Decimal | None) -> OrderStatus:
    if status in (None, "open"):
        if total is not None and filled >= total:
            return OrderStatus.FILLED
        return OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.OPEN
    if status == "closed":
        complete = total is None or filled >= total
        return OrderStatus.FILLED if complete and filled else OrderStatus.CANCELLED
    if status in _ENDED:
        return OrderStatus.CANCELLED if filled else _ENDED[str(status)]
    raise OrderOutcomeUnknown(f"order status {status!r} is not known")


def parse_fill(
    raw: CcxtDict,
    *,
    client_order_id: ClientOrderId,
    instrument: Instrument,
    forced: ForcedClose | None,
) -> Fill:
    """One trade of the account. A rebate is a negative fee."""
    fee = raw.get("fee") or {}
    return Fill(
        trade_id=str(raw["id"]),
        client_order_id=client_order_id,
        symbol=instrument.symbol,
        side=OrderSide(raw["side"]),
        quantity=(parse_decimal(raw["amount"]) or ZERO) * instrument.contract_size,
        price=parse_decimal(raw["price"]) or ZERO,
        fee=parse_decimal(fee.get("cost")) or ZERO,
        fee_currency=str(fee.get("currency") or instrument.quote),
        filled_at_ms=Ms(int(raw["timestamp"])),
        forced=forced,
    )


def with_fills(report: OrderReport, fills: Iterable[Fill]) -> OrderReport:
    """The report with its fills, which take precedence for quantity and average price."""
    found = tuple(sorted(fills, key=lambda fill: (fill.filled_at_ms, fill.trade_id)))
    filled = sum((fill.quantity for fill in found), ZERO)
    if not found or filled < report.filled:
        return replace(report, fills=found)
    cost = sum((fill.quantity * fill.price for fill in found), ZERO)
    return replace(report, fills=found, filled=filled, average_price=cost / filled)


def parse_holding(raw: CcxtDict, *, instrument: Instrument) -> Holding | None:
    """One position of the account; None when it is empty.

    Raises:
        Unavailable: it has no quantity, which is not the same as none.
    """
    contracts = parse_decimal(raw.get("contracts"))
    if contracts is None:
        raise Unavailable(f"a position in {instrument.symbol} without a quantity")
    if not contracts:
        return None
    is_short = raw.get("side") == "short" or contracts < 0
    return Holding(
        symbol=instrument.symbol,
        side=Side.SHORT if is_short else Side.LONG,
        quantity=abs(contracts) * instrument.contract_size,
        entry_price=parse_decimal(raw.get("entryPrice")) or ZERO,
    )


def parse_instant_ms(text: str) -> Ms | None:
    """The instant of an ISO 8601 text; None if it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return Ms(round((moment - _UNIX_EPOCH).total_seconds() * 1000))
