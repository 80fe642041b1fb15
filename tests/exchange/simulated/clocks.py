"""Clocks that never let anybody wait."""

from signalbot.domain.timeframe import Ms


class End(Exception):
    """The time a test has given is over."""


class JumpClock:
    """Jumps to whatever is waited for; past ``end_ms`` it raises ``End``."""

    def __init__(self, now_ms: int, end_ms: int | None = None) -> None:
        self.ms = now_ms
        self._end_ms = end_ms
        self.slept_s: list[float] = []

    def now_ms(self) -> Ms:
        return Ms(self.ms)

    async def sleep(self, delay_s: float) -> None:
        self.slept_s.append(delay_s)
        await self.sleep_until(Ms(self.ms + round(delay_s * 1000)))

    async def sleep_until(self, at_ms: Ms) -> None:
        if self._end_ms is not None and at_ms > self._end_ms:
            raise End
        self.ms = max(self.ms, at_ms)
