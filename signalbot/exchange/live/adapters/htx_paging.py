"""HTX's lists: ten rows a page unless asked for more, 48 hours a window, gone after some days.

https://www.htx.com/en-us/opend (USDT-M v5: Get Current Orders, Get Order History, Get Algo Order
History, Execution Details): ``limit`` is 100 at most, ``from`` goes on after an id, ``start_time``
and ``end_time`` are 48 hours apart at most; orders are told for 90 days, executions for three.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from signalbot.domain.errors import Unavailable
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.adapters import error_tables
from signalbot.exchange.live.adapters.error_responses import failed_read_error
from signalbot.exchange.live.adapters.time_windows import split_windows
from signalbot.exchange.live.transport.error_codes import OrderNotFound
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority

SUCCESS: Final = "200"
DAY_MS: Final = 86_400_000
ORDER_RETENTION_MS: Final = 90 * DAY_MS
FILL_RETENTION_MS: Final = 3 * DAY_MS
_WINDOW_MS = 2 * DAY_MS
_PAGE, _MAX_PAGES = 100, 100

Rows = list[dict[str, Any]]


def parse_rows(response: Mapping[str, Any]) -> Rows:
    """The rows of an answer, which may hold one or a list of them."""
    content = response.get("data")
    if isinstance(content, dict):
        return [content]
    return [row for row in content or () if isinstance(row, dict)]


async def fetch_rows(
    api: ExchangeApi, method: str, params: Mapping[str, Any], *, priority: RequestPriority
) -> Rows:
    """One answer's rows; none only when the exchange says that there are none.

    Raises:
        Unavailable: it says anything else.
    """
    try:
        response = await api.read(method, dict(params), priority=priority)
    except OrderNotFound:
        return []
    if str(response.get("code")) == SUCCESS:
        return parse_rows(response)
    error = failed_read_error(response.get("code"), response.get("message"), codes=error_tables.HTX)
    if isinstance(error, OrderNotFound):
        return []
    raise api.apply_error(error, priority=priority)


async def fetch_pages(
    api: ExchangeApi, method: str, params: Mapping[str, Any], *, priority: RequestPriority
) -> AsyncIterator[Rows]:
    """A whole list, page by page.

    Raises:
        Unavailable: it has more pages than anybody's orders fill, or cannot be read.
    """
    after: dict[str, Any] = {}
    for _ in range(_MAX_PAGES):
        rows = await fetch_rows(api, method, {**params, "limit": _PAGE, **after}, priority=priority)
        yield rows
        if len(rows) < _PAGE:
            return
        after = {"from": rows[-1]["id"], "direct": "next"}
    raise Unavailable(f"{method} does not end")


async def fetch_since(
    api: ExchangeApi,
    method: str,
    params: Mapping[str, Any],
    *,
    since_ms: int,
    priority: RequestPriority,
) -> AsyncIterator[Rows]:
    """The pages of every window from an instant until now, oldest first."""
    for start_ms, end_ms in split_windows(Ms(since_ms), api.client.milliseconds(), _WINDOW_MS):
        window = {**params, "start_time": start_ms, "end_time": end_ms}
        async for rows in fetch_pages(api, method, window, priority=priority):
            yield rows
