"""Reading Binance's request parameters, as strictly as it does."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from tests.venue.binance_errors import No, missing, no
from tests.venue.engine import Engine
from tests.venue.model import Market, Reason

Row = TypeVar("Row")
Params = dict[str, str]
DAY_MS = 86_400_000
SEVEN_DAYS_MS = 7 * DAY_MS
FOREVER = 2**62


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


@dataclass(frozen=True, slots=True)
class Window:
    """From and until, both included, and how old rows may be."""

    since_ms: int
    until_ms: int

    def has(self, at_ms: int) -> bool:
        return self.since_ms <= at_ms <= self.until_ms


def window(
    params: Params, engine: Engine, *, widest_ms: int = SEVEN_DAYS_MS, oldest_ms: int = 0,
    from_id: str = "",
) -> Window:  # fmt: skip
    """The window of a list, not wider than ``widest_ms`` and no older than ``oldest_ms``.

    As documented (``switches.windows``): without a start it ends at its end, or now, and a first
    id in ``from_id`` stands for a start. Without the switch nothing is left out.
    """
    since_ms, until_ms = maybe(params, "startTime"), maybe(params, "endTime")
    if since_ms is not None and until_ms is not None and until_ms - since_ms > widest_ms:
        raise No(-4166, "Search window is restricted to recent 7 days only.")
    if since_ms is not None and until_ms is None:
        until_ms = since_ms + widest_ms
    if not engine.switches.windows:
        return Window(since_ms or 0, FOREVER if until_ms is None else until_ms)
    now_ms = engine.now_ms()
    if since_ms is None:
        end_ms = now_ms if until_ms is None else until_ms
        since_ms = 0 if from_id and params.get(from_id) else end_ms - widest_ms
    if oldest_ms:
        since_ms = max(since_ms, now_ms - oldest_ms)
    return Window(since_ms, FOREVER if until_ms is None else until_ms)


def limited(rows: list[Row], params: Params, *, default: int = 500, most: int = 1_000) -> list[Row]:
    """The oldest ones when a start is named, else the newest ones; oldest first."""
    limit = integer(params, "limit", default)
    if not 0 < limit <= most:
        raise No(-1130, "Data sent for parameter 'limit' is not valid.")
    from_start = any(params.get(name) for name in ("startTime", "fromId", "orderId", "algoId"))
    return rows[:limit] if from_start else rows[-limit:]
