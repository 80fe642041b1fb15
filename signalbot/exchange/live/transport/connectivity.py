"""Detects that an exchange does not respond at all to one address.

One failed request means little: responses get lost, gateways fail, one account's key is wrong. An
exchange is unreachable when every request of some seconds has failed, of whatever account.
"""

import asyncio
from typing import Final

from ccxt.base.errors import NetworkError

from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.transport.error_mapping import redacted_text
from signalbot.exchange.live.transport.request_trace import RequestTrace
from signalbot.exchange.live.transport.response_validation import InvalidResponse
from signalbot.ports import Clock

_MIN_FAILURES: Final = 3
_MIN_OUTAGE_MS: Final = 3_000
_SERVER_ERROR: Final = 500
_NO_RESPONSE_ERRORS: Final = (NetworkError, TimeoutError, asyncio.CancelledError)


class Connectivity:
    """Takes the outcome of every request."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._failing_since_ms = Ms(0)
        self.outage_since_ms: Ms | None = None  #: None while the exchange responds
        self.cause = ""  #: error of the last failed request

    def record_response(self) -> None:
        """A request had a response, of whatever content."""
        self._failures, self.outage_since_ms = 0, None

    def record_failure(self, error: BaseException, trace: RequestTrace) -> None:
        """A request failed: with a response, without one, or before it was sent."""
        if isinstance(error, InvalidResponse):
            self._record_no_response(error)
        elif trace.status is not None and trace.status < _SERVER_ERROR:
            self.record_response()
        elif trace.status is not None or (
            trace.is_started and isinstance(error, _NO_RESPONSE_ERRORS)
        ):
            self._record_no_response(error)

    def _record_no_response(self, error: BaseException) -> None:
        now_ms = self._clock.now_ms()
        self.cause = redacted_text(error)
        if not self._failures:
            self._failing_since_ms = now_ms
        self._failures += 1
        if self._failures >= _MIN_FAILURES and now_ms - self._failing_since_ms >= _MIN_OUTAGE_MS:
            self.outage_since_ms = self._failing_since_ms
