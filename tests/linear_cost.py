"""Finds what takes more than in proportion to the length of what it reads.

Compares the processor time for a text with the time for one four times as long, so the speed of the
machine does not matter: reading in proportion takes four times as long, going back and forth
sixteen times or more. Times too short to compare are left out, measured by a plain search.
"""

import json
import time
from collections.abc import Callable
from functools import cache

FACTOR = 4
"""How much longer the second text is."""

_MOST_GROWTH = 9.0  # between FACTOR and its square
_NEGLIGIBLE = 4.0  # times what a plain JSON reader takes for as many bytes
_ROUNDS = 4


def grows_too_fast(read: Callable[[int], object], *, length: int) -> float | None:
    """The growth of ``read(size)`` from ``length / FACTOR`` to ``length``; None: in proportion.

    ``read`` is called with the size of what it must read.
    """
    negligible_s = _NEGLIGIBLE * _plain_s(length)
    growth = None
    for _ in range(_ROUNDS):  # a moment of a busy machine is no growth: it must show every time
        long_s = _spent_s(lambda: read(length))
        if long_s <= negligible_s:
            return None
        growth = long_s / max(_spent_s(lambda: read(length // FACTOR)), 1e-9)
        if growth <= _MOST_GROWTH:
            return None
    return growth


@cache
def _plain_s(length: int) -> float:
    """The time in which a reader that is known to be linear is through with so many bytes."""
    text = json.dumps(["abc 12"] * (length // 10))
    return min(_spent_s(lambda: json.loads(text)) for _ in range(3))


def _spent_s(work: Callable[[], object]) -> float:
    begun_s = time.thread_time()
    work()
    return time.thread_time() - begun_s
