"""Paginates listings: newest first, stable while new rows arrive."""

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
"""Maximum rows per page."""

_MAX_SKIP = 100_000
_PARTS = 2

RowReader = Callable[[Connection, Selection], list[Row]]
"""A reader of ``ledger.views``."""


class Page(BaseModel, Generic[T]):
    """Rows, newest first; request the next page with ``cursor=next``."""

    items: list[T]
    next: str | None = Field(description="Cursor of the next page; null at the end.")


class PagePosition:
    """Position of a page in a listing."""

    def __init__(
        self,
        until_ms: Annotated[
            int | None, Query(ge=0, le=FOREVER, description="Before this instant, epoch ms UTC.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE_ROWS, description="Rows per page.")] = 50,
        cursor: Annotated[
            str | None, Query(max_length=40, description="`next` of the previous page.")
        ] = None,
    ) -> None:
        self.limit = limit
        self.until_ms, self.skip = _position(cursor, until_ms)


class PageRequest:
    """Query parameters of a listing."""

    def __init__(
        self,
        caller: Authenticated,
        position: Annotated[PagePosition, Depends(PagePosition)],
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
        self._limit, self._until_ms, self._skip = position.limit, position.until_ms, position.skip

    def selection(self) -> Selection:
        """Return the selected rows, limited to those the caller may see."""
        return Selection(
            user=self.caller.scope(self._user),
            strategy=self._strategy,
            symbol=self._symbol,
            status=self._status,
            since_ms=max(self._since_ms, self.caller.since_ms),
            until_ms=FOREVER if self._until_ms is None else self._until_ms,
        )

    async def page(self, context: Context, listing: RowReader) -> Any:
        """Return the requested page, limited to rows the caller may see."""
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
    """Return the end of the listing, and the number of rows on earlier pages."""
    if cursor is None:
        return (None if until_ms is None else Ms(until_ms)), 0
    parts = cursor.split(".")
    if len(parts) != _PARTS or not all(part.isascii() and part.isdigit() for part in parts):
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid cursor")
    end_ms, skip = int(parts[0]), int(parts[1])
    if end_ms > FOREVER or skip > _MAX_SKIP:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "the cursor is out of bounds")
    return Ms(end_ms), skip


RequestedPage = Annotated[PageRequest, Depends(PageRequest)]
