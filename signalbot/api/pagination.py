"""Listings a page at a time: newest first, and steady while new rows arrive."""

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, HTTPException, Query
from pydantic import BaseModel, Field

from signalbot.api.auth import Authenticated, Principal
from signalbot.api.context import Context
from signalbot.domain.timeframe import Ms
from signalbot.ledger.views import FOREVER, Connection, Row, Selection

T = TypeVar("T", bound=BaseModel)

MAX_PAGE_ROWS = 500
"""Rows of one page."""

_MAX_SKIP = 100_000
_PARTS = 2

RowReader = Callable[[Connection, Selection], list[Row]]
"""A reader of ``ledger.views``."""


class Page(BaseModel, Generic[T]):
    """Rows, newest first; ask again with ``cursor=next`` for what comes after."""

    items: list[T]
    next: str | None = Field(description="Where the next page begins; null at the end.")


class PagePosition:
    """Where in a listing a page lies."""

    def __init__(
        self,
        until_ms: Annotated[
            int | None, Query(ge=0, le=FOREVER, description="Before this instant, epoch ms UTC.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE_ROWS, description="Rows of a page.")] = 50,
        cursor: Annotated[
            str | None, Query(max_length=40, description="`next` of the page before.")
        ] = None,
    ) -> None:
        self.limit = limit
        self.until_ms, self.skip = _position(cursor, until_ms)


class PageRequest:
    """What a listing's query parameters ask for."""

    def __init__(
        self,
        caller: Authenticated,
        place: Annotated[PagePosition, Depends(PagePosition)],
        user: Annotated[str | None, Query(description="Rows of one user.")] = None,
        strategy: Annotated[str | None, Query(description="Rows of one strategy.")] = None,
        symbol: Annotated[str | None, Query(description="A market, or a glob of markets.")] = None,
        status: Annotated[str | None, Query(description="Rows in one status.")] = None,
        since_ms: Annotated[
            int, Query(ge=0, le=FOREVER, description="From this instant on, epoch ms UTC.")
        ] = 0,
    ) -> None:
        self.caller: Principal = caller
        self._user = user
        self._strategy = strategy
        self._symbol = symbol
        self._status = status
        self._since_ms = Ms(since_ms)
        self._limit, self._until_ms, self._skip = place.limit, place.until_ms, place.skip

    def selection(self) -> Selection:
        """All the rows asked for, limited to what the caller may see."""
        return Selection(
            user=self.caller.scope(self._user),
            strategy=self._strategy,
            symbol=self._symbol,
            status=self._status,
            since_ms=max(self._since_ms, self.caller.since_ms),
            until_ms=FOREVER if self._until_ms is None else self._until_ms,
        )

    async def page(self, context: Context, listing: RowReader) -> Any:
        """The page of a listing, limited to what the caller may see."""
        until_ms = self._until_ms
        if until_ms is None:
            until_ms = Ms(context.clock.now_ms() + 1)
        limit = self._skip + self._limit + 1
        selection = replace(self.selection(), until_ms=until_ms, limit=limit)
        rows = (await context.read(lambda c: listing(c, selection)))[self._skip :]
        has_more = len(rows) > self._limit
        following = f"{until_ms}.{self._skip + self._limit}" if has_more else None
        return {"items": rows[: self._limit], "next": following}


def _position(cursor: str | None, until_ms: int | None) -> tuple[Ms | None, int]:
    """The instant a listing ends before, and how many rows earlier pages gave."""
    if cursor is None:
        return (None if until_ms is None else Ms(until_ms)), 0
    parts = cursor.split(".")
    if len(parts) != _PARTS or not all(part.isascii() and part.isdigit() for part in parts):
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "the cursor is none of ours")
    end_ms, skip = int(parts[0]), int(parts[1])
    if end_ms > FOREVER or skip > _MAX_SKIP:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "the cursor is out of bounds")
    return Ms(end_ms), skip


RequestedPage = Annotated[PageRequest, Depends(PageRequest)]
