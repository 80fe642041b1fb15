"""What the wire tells about the request now under way, seen below ccxt.

ccxt raises one class for a refused connection and for a lost answer, and keeps an answer's headers
where a concurrent call overwrites them. aiohttp knows better, per request.
"""

from contextvars import ContextVar
from dataclasses import dataclass

import aiohttp


@dataclass(slots=True)
class Sending:
    """Filled in while a call is under way; of several requests it tells of the last."""

    is_begun: bool = False  #: it has had its turn
    is_sent: bool = False  #: set before the first byte leaves, and never unset
    status: int | None = None  #: of HTTP, once the answer begins
    retry_after_s: float | None = None


sending: ContextVar[Sending | None] = ContextVar("sending", default=None)


def trace() -> aiohttp.TraceConfig:
    """For the session that every client shares; without it nothing could be called never sent."""
    config = aiohttp.TraceConfig()
    config.on_request_headers_sent.append(_on_headers_sent)
    config.on_request_end.append(_on_answer)
    return config


async def _on_headers_sent(_session: object, _context: object, _params: object) -> None:
    now = sending.get()
    if now is not None:
        now.is_sent = True


async def _on_answer(
    _session: object, _context: object, params: aiohttp.TraceRequestEndParams
) -> None:
    now = sending.get()
    if now is not None:
        now.status = params.response.status
        wait = params.response.headers.get("Retry-After", "").strip()
        now.retry_after_s = float(wait) if wait.isascii() and wait.isdigit() else None
