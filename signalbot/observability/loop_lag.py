"""How late the event loop is: the first thing that goes wrong when something hogs it."""

import asyncio
from collections import deque

from signalbot.ports import Clock

_INTERVAL_S = 0.25
_SAMPLES = 60


class LoopLag:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: deque[float] = deque(maxlen=_SAMPLES)

    @property
    def last_s(self) -> float:
        """How late the loop came at the last look, in seconds."""
        return self._samples[-1] if self._samples else 0.0

    @property
    def worst_s(self) -> float:
        """The worst of the last quarter of a minute, in seconds."""
        return max(self._samples, default=0.0)

    async def run(self) -> None:
        """Look four times a second, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            await self._clock.sleep(_INTERVAL_S)
            self._samples.append(max(0.0, loop.time() - began_s - _INTERVAL_S))
