"""HTX's lists of orders and fills.

https://www.htx.com/en-us/opend (USDT-M v5: Get Current Orders, Get Order History, Get Algo Order
History, Execution Details): ``limit`` is 10 by default and at most 100, ``from`` selects the page
after an id, ``start_time`` and ``end_time`` are at most 48 hours apart; orders are listed for 90
days, executions for three.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.adapters import error_tables
from signalbot.exchange.live.adapters.error_responses import failed_read_error
from signalbot.exchange.live.adapters.paging import paged, split_windows
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.error_codes import OrderNotFound
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

SUCCESS: Final = "200"
DAY_MS: Final = 86_400_000
ORDER_RETENTION_MS: Final = 90 * DAY_MS
_FILL_RETENTION_MS: Final = 3 * DAY_MS
_WINDOW_MS = 2 * DAY_MS
_PAGE, _MAX_PAGES = 100, 100

Rows = list[dict[str, Any]]


def parse_rows(response: Mapping[str, Any]) -> Rows:
    """The rows of a response, which holds one row or a list."""
    content = response.get("data")
    if isinstance(content, dict):
        return [content]
    return [row for row in content or () if isinstance(row, dict)]


async def fetch_rows(
    api: ExchangeApi, method: str, params: Mapping[str, Any], *, priority: RequestPriority
) -> Rows:
    """The rows of one response; none only if the exchange reports that there are none.

    Raises:
        Unavailable: it reports any other error.
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


def fetch_pages(
    api: ExchangeApi, method: str, params: Mapping[str, Any], *, priority: RequestPriority
) -> AsyncIterator[Sequence[dict[str, Any]]]:
    """A whole list, page by page.

    Raises:
        Unavailable: it has more pages than our orders fill, or cannot be read.
    """

    async def fetch(after: Mapping[str, Any]) -> Rows:
        page_params = {**params, "limit": _PAGE, **after}
        return await fetch_rows(api, method, page_params, priority=priority)

    return paged(
        fetch,
        size=_PAGE,
        next_params=lambda page: {"from": page[-1]["id"], "direct": "next"},
        max_pages=_MAX_PAGES,
        name=method,
    )


async def fetch_since(
    api: ExchangeApi,
    method: str,
    params: Mapping[str, Any],
    *,
    since_ms: int,
    priority: RequestPriority,
) -> AsyncIterator[Sequence[dict[str, Any]]]:
    """The pages of every window from an instant until now, oldest first."""
    for start_ms, end_ms in split_windows(Ms(since_ms), api.client.milliseconds(), _WINDOW_MS):
        window = {**params, "start_time": start_ms, "end_time": end_ms}
        async for rows in fetch_pages(api, method, window, priority=priority):
            yield rows


async def fetch_fills(
    api: ExchangeApi, symbol: str, *, since_ms: Ms, order_id: str | None, priority: RequestPriority
) -> list[CcxtDict]:
    """All pages of all windows of the last three days.

    Fees are positive when paid; ccxt inverts them as older APIs require.
    """
    market = api.client.market(symbol)
    request_params = {"contract_code": market["id"]} | ({"order_id": order_id} if order_id else {})
    retention_start_ms = api.client.milliseconds() - _FILL_RETENTION_MS
    method = "contractPrivateGetV5TradeOrderDetails"
    raws: list[CcxtDict] = []
    async for rows in fetch_since(
        api,
        method,
        request_params,
        since_ms=max(since_ms, retention_start_ms),
        priority=priority,
    ):
        raws += [api.client.parse_trade(row, market) for row in rows]
    return [
        {
            **raw,
            "fee": {
                **(raw.get("fee") or {}),
                "cost": parse_decimal(raw["info"].get("trade_fee")),
            },
        }
        for raw in raws
        if order_id is None or raw.get("order") == order_id
    ]
