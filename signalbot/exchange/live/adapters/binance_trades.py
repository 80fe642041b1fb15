"""An account's trades at Binance: by time only within a span, by trade id as far as one likes."""

from typing import Any, Final

from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.adapters.time_windows import split_windows
from signalbot.exchange.live.parsing import CcxtDict
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority

MAX_PAGE: Final = 1_000
"""Trades of one page."""


async def trades_since(
    api: ExchangeApi,
    symbol: str,
    since_ms: int,
    *,
    span_ms: int,
    priority: RequestPriority,
    cost: int,
) -> list[CcxtDict]:
    """All trades of a symbol since an instant, oldest first.

    The first is looked for span by span; those after it are read from its id on.
    """
    now_ms = max(api.client.milliseconds(), since_ms)
    for start_ms, end_ms in split_windows(since_ms, now_ms, span_ms):
        until = {} if end_ms == now_ms else {"endTime": end_ms}
        page = await _fetch_page(api, symbol, start_ms, until, priority, cost)
        if page:
            is_complete = end_ms == now_ms and len(page) < MAX_PAGE
            return (
                page if is_complete else await _follow_pages(api, symbol, page, {}, priority, cost)
            )
    return []


async def trades_of_order(
    api: ExchangeApi, symbol: str, order_id: str, *, priority: RequestPriority, cost: int
) -> list[CcxtDict]:
    """All trades of one order, however many."""
    request_params = {"orderId": order_id}
    page = await _fetch_page(api, symbol, None, request_params, priority, cost)
    return (
        page
        if len(page) < MAX_PAGE
        else await _follow_pages(api, symbol, page, request_params, priority, cost)
    )


async def _follow_pages(
    api: ExchangeApi,
    symbol: str,
    page: list[CcxtDict],
    request_params: dict[str, Any],
    priority: RequestPriority,
    cost: int,
) -> list[CcxtDict]:
    """``page``, and every trade after it."""
    found = list(page)
    while page:
        params = {**request_params, "fromId": int(found[-1]["id"]) + 1}
        page = await _fetch_page(api, symbol, None, params, priority, cost)
        found += page
        if len(page) < MAX_PAGE:
            break
    return found


async def _fetch_page(
    api: ExchangeApi,
    symbol: str,
    start_ms: Ms | None,
    params: dict[str, Any],
    priority: RequestPriority,
    cost: int,
) -> list[CcxtDict]:
    page: list[CcxtDict] = await api.read(
        "fetch_my_trades", symbol, start_ms, MAX_PAGE, params, priority=priority, cost=cost
    )
    return page
