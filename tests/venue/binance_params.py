"""Reading Binance's request parameters, as strictly as it does."""

import re
from decimal import Decimal
from typing import TypeVar

from tests.venue.binance_errors import No, missing, no
from tests.venue.model import Market, Reason

Row = TypeVar("Row")
Params = dict[str, str]
SEVEN_DAYS_MS = 7 * 86_400_000


def required(params: Params, name: str) -> str:
    value = params.get(name, "")
    if not value:
        raise missing(name)
    return value


def maybe(params: Params, name: str) -> int | None:
    return integer(params, name) if params.get(name) else None


def integer(params: Params, name: str, default: int | None = None) -> int:
    text = params.get(name) or ("" if default is None else str(default))
    if not text:
        raise missing(name)
    try:
        return int(text)
    except ValueError:
        raise No(
            -1100, f"Illegal characters found in parameter '{name}'; legal range is '[0-9]+'."
        ) from None


def decimal(params: Params, name: str) -> Decimal:
    text = required(params, name)
    if not re.fullmatch(r"\d{1,20}(\.\d{1,20})?", text):
        raise No(
            -1100,
            f"Illegal characters found in parameter '{name}'; "
            r"legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'.",
        )
    return Decimal(text)


def price_of(params: Params, name: str) -> Decimal:
    price = decimal(params, name)
    if price <= 0:
        raise No(-4001, "Price less than or equal to zero.")
    return price


def quantity_of(params: Params, market: Market) -> Decimal:
    quantity = decimal(params, "quantity")
    if quantity <= 0:
        raise no(Reason.QUANTITY_TOO_SMALL)
    if not quantity % market.lot and quantity < market.min_quantity:
        raise No(-4004, "Quantity less than min quantity.")
    return quantity


def bad_client_id(client_id: str) -> No:
    if len(client_id) > 36:
        return No(-4015, "Client order id length should be less than 36 chars")
    return No(
        -1100,
        "Illegal characters found in parameter 'newClientOrderId'; "
        r"legal range is '^[\.A-Z\:/a-z0-9_-]{1,36}$'.",
    )


def window(params: Params) -> tuple[int, int]:
    """From and until, both included; a window may not be wider than seven days."""
    since_ms, until_ms = maybe(params, "startTime"), maybe(params, "endTime")
    if since_ms is not None and until_ms is not None and until_ms - since_ms > SEVEN_DAYS_MS:
        raise No(-4166, "Search window is restricted to recent 7 days only.")
    if since_ms is not None and until_ms is None:
        until_ms = since_ms + SEVEN_DAYS_MS
    return since_ms or 0, 2**62 if until_ms is None else until_ms


def limited(rows: list[Row], params: Params) -> list[Row]:
    """The oldest ones when a start is named, else the newest ones; oldest first."""
    limit = integer(params, "limit", 500)
    if not 0 < limit <= 1_000:
        raise No(-1130, "Data sent for parameter 'limit' is not valid.")
    from_start = any(params.get(name) for name in ("startTime", "fromId", "orderId", "algoId"))
    return rows[:limit] if from_start else rows[-limit:]
