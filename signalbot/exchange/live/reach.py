"""Whether anything at all answers at the far end of one line to an exchange.

One request that fails says little: answers get lost, gateways hiccup, one account's key is wrong.
An exchange is away when every request of some seconds has failed, whoever's it was.
"""

import asyncio
from typing import Final

from ccxt.base.errors import NetworkError

from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.answer_shapes import BadAnswer
from signalbot.exchange.live.outcome import plain
from signalbot.exchange.live.sending import Sending
from signalbot.ports import Clock

_LEAST_FAILURES: Final = 3
_LEAST_MS: Final = 3_000
_SERVER_ERROR: Final = 500
_SILENCES: Final = (NetworkError, TimeoutError, asyncio.CancelledError)


class Reach:
    """Hears of every request what came of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._failing_since_ms = Ms(0)
        self.away_since_ms: Ms | None = None  #: None while it answers, as far as is known
        self.cause = ""  #: what the last request that failed has met

    def answered(self) -> None:
        """A request was answered, whatever the answer."""
        self._failures, self.away_since_ms = 0, None

    def failed(self, error: BaseException, state: Sending) -> None:
        """A request has met ``error``, which may be an answer, a silence, or neither."""
        if isinstance(error, BadAnswer):
            self._unanswered(error)
        elif state.status is not None and state.status < _SERVER_ERROR:
            self.answered()
        elif state.status is not None or (state.is_begun and isinstance(error, _SILENCES)):
            self._unanswered(error)

    def _unanswered(self, error: BaseException) -> None:
        now_ms = self._clock.now_ms()
        self.cause = plain(error)
        if not self._failures:
            self._failing_since_ms = now_ms
        self._failures += 1
        if self._failures >= _LEAST_FAILURES and now_ms - self._failing_since_ms >= _LEAST_MS:
            self.away_since_ms = self._failing_since_ms
