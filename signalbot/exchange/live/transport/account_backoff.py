"""Pauses one account that has exceeded its own request limit; other accounts go on."""

from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.exchange.live.transport.error_codes import AccountRateLimited
from signalbot.exchange.live.transport.exchange_api import RequestPriority
from signalbot.ports import Clock

_INITIAL_MS = 1_000  # most exchanges count an account's requests by the second or two
_MAX_MS = 60_000
_MAX_PROTECT_MS = 2_000  # protection is retried soon: a rejected try costs nothing
_REPEAT_WINDOW_MS = 10_000  # a rejection this soon after a pause lengthens the next one


class AccountBackoff:
    """Started by every rejection for the account's limit, and longer with each in a row.

    Limits are counted by endpoint or by kind of request, so protection pauses only after a
    rejection of a protective request.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until_ms = EPOCH
        self._protect_until_ms = EPOCH
        self._hold_until_ms = EPOCH
        self._repeats = 0
        self._reason = ""

    @property
    def until_ms(self) -> Ms:
        """When the account may send requests again."""
        return self._until_ms

    def begin(self, priority: RequestPriority, *, retry_after_s: float | None, reason: str) -> int:
        """Pause for ``retry_after_s``, else for our own term; return the length in ms."""
        now_ms = self._clock.now_ms()
        if now_ms >= self._until_ms:
            self._repeats = self._repeats + 1 if now_ms < self._until_ms + _REPEAT_WINDOW_MS else 0
        for_ms: int = min(_INITIAL_MS << self._repeats, _MAX_MS)
        if retry_after_s is not None:
            for_ms = max(round(retry_after_s * 1000), 1)
        self._until_ms = max(self._until_ms, Ms(now_ms + for_ms))
        self._reason = reason
        if priority is RequestPriority.PROTECT:
            protect_ms = Ms(now_ms + min(for_ms, _MAX_PROTECT_MS))
            self._protect_until_ms = max(self._protect_until_ms, protect_ms)
        return for_ms

    def hold_for(self, for_ms: int) -> None:
        """Delay the next request: the account has used up its limit without a rejection."""
        if for_ms > 0:
            self._hold_until_ms = max(self._hold_until_ms, Ms(self._clock.now_ms() + for_ms))

    async def wait(self, priority: RequestPriority) -> None:
        """Wait until the limit is renewed; protection also waits for the end of its pause.

        Raises:
            AccountRateLimited: the account is paused, and this is no protection.
        """
        if self._clock.now_ms() < self._hold_until_ms:
            await self._clock.sleep_until(self._hold_until_ms)
        now_ms = self._clock.now_ms()
        if priority is RequestPriority.PROTECT:
            if now_ms < self._protect_until_ms:
                await self._clock.sleep_until(self._protect_until_ms)
        elif now_ms < self._until_ms:
            remaining_s = (self._until_ms - now_ms) / 1000
            raise AccountRateLimited(
                f"no requests of the account for {remaining_s:.1f} s more: {self._reason}"
            )
