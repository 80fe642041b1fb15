"""Reading Bybit's requests, and cutting its lists into windows and pages."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from tests.venue.bybit_errors import wrong
from tests.venue.engine import Engine
from tests.venue.model import Market

Asked = dict[str, Any]
DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
FOREVER = 10**18
SPOT = "spot."


def number(asked: Asked, name: str) -> Decimal:
    """Money goes as text."""
    value = asked.get(name)
    if not isinstance(value, str):
        raise wrong(f"params error: {name} invalid")
    try:
        return Decimal(value)
    except ArithmeticError:
        raise wrong(f"params error: {name} invalid") from None


def market_of(engine: Engine, asked: Asked) -> Market:
    """The market of a category: spot pairs are listed under names of their own inside."""
    category, symbol = asked.get("category"), asked.get("symbol", "")
    if category == "spot" and any(each.is_spot for each in engine.markets.values()):
        return engine.market_of(f"{SPOT}{symbol}")
    if category != "linear":
        raise wrong("category only support linear")
    return engine.market_of(symbol)


def in_category(engine: Engine, asked: Asked) -> Callable[[str], bool]:
    """Whether a market's id is of the category, and of the symbol if there is one."""
    spot, symbol = asked.get("category") == "spot", asked.get("symbol", "")

    def fits(market_id: str) -> bool:
        market = engine.markets[market_id]
        return market.is_spot is spot and symbol in ("", market.name)

    return fits


def span(
    asked: Asked, engine: Engine, *, default_ms: int = WEEK_MS, documented: bool = False
) -> tuple[int, int]:
    """The window of a list: never wider than a week; ``default_ms`` from or to a single end.

    As documented with ``switches.windows``, or always where it is ``documented``; else without a
    start nothing is left out.
    """
    since, until = asked.get("startTime"), asked.get("endTime")
    since_ms = None if since is None else int(since)
    until_ms = None if until is None else int(until)
    if not (documented or engine.switches.windows):
        return since_ms or 0, FOREVER if until_ms is None else until_ms
    if since_ms is not None and until_ms is not None:
        if until_ms - since_ms > WEEK_MS:
            raise wrong("The interval between the startTime and endTime is incorrect")
        return since_ms, until_ms
    if since_ms is not None:
        return since_ms, since_ms + default_ms
    end_ms = engine.now_ms() if until_ms is None else until_ms
    return end_ms - default_ms, FOREVER if until_ms is None else until_ms


def listed(asked: Asked, rows: list[Any]) -> Asked:
    return {"category": asked.get("category", "linear"), "list": rows, "nextPageCursor": ""}


def page(asked: Asked, rows: list[Any], *, default: int = 20, most: int = 50) -> Asked:
    """One page; a larger limit than there is is cut. The cursor is opaque, and percent-encoded."""
    token = unquote(asked.get("cursor") or "")
    begin = int(token.removeprefix("page_token=").removesuffix("&") or 0)
    end = begin + min(int(asked.get("limit", default)), most)
    cursor = f"page_token%3D{end}%26" if end < len(rows) else ""
    return listed(asked, rows[begin:end]) | {"nextPageCursor": cursor}
