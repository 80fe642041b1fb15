"""What the wire tells about the request now under way, seen below ccxt.

ccxt raises one class for a refused connection and for a lost answer, and keeps an answer's headers
where a concurrent call overwrites them. aiohttp knows better, per request.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

import aiohttp


@dataclass(slots=True)
class RequestTrace:
    """Filled in while a call is under way; of several requests it tells of the last."""

    is_started: bool = False  #: it has had its turn
    is_sent: bool = False  #: set before the first byte leaves, and never unset
    status: int | None = None  #: of HTTP, once the answer begins
    headers: Mapping[str, str] = field(default_factory=dict)  #: likewise; names are in any case

    @property
    def retry_after_s(self) -> float | None:
        wait = self.headers.get("Retry-After", "").strip()
        return float(wait) if wait.isascii() and wait.isdigit() else None


current_trace: ContextVar[RequestTrace | None] = ContextVar("sending", default=None)


OnHeaders = Callable[[Mapping[str, str]], None]
"""Called with the headers of every answer; names are case-insensitive."""


def trace_config(on_headers: OnHeaders) -> aiohttp.TraceConfig:
    """For the session that every client shares; without it nothing could be called never sent."""

    async def on_answer(
        _session: object, _context: object, params: aiohttp.TraceRequestEndParams
    ) -> None:
        headers = params.response.headers
        now = current_trace.get()
        if now is not None:
            now.status = params.response.status
            now.headers = headers
        on_headers(headers)

    config = aiohttp.TraceConfig()
    config.on_request_headers_sent.append(_on_headers_sent)
    config.on_request_end.append(on_answer)
    return config


async def _on_headers_sent(_session: object, _context: object, _params: object) -> None:
    now = current_trace.get()
    if now is not None:
        now.is_sent = True
