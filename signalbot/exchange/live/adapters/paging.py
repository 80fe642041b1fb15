"""Lists of the past page by page, and long times in windows: exchanges limit both."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, TypeVar

from signalbot.domain.errors import Unavailable
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

T = TypeVar("T")

Params = Mapping[str, Any]


async def paged(
    fetch: Callable[[Params], Awaitable[Sequence[T]]],
    *,
    size: int,
    next_params: Callable[[Sequence[T]], Params | None],
    first_params: Params | None = None,
    max_pages: int | None = None,
    name: str = "",
) -> AsyncIterator[Sequence[T]]:
    """The pages of a list; a page of fewer than ``size`` rows is the last.

    ``fetch`` takes the parameters that select a page. ``next_params`` derives those of the next
    page from a full one; None ends the list.

    Raises:
        Unavailable: there are more than ``max_pages`` pages, more than our orders can fill.
    """
    params = first_params or {}
    for _ in count() if max_pages is None else range(max_pages):
        page = await fetch(params)
        yield page
        following = None if len(page) < size else next_params(page)
        if following is None:
            return
        params = following
    raise Unavailable(f"{name} does not end")


async def all_rows(pages: AsyncIterator[Sequence[T]]) -> list[T]:
    """The rows of every page."""
    return [row async for page in pages for row in page]


def page_numbers(name: str) -> Callable[[Sequence[Any]], Params]:
    """``next_params`` of lists with numbered pages, the first of them 1."""
    numbers = count(2)
    return lambda _page: {name: next(numbers)}


def split_windows(since_ms: int, until_ms: int, span_ms: int) -> Iterator[tuple[Ms, Ms]]:
    """Windows from ``since_ms`` to ``until_ms``, oldest first: first and last instant of each.

    Both instants belong to the window, which is shorter than ``span_ms``; at least one window.
    """
    start_ms = since_ms
    while True:
        end_ms = min(start_ms + span_ms - 1, until_ms)
        yield Ms(start_ms), Ms(max(start_ms, end_ms))
        start_ms = end_ms + 1
        if start_ms > until_ms:
            return


async def fetch_candle_window(
    api: ExchangeApi,
    symbol: str,
    timeframe: Timeframe,
    *,
    since_ms: Ms,
    limit: int,
    sends_size: bool,
) -> Any:
    """The candles that open within ``limit`` timeframes from ``since_ms``, by start and end.

    Without ``sends_size`` the size is left out: some exchanges ignore the window beside a size.
    """
    last_ms = since_ms + (limit - 1) * timeframe.ms
    return await api.read(
        "fetch_ohlcv", symbol, timeframe.value, since_ms, limit if sends_size else None,
        {"until": last_ms}, priority=RequestPriority.POLL, cost=2,
    )  # fmt: skip
