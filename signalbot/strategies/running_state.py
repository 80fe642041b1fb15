"""State of a rule that is updated from candle to candle, such as a trend and its bands.

The state is computed from the whole window at first use and whenever a candle was missed, and
updated by one candle otherwise. Windows are long enough that both give the same result.
"""

from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from signalbot.strategies.base import CandleWindow

S = TypeVar("S")


class RunningState(Generic[S]):
    """The state of each window, as of its newest candle."""

    def __init__(
        self, begin: Callable[[CandleWindow], S], step: Callable[[S, CandleWindow], S]
    ) -> None:
        """``begin`` computes the state of a full window, ``step`` updates it by one candle."""
        self._begin = begin
        self._step = step
        self._states: WeakKeyDictionary[CandleWindow, tuple[int, S]] = WeakKeyDictionary()

    def at(self, window: CandleWindow) -> S:
        """Return the state after the newest candle of a full ``window``."""
        count, current = window.count, self._states.get(window)
        if current is not None and current[0] == count:
            return current[1]
        if current is not None and current[0] == count - 1:
            state = self._step(current[1], window)
        else:
            state = self._begin(window)
        self._states[window] = count, state
        return state
