"""uvicorn protocols that apply a listener's limits on connections, requests and frames."""

import asyncio
from functools import partial
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from signalbot.api.connection_limiter import ConnectionLimiter, Peer
from signalbot.api.read_limits import Frames, Requests, SmallReads

MAX_HEADER_BYTES = 16_384
"""Maximum size of a request head."""


class LimitedHttpProtocol(H11Protocol, SmallReads):
    """uvicorn's HTTP protocol with deadlines for receiving requests and reading responses."""

    def __init__(self, connections: ConnectionLimiter, **options: Any) -> None:
        super().__init__(**options)
        self.conn = Requests(max_incomplete_event_size=MAX_HEADER_BYTES)
        self._connections = connections
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self.peer: Peer | None = None
        self.is_authenticated = False
        self.is_delayed = False

    @property
    def is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete or cycle.more_body

    def drop(self) -> None:
        self._cancel()
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.peer = self.client
        if self._connections.add(self):
            self._start_deadline()
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._close()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._start_deadline()
        super().data_received(data)
        if not self.is_idle or self._is_between_requests:
            self._cancel_deadline()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._is_between_requests:
            self._cancel_deadline()  # uvicorn closes idle keep-alive connections

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._close()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Send a 400 response, unless a response has already started."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.drop()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall = self._stall or self.loop.call_later(
            self._connections.stall_timeout_s, self.drop
        )

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    @property
    def _is_between_requests(self) -> bool:
        """Whether a request is answered and no byte of another has arrived."""
        cycle: RequestResponseCycle | None = self.cycle
        is_between = self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]
        return cycle is not None and is_between

    def _start_deadline(self) -> None:
        """Start the deadline by which the whole request must have arrived."""
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._connections.request_timeout_s, self.drop)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close(self) -> None:
        self._cancel()
        self._connections.remove(self)

    def _cancel(self) -> None:
        self._cancel_deadline()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None


class LimitedWebSocketProtocol(WebSocketsSansIOProtocol, SmallReads):
    """uvicorn's WebSocket protocol with limits on connections and frames."""

    read_bytes = 512

    def __init__(self, connections: ConnectionLimiter, **options: Any) -> None:
        super().__init__(**options)
        self._connections = connections
        self._deadline: asyncio.TimerHandle | None = None
        self._frames = Frames()
        self.peer: Peer | None = None
        self.is_authenticated = False
        self.is_delayed = False

    @property
    def is_idle(self) -> bool:
        return not self.is_authenticated or self.close_sent

    def drop(self) -> None:
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.peer = self.client
        if self._connections.add(self):
            request_timeout_s = self._connections.request_timeout_s
            self._deadline = self.loop.call_later(request_timeout_s, self._drop_unopened)
        else:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._connections.remove(self)
        super().connection_lost(exc)

    def handle_events(self) -> None:
        number, now_s = len(self.conn.events), self.loop.time()
        if self._frames.count(number, now_s=now_s, is_authenticated=self.is_authenticated):
            super().handle_events()
        else:
            self.drop()

    def _drop_unopened(self) -> None:
        """Drop the connection if the WebSocket handshake is incomplete."""
        if not self.handshake_complete:
            self.drop()


def protocols(connections: ConnectionLimiter) -> dict[str, Any]:
    """Return the uvicorn options that apply ``connections``."""
    return {
        "http": partial(LimitedHttpProtocol, connections),
        "ws": partial(LimitedWebSocketProtocol, connections),
    }
