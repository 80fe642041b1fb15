"""MEXC's lists of contracts: 20 rows a page unless asked for more, and not of a long time at once.

https://mexcdevelop.github.io/apidocs/contract_v1_en/ (Account and trading endpoints):
``page_size`` is 100 at most; without ``start_time`` a list goes back seven days; a span is 90 days
at most.
"""

from collections.abc import Mapping
from typing import Any, Final

from signalbot.domain.errors import Unavailable
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.dialects.base import Api
from signalbot.exchange.live.dialects.windows import windows
from signalbot.exchange.live.lanes import Lane

DAY_MS: Final = 86_400_000
KEPT_MS: Final = 89 * DAY_MS
_WEEK_MS = 7 * DAY_MS
_PAGE, _MOST_PAGES = 100, 100

Rows = list[dict[str, Any]]


async def pages(api: Api, method: str, params: Mapping[str, Any], *, lane: Lane) -> Rows:
    """A whole list.

    Raises:
        Unavailable: it has more pages than anybody's orders fill.
    """
    found: Rows = []
    for number in range(1, _MOST_PAGES + 1):
        asked = {**params, "page_num": number, "page_size": _PAGE}
        answer = await api.read(method, asked, lane=lane)
        rows = answer.get("data") or []
        found += rows
        if len(rows) < _PAGE:
            return found
    raise Unavailable(f"{method} does not end")


async def since(
    api: Api, method: str, params: Mapping[str, Any], *, since_ms: int, lane: Lane
) -> Rows:
    """A whole list from an instant until now, as far back as it is told."""
    now_ms = api.client.milliseconds()
    found: Rows = []
    for start_ms, end_ms in windows(Ms(max(since_ms, now_ms - KEPT_MS)), now_ms, _WEEK_MS):
        window = {**params, "start_time": start_ms, "end_time": end_ms}
        found += await pages(api, method, window, lane=lane)
    return found
