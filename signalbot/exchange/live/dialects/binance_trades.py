"""An account's trades at Binance: by time only within a span, by trade id as far as one likes."""

from typing import Any, Final

from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.dialects.base import Api
from signalbot.exchange.live.dialects.windows import windows
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw

MOST: Final = 1_000
"""Trades of one page."""


async def trades_since(
    api: Api, symbol: str, since_ms: int, *, span_ms: int, lane: Lane, cost: int
) -> list[Raw]:
    """All trades of a symbol since an instant, oldest first.

    The first is looked for span by span; those after it are read from its id on.
    """
    now_ms = max(api.client.milliseconds(), since_ms)
    for start_ms, end_ms in windows(since_ms, now_ms, span_ms):
        until = {} if end_ms == now_ms else {"endTime": end_ms}
        page = await _page(api, symbol, start_ms, until, lane, cost)
        if page:
            is_complete = end_ms == now_ms and len(page) < MOST
            return page if is_complete else await _onward(api, symbol, page, {}, lane, cost)
    return []


async def trades_of_order(
    api: Api, symbol: str, order_id: str, *, lane: Lane, cost: int
) -> list[Raw]:
    """All trades of one order, however many."""
    asked = {"orderId": order_id}
    page = await _page(api, symbol, None, asked, lane, cost)
    return page if len(page) < MOST else await _onward(api, symbol, page, asked, lane, cost)


async def _onward(
    api: Api, symbol: str, page: list[Raw], asked: dict[str, Any], lane: Lane, cost: int
) -> list[Raw]:
    """``page``, and every trade after it."""
    found = list(page)
    while page:
        params = {**asked, "fromId": int(found[-1]["id"]) + 1}
        page = await _page(api, symbol, None, params, lane, cost)
        found += page
        if len(page) < MOST:
            break
    return found


async def _page(
    api: Api, symbol: str, start_ms: Ms | None, params: dict[str, Any], lane: Lane, cost: int
) -> list[Raw]:
    page: list[Raw] = await api.read(
        "fetch_my_trades", symbol, start_ms, MOST, params, lane=lane, cost=cost
    )
    return page
