"""ccxt's dictionaries as domain objects: quantities in base units, money exact, ids ours."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from signalbot.domain.errors import OrderOutcomeUnknown, Unavailable
from signalbot.domain.market import Instrument
from signalbot.domain.money import ZERO
from signalbot.domain.orders import ClientOrderId, Fill, OrderReport, OrderSide, OrderStatus
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Ms
from signalbot.ports import Holding

Raw = Mapping[str, Any]
"""One of ccxt's unified structures; ``info`` holds the exchange's own."""

_ENDED = {
    "canceled": OrderStatus.CANCELLED,
    "expired": OrderStatus.CANCELLED,
    "rejected": OrderStatus.REJECTED,
}


def number(value: object) -> Decimal | None:
    """A number as the exchange wrote it; None for nothing, NaN and infinity."""
    if value is None or value == "":
        return None
    try:
        found = Decimal(str(value))
    except ArithmeticError:
        return None
    return found if found.is_finite() else None


def report_of(
    raw: Raw,
    *,
    client_order_id: ClientOrderId,
    instrument: Instrument,
    asked: Decimal | None,
    now_ms: Ms,
) -> OrderReport:
    """What an order structure says of one order; ``asked`` is its quantity in base units.

    "closed" is not "filled": some exchanges close an order that filled in part, and some close a
    conditional order when it triggers. Only the filled quantity counts.

    Raises:
        OrderOutcomeUnknown: it carries no exchange id, or a status nobody knows.
    """
    if not raw.get("id"):
        raise OrderOutcomeUnknown("the answer names no order")
    filled = (number(raw.get("filled")) or ZERO) * instrument.contract_size
    amount = number(raw.get("amount"))
    whole = asked or (amount * instrument.contract_size if amount is not None else None)
    return OrderReport(
        client_order_id=client_order_id,
        exchange_order_id=str(raw["id"]),
        symbol=instrument.symbol,
        status=_status(raw.get("status"), filled=filled, whole=whole),
        filled=filled,
        average_price=number(raw.get("average")) if filled else None,
        updated_at_ms=Ms(int(raw.get("lastUpdateTimestamp") or raw.get("timestamp") or now_ms)),
    )


def _status(said: object, *, filled: Decimal, whole: Decimal | None) -> OrderStatus:
    if said in (None, "open"):
        if whole is not None and filled >= whole:
            return OrderStatus.FILLED
        return OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.OPEN
    if said == "closed":
        complete = whole is None or filled >= whole
        return OrderStatus.FILLED if complete and filled else OrderStatus.CANCELLED
    if said in _ENDED:
        return OrderStatus.CANCELLED if filled else _ENDED[str(said)]
    raise OrderOutcomeUnknown(f"order status {said!r} is not known")


def fill_of(
    raw: Raw, *, client_order_id: ClientOrderId, instrument: Instrument, is_liquidation: bool
) -> Fill:
    """One trade of the account. A rebate is a negative fee."""
    fee = raw.get("fee") or {}
    return Fill(
        trade_id=str(raw["id"]),
        client_order_id=client_order_id,
        symbol=instrument.symbol,
        side=OrderSide(raw["side"]),
        quantity=(number(raw["amount"]) or ZERO) * instrument.contract_size,
        price=number(raw["price"]) or ZERO,
        fee=number(fee.get("cost")) or ZERO,
        fee_currency=str(fee.get("currency") or instrument.quote),
        filled_at_ms=Ms(int(raw["timestamp"])),
        is_liquidation=is_liquidation,
    )


def with_fills(report: OrderReport, fills: Iterable[Fill]) -> OrderReport:
    """The report with its fills; they are the better word on quantity and average price."""
    found = tuple(sorted(fills, key=lambda fill: (fill.filled_at_ms, fill.trade_id)))
    filled = sum((fill.quantity for fill in found), ZERO)
    if not found or filled < report.filled:
        return replace(report, fills=found)
    cost = sum((fill.quantity * fill.price for fill in found), ZERO)
    return replace(report, fills=found, filled=filled, average_price=cost / filled)


def holding_of(raw: Raw, *, instrument: Instrument) -> Holding | None:
    """One position of the account; None when it is empty.

    Raises:
        Unavailable: it does not say how much is held, which is not the same as nothing.
    """
    contracts = number(raw.get("contracts"))
    if contracts is None:
        raise Unavailable(f"a position in {instrument.symbol} without a quantity")
    if not contracts:
        return None
    is_short = raw.get("side") == "short" or contracts < 0
    return Holding(
        symbol=instrument.symbol,
        side=Side.SHORT if is_short else Side.LONG,
        quantity=abs(contracts) * instrument.contract_size,
        entry_price=number(raw.get("entryPrice")) or ZERO,
    )
