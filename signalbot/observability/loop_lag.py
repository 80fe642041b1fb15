"""Measures the delay of the event loop, which shows code that blocks it."""

import asyncio
from collections import deque

from signalbot.ports import Clock

_INTERVAL_S = 0.25
_SAMPLES = 60


class LoopLag:
    """Samples the delay four times a second; ``worst_s`` covers the last 15 seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: deque[float] = deque(maxlen=_SAMPLES)

    @property
    def worst_s(self) -> float:
        """The worst delay of the last 15 seconds, in seconds."""
        return max(self._samples, default=0.0)

    async def run(self) -> None:
        """Sample until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            await self._clock.sleep(_INTERVAL_S)
            self._samples.append(max(0.0, loop.time() - began_s - _INTERVAL_S))
