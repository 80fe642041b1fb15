"""An asynchronous queue with one reader, written without waiting, read with ``async for``."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Stream(Generic[T]):
    """Items in order, kept from construction on, read by one task.

    ``limit`` bounds the unread items: the oldest are dropped. With ``merge`` there is at most one
    unread item; new items are merged into it.
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
        """Append an item, or merge it into the unread one."""
        if self._merge is not None and self._items:
            item = self._merge(self._items.pop(), item)
        self._items.append(item)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def __aiter__(self) -> "Stream[T]":
        return self

    async def __anext__(self) -> T:
        """Wait for the next item and return it.

        Raises:
            RuntimeError: another task is already waiting.
        """
        if self._reader is not None:
            raise RuntimeError("this stream already has a reader")
        while not self._items:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._items.popleft()
