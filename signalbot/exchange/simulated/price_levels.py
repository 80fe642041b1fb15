"""The prices with an order or a liquidation in one market, nearest first on each side.

A range that reaches none of them costs two comparisons, however many orders rest.
"""

from dataclasses import dataclass
from decimal import Decimal
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")
_COMPACT_ABOVE = 64


@dataclass(slots=True, eq=False)
class PriceLevel(Generic[T]):
    """One price level of ``owner``; reached from above when ``falling``, else from below."""

    price: Decimal
    falling: bool
    owner: T
    is_active: bool = True

    def is_passed_by(self, price: Decimal) -> bool:
        return price <= self.price if self.falling else price >= self.price


_Heap = list[tuple[Decimal, int, PriceLevel[T]]]


class PriceLevels(Generic[T]):
    """Live levels of one market. Adding costs a heap push, removing a flag."""

    def __init__(self) -> None:
        self._falling: _Heap[T] = []  # highest first: keys are negated prices
        self._rising: _Heap[T] = []  # lowest first
        self._added = 0
        self._removed = 0

    def __len__(self) -> int:
        return len(self._falling) + len(self._rising) - self._removed

    def add(self, level: PriceLevel[T]) -> None:
        """Add ``level``, once; a removed level cannot be added again."""
        self._added += 1
        if level.falling:
            heappush(self._falling, (level.price.copy_negate(), self._added, level))
        else:
            heappush(self._rising, (level.price, self._added, level))

    def remove(self, level: PriceLevel[T]) -> None:
        """Remove ``level``; a missing one changes nothing."""
        if not level.is_active:
            return
        level.is_active = False
        self._removed += 1
        if self._removed > _COMPACT_ABOVE and self._removed > len(self):
            self._compact()

    def is_reached(self, low: Decimal, high: Decimal) -> bool:
        """Whether a range may reach a level; False is certain."""
        falling, rising = self._falling, self._rising
        return bool((falling and falling[0][2].price >= low) or (rising and rising[0][0] <= high))

    def reached(self, low: Decimal, high: Decimal) -> list[PriceLevel[T]]:
        """Every live level the range reaches, nearest first on each side. All stay in."""
        found = self._pop(self._falling, low) + self._pop(self._rising, high)
        for level in found:
            self.add(level)
        return found

    def _pop(self, heap: _Heap[T], price: Decimal) -> list[PriceLevel[T]]:
        found = []
        while heap and (not heap[0][2].is_active or heap[0][2].is_passed_by(price)):
            level = heappop(heap)[2]
            if level.is_active:
                found.append(level)
            else:
                self._removed -= 1
        return found

    def _compact(self) -> None:
        for heap in (self._falling, self._rising):
            heap[:] = [entry for entry in heap if entry[2].is_active]
            heapify(heap)
        self._removed = 0
