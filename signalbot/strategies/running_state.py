"""State that a rule carries from candle to candle, where no window reaches back to its cause.

A trend that turned long ago still decides what the next close means. So the state follows its
window; it is found in the window alone when the rule first looks at it, and whenever a candle was
not looked at. Windows are long enough that both come to the same.
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
        """``begin`` finds the state in a full window, ``step`` takes it one candle further."""
        self._begin = begin
        self._step = step
        self._states: WeakKeyDictionary[CandleWindow, tuple[int, S]] = WeakKeyDictionary()

    def at(self, window: CandleWindow) -> S:
        """The state after the newest candle of a full ``window``."""
        count, current = window.count, self._states.get(window)
        if current is not None and current[0] == count:
            return current[1]
        if current is not None and current[0] == count - 1:
            state = self._step(current[1], window)
        else:
            state = self._begin(window)
        self._states[window] = count, state
        return state
