"""A queue with one reader that is written without waiting and read with ``async for``."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Stream(Generic[T]):
    """Items in order, kept from construction on, read by one task.

    ``limit`` bounds what an idle reader finds: the oldest items leave. With ``merge`` there is
    never more than one unread item; what arrives meanwhile is merged into it.
    """

    def __init__(
        self, *, limit: int | None = None, merge: Callable[[T, T], T] | None = None
    ) -> None:
        self._items: deque[T] = deque(maxlen=limit)
        self._merge = merge
        self._reader: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        """Unread items."""
        return len(self._items)

    def put(self, item: T) -> None:
        if self._merge is not None and self._items:
            item = self._merge(self._items.pop(), item)
        self._items.append(item)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def __aiter__(self) -> "Stream[T]":
        return self

    async def __anext__(self) -> T:
        """The next item, waiting for it if need be.

        Raises:
            RuntimeError: another task is waiting already.
        """
        if self._reader is not None:
            raise RuntimeError("a stream has one reader; this one has another already")
        while not self._items:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._items.popleft()
