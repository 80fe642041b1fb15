"""Traces the request in flight below ccxt: whether it was sent, its status and its headers.

ccxt raises one class for a refused connection and for a lost response, and keeps the headers of a
response where a concurrent call overwrites them. aiohttp reports both per request.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

import aiohttp


@dataclass(slots=True)
class RequestTrace:
    """Filled in while a call is in flight; of several requests it holds the last."""

    is_started: bool = False  #: it has a slot
    is_sent: bool = False  #: set before the first byte leaves, and never unset
    status: int | None = None  #: of HTTP, once the response begins
    headers: Mapping[str, str] = field(default_factory=dict)  #: likewise, in any case

    @property
    def retry_after_s(self) -> float | None:
        wait = self.headers.get("Retry-After", "").strip()
        return float(wait) if wait.isascii() and wait.isdigit() else None


current_trace: ContextVar[RequestTrace | None] = ContextVar("sending", default=None)


OnHeaders = Callable[[Mapping[str, str]], None]
"""Called with the headers of every response; names are case-insensitive."""


def trace_config(on_headers: OnHeaders) -> aiohttp.TraceConfig:
    """Traces the session that clients share; it proves that a request was never sent."""

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
