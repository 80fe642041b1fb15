"""HTX's lists: ten rows a page unless asked for more, 48 hours a window, gone after some days.

https://www.htx.com/en-us/opend (USDT-M v5: Get Current Orders, Get Order History, Get Algo Order
History, Execution Details): ``limit`` is 100 at most, ``from`` goes on after an id, ``start_time``
and ``end_time`` are 48 hours apart at most; orders are told for 90 days, executions for three.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from signalbot.domain.errors import Unavailable
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.codes import OrderNotFound
from signalbot.exchange.live.dialects.answers import read_refused
from signalbot.exchange.live.dialects.base import Api
from signalbot.exchange.live.dialects.htx_codes import CODES
from signalbot.exchange.live.dialects.windows import windows
from signalbot.exchange.live.lanes import Lane

SUCCESS: Final = "200"
DAY_MS: Final = 86_400_000
ORDERS_KEPT_MS: Final = 90 * DAY_MS
FILLS_KEPT_MS: Final = 3 * DAY_MS
_WINDOW_MS = 2 * DAY_MS
_PAGE, _MOST_PAGES = 100, 100

Rows = list[dict[str, Any]]


def rows_of(answer: Mapping[str, Any]) -> Rows:
    """The rows of an answer, which may hold one or a list of them."""
    content = answer.get("data")
    if isinstance(content, dict):
        return [content]
    return [row for row in content or () if isinstance(row, dict)]


async def ask(api: Api, method: str, params: Mapping[str, Any], *, lane: Lane) -> Rows:
    """One answer's rows; none only when the exchange says that there are none.

    Raises:
        Unavailable: it says anything else.
    """
    try:
        answer = await api.read(method, dict(params), lane=lane)
    except OrderNotFound:
        return []
    if str(answer.get("code")) == SUCCESS:
        return rows_of(answer)
    error = read_refused(answer.get("code"), answer.get("message"), codes=CODES)
    if isinstance(error, OrderNotFound):
        return []
    raise api.note(error, lane=lane)


async def pages(
    api: Api, method: str, params: Mapping[str, Any], *, lane: Lane
) -> AsyncIterator[Rows]:
    """A whole list, page by page.

    Raises:
        Unavailable: it has more pages than anybody's orders fill, or cannot be read.
    """
    after: dict[str, Any] = {}
    for _ in range(_MOST_PAGES):
        rows = await ask(api, method, {**params, "limit": _PAGE, **after}, lane=lane)
        yield rows
        if len(rows) < _PAGE:
            return
        after = {"from": rows[-1]["id"], "direct": "next"}
    raise Unavailable(f"{method} does not end")


async def since(
    api: Api, method: str, params: Mapping[str, Any], *, since_ms: int, lane: Lane
) -> AsyncIterator[Rows]:
    """The pages of every window from an instant until now, oldest first."""
    for start_ms, end_ms in windows(Ms(since_ms), api.client.milliseconds(), _WINDOW_MS):
        window = {**params, "start_time": start_ms, "end_time": end_ms}
        async for rows in pages(api, method, window, lane=lane):
            yield rows
