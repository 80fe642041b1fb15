"""MEXC's lists of contracts: 20 rows a page unless asked for more, and not of a long time at once.

https://mexcdevelop.github.io/apidocs/contract_v1_en/ (Account and trading endpoints):
``page_size`` is 100 at most; without ``start_time`` a list goes back seven days; a span is 90 days
at most.
"""

from collections.abc import Mapping
from typing import Any, Final

from signalbot.domain.errors import Unavailable
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.adapters.time_windows import split_windows
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority

DAY_MS: Final = 86_400_000
RETENTION_MS: Final = 89 * DAY_MS
_WEEK_MS = 7 * DAY_MS
_PAGE, _MAX_PAGES = 100, 100

Rows = list[dict[str, Any]]


async def fetch_pages(
    api: ExchangeApi, method: str, params: Mapping[str, Any], *, priority: RequestPriority
) -> Rows:
    """A whole list.

    Raises:
        Unavailable: it has more pages than anybody's orders fill.
    """
    found: Rows = []
    for number in range(1, _MAX_PAGES + 1):
        request_params = {**params, "page_num": number, "page_size": _PAGE}
        response = await api.read(method, request_params, priority=priority)
        rows = response.get("data") or []
        found += rows
        if len(rows) < _PAGE:
            return found
    raise Unavailable(f"{method} does not end")


async def fetch_since(
    api: ExchangeApi,
    method: str,
    params: Mapping[str, Any],
    *,
    since_ms: int,
    priority: RequestPriority,
) -> Rows:
    """A whole list from an instant until now, as far back as it is told."""
    now_ms = api.client.milliseconds()
    found: Rows = []
    for start_ms, end_ms in split_windows(
        Ms(max(since_ms, now_ms - RETENTION_MS)), now_ms, _WEEK_MS
    ):
        window = {**params, "start_time": start_ms, "end_time": end_ms}
        found += await fetch_pages(api, method, window, priority=priority)
    return found
