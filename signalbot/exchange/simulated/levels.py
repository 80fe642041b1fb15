"""The prices at which something happens in one market, nearest first on either side.

A range that reaches none of them costs two comparisons, however many orders rest.
"""

from dataclasses import dataclass
from decimal import Decimal
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")
_COMPACT_ABOVE = 64


@dataclass(slots=True, eq=False)
class Level(Generic[T]):
    """One price that matters to ``owner``; reached from above when ``falling``, else from below."""

    price: Decimal
    falling: bool
    owner: T
    live: bool = True

    def is_passed_by(self, price: Decimal) -> bool:
        return price <= self.price if self.falling else price >= self.price


_Heap = list[tuple[Decimal, int, Level[T]]]


class Levels(Generic[T]):
    """Live levels of one market. Adding costs a heap push, removing a flag."""

    def __init__(self) -> None:
        self._falling: _Heap[T] = []  # highest first: keys are negated prices
        self._rising: _Heap[T] = []  # lowest first
        self._added = 0
        self._dead = 0

    def __len__(self) -> int:
        return len(self._falling) + len(self._rising) - self._dead

    def add(self, level: Level[T]) -> None:
        """Put ``level`` in, once; a removed level does not come back."""
        self._added += 1
        if level.falling:
            heappush(self._falling, (level.price.copy_negate(), self._added, level))
        else:
            heappush(self._rising, (level.price, self._added, level))

    def remove(self, level: Level[T]) -> None:
        """Take ``level`` out; one that is no longer in it changes nothing."""
        if not level.live:
            return
        level.live = False
        self._dead += 1
        if self._dead > _COMPACT_ABOVE and self._dead > len(self):
            self._compact()

    def is_reached(self, low: Decimal, high: Decimal) -> bool:
        """Whether a range may reach a level; False is certain."""
        falling, rising = self._falling, self._rising
        return bool((falling and falling[0][2].price >= low) or (rising and rising[0][0] <= high))

    def reached(self, low: Decimal, high: Decimal) -> list[Level[T]]:
        """Every live level the range reaches, nearest first on each side. All stay in."""
        found = self._pop(self._falling, low) + self._pop(self._rising, high)
        for level in found:
            self.add(level)
        return found

    def _pop(self, heap: _Heap[T], price: Decimal) -> list[Level[T]]:
        found = []
        while heap and (not heap[0][2].live or heap[0][2].is_passed_by(price)):
            level = heappop(heap)[2]
            if level.live:
                found.append(level)
            else:
                self._dead -= 1
        return found

    def _compact(self) -> None:
        for heap in (self._falling, self._rising):
            heap[:] = [entry for entry in heap if entry[2].live]
            heapify(heap)
        self._dead = 0
