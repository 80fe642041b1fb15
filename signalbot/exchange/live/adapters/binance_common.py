"""Requests that Binance's spot and futures markets have in common: weights, permissions, trades."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from signalbot.domain.errors import Unavailable
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.adapters.paging import all_rows, paged, split_windows
from signalbot.exchange.live.adapters.types import KeyPermissions
from signalbot.exchange.live.parsing import CcxtDict
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

MINUTE_MS: Final = 60_000
MAX_PAGE: Final = 1_000
"""Trades of one page."""

_USED_HEADER: Final = "X-MBX-USED-WEIGHT-1M"


def parse_used_weight(headers: Mapping[str, str]) -> Mapping[int, int]:
    """The weight used in the exchange's present minute, by the length of the limit.

    https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info#ip-limits
    """
    used = headers.get(_USED_HEADER, "")
    return {MINUTE_MS: int(used)} if used.isdecimal() else {}


async def binance_key_permissions(api: ExchangeApi, *, trading: str) -> KeyPermissions:
    """Permissions of a key; ``trading`` names the permission to trade on this market."""
    try:
        found = await api.read("sapiGetAccountApiRestrictions", {}, priority=RequestPriority.POLL)
    except Unavailable:
        return KeyPermissions()
    until_ms = found.get("tradingAuthorityExpirationTime")
    return KeyPermissions(
        may_trade=found.get(trading),
        may_withdraw=found.get("enableWithdrawals"),
        is_ip_bound=found.get("ipRestrict"),
        expires_at_ms=None if until_ms is None else Ms(int(until_ms)),
    )


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

    By time a request covers at most ``span_ms``: the first trade is searched window by window, and
    those after it are read from its id on.
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
    request_params: Mapping[str, Any],
    priority: RequestPriority,
    cost: int,
) -> list[CcxtDict]:
    """``page``, and every trade after it."""

    async def fetch(params: Mapping[str, Any]) -> list[CcxtDict]:
        return await _fetch_page(api, symbol, None, {**request_params, **params}, priority, cost)

    pages = paged(fetch, size=MAX_PAGE, first_params=_after(page), next_params=_after)
    return [*page, *await all_rows(pages)]


def _after(page: Sequence[CcxtDict]) -> Mapping[str, Any]:
    return {"fromId": int(page[-1]["id"]) + 1}


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
