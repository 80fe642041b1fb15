"""MEXC's lists of contracts.

https://mexcdevelop.github.io/apidocs/contract_v1_en/ (Account and trading endpoints):
``page_size`` is 20 by default and at most 100; without ``start_time`` a list goes back seven days;
a request covers at most 90 days.
"""

from collections.abc import Mapping
from typing import Any, Final

from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.adapters.paging import all_rows, page_numbers, paged, split_windows
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

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
        Unavailable: it has more pages than our orders fill.
    """

    async def fetch(page: Mapping[str, Any]) -> Rows:
        page_params = {**params, **page, "page_size": _PAGE}
        response = await api.read(method, page_params, priority=priority)
        return response.get("data") or []

    return await all_rows(
        paged(
            fetch,
            size=_PAGE,
            first_params={"page_num": 1},
            next_params=page_numbers("page_num"),
            max_pages=_MAX_PAGES,
            name=method,
        )
    )


async def fetch_since(
    api: ExchangeApi,
    method: str,
    params: Mapping[str, Any],
    *,
    since_ms: int,
    priority: RequestPriority,
) -> Rows:
    """A whole list from an instant until now, as far back as the exchange lists it."""
    now_ms = api.client.milliseconds()
    found: Rows = []
    for start_ms, end_ms in split_windows(
        Ms(max(since_ms, now_ms - RETENTION_MS)), now_ms, _WEEK_MS
    ):
        window = {**params, "start_time": start_ms, "end_time": end_ms}
        found += await fetch_pages(api, method, window, priority=priority)
    return found
