"""Published request limits: windows of so many requests, and counters that decay."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Windows:
    """At most ``most`` requests within any ``seconds``, for each name by itself."""

    most: int
    seconds: float
    now_s: Callable[[], float] = time.monotonic
    _times: dict[Hashable, deque[float]] = field(
        default_factory=lambda: defaultdict(deque), init=False
    )

    def takes(self, name: Hashable, cost: int = 1) -> bool:
        """Count a request of ``name``; whether it is within the limit."""
        times, now_s = self._times[name], self.now_s()
        while times and times[0] <= now_s - self.seconds:
            times.popleft()
        if len(times) + cost > self.most:
            return False
        times.extend([now_s] * cost)
        return True

    def left(self, name: Hashable) -> int:
        """How many requests of ``name`` are left at the moment."""
        return self.most - len(self._times[name])


@dataclass(slots=True)
class Decaying:
    """A counter for each name that every request raises and time lowers, ``decay`` a second."""

    most: float
    decay: float
    now_s: Callable[[], float] = time.monotonic
    _counts: dict[Hashable, tuple[float, float]] = field(default_factory=dict, init=False)

    def value(self, name: Hashable) -> float:
        """Where the counter of ``name`` stands now."""
        count, at_s = self._counts.get(name, (0.0, self.now_s()))
        return max(0.0, count - (self.now_s() - at_s) * self.decay)

    def takes(self, name: Hashable, cost: float = 1) -> bool:
        """Raise the counter by ``cost``; whether it stays within ``most``.

        A refused request raises nothing.
        """
        value = self.value(name) + cost
        if value > self.most:
            return False
        self._counts[name] = (value, self.now_s())
        return True

    def add(self, name: Hashable, cost: float) -> None:
        """Raise the counter by ``cost``, wherever it stands."""
        self._counts[name] = (self.value(name) + cost, self.now_s())
