"""Limits the connections of a listener: total, per address, and time per request.

A connection without authentication or a complete request gives way to newer ones: a legitimate
client sends its request within moments of connecting, one that exhausts connections does not. So
anonymous clients can never occupy the last slot.
"""

import asyncio
from collections import Counter
from collections.abc import Container, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from signalbot.api.pieces import Frames, Requests, SmallReads
from signalbot.config.settings import ApiSettings

REQUEST_TIMEOUT_S = 10.0
"""Maximum time from the first byte, or the connection, to the end of a request."""

STALL_TIMEOUT_S = 20.0
"""Maximum time a client may leave its response unread."""

MOST_HEADER_BYTES = 16_384
"""Maximum size of a request head."""

_MIN_CONNECTIONS = 16
_FILE_SHARE = 0.25  # of the open file limit
_ADDRESS_DIVISOR = 4  # one address may use a quarter of all connections

Peer = tuple[str, int]
"""Address and port of a client; unique among the connections of a listener."""


class LimitedConnection(Protocol):
    """A connection as the limiter sees it."""

    peer: Peer | None
    is_authenticated: bool  #: the caller has a valid token
    is_delayed: bool  #: an anonymous response is delayed, so dropping loses nothing

    @property
    def is_idle(self) -> bool:
        """Whether no request is in progress: it is incomplete or answered."""
        ...

    def drop(self) -> None:
        """Close the connection immediately, without a response."""
        ...


class ConnectionLimiter:
    """Limits the connections of one listener, in total and per address."""

    def __init__(
        self,
        *,
        max_connections: int,
        max_per_address: int,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
        stall_timeout_s: float = STALL_TIMEOUT_S,
    ) -> None:
        self.max_connections = max_connections
        self.request_timeout_s = request_timeout_s
        self.stall_timeout_s = stall_timeout_s
        self._max_per_address = max_per_address
        self._open: dict[LimitedConnection, None] = {}  # oldest first
        self._by_peer: dict[Peer, LimitedConnection] = {}
        self._per_address: Counter[str] = Counter()
        self.dropped = 0  #: connections dropped for newer ones since the start

    def __len__(self) -> int:
        return len(self._open)

    def add(self, new: LimitedConnection) -> bool:
        """Register a new connection, dropping another one at the limit.

        False if all others are busy, so that this one is rejected.
        """
        address = None if new.peer is None else new.peer[0]
        if address is not None and self._per_address[address] >= self._max_per_address:
            is_accepted = self._drop_one({address})
        elif len(self._open) >= self.max_connections:
            is_accepted = self._drop_one(self._busiest()) or self._drop_one(None)
        else:
            is_accepted = True
        if is_accepted:
            self._open[new] = None
            if new.peer is not None:
                self._by_peer[new.peer] = new
                self._per_address[new.peer[0]] += 1
        return is_accepted

    def remove(self, old: LimitedConnection) -> None:
        if old not in self._open:
            return
        del self._open[old]
        if old.peer is not None:
            self._by_peer.pop(old.peer, None)
            self._per_address[old.peer[0]] -= 1
            if not self._per_address[old.peer[0]]:
                del self._per_address[old.peer[0]]

    def mark_authenticated(self, peer: object) -> None:
        """Record that a valid token arrived over the connection from ``peer``."""
        found = self._by_peer.get(peer)  # type: ignore[call-overload]
        if found is not None:
            found.is_authenticated = True

    @contextmanager
    def delaying(self, peer: object) -> Iterator[None]:
        """Mark the response to ``peer`` as delayed for the duration of the block."""
        found = self._by_peer.get(peer)  # type: ignore[call-overload]
        if found is not None:
            found.is_delayed = True
        try:
            yield
        finally:
            if found is not None:
                found.is_delayed = False

    def _busiest(self) -> set[str]:
        """Return the addresses with the most connections."""
        max_connections = max(self._per_address.values(), default=0)
        return {address for address, count in self._per_address.items() if count == max_connections}

    def _drop_one(self, addresses: Container[str] | None) -> bool:
        """Drop the oldest idle connection of ``addresses`` (None: any).

        Anonymous connections are dropped before authenticated ones.
        """
        oldest: LimitedConnection | None = None
        for each in self._open:
            is_there = addresses is None or (each.peer is not None and each.peer[0] in addresses)
            if is_there and (each.is_delayed or each.is_idle):
                oldest = oldest or each
                if not each.is_authenticated:
                    oldest = each
                    break
        if oldest is None:
            return False
        self.remove(oldest)
        self.dropped += 1
        oldest.drop()
        return True


class LimitedHttpProtocol(H11Protocol, SmallReads):
    """uvicorn's HTTP protocol with deadlines for receiving requests and reading responses."""

    def __init__(self, connections: ConnectionLimiter, **options: Any) -> None:
        super().__init__(**options)
        self.conn = Requests(max_incomplete_event_size=MOST_HEADER_BYTES)
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


def connection_limiter(settings: ApiSettings, *, open_files: int) -> ConnectionLimiter:
    """Build the limiter of the public listener from settings and ``open_files``, the file limit.

    Most files are reserved for exchanges, ledger and control socket. A proxy on this machine stands
    for all its clients, so no limit per address applies.
    """
    max_connections = max(
        _MIN_CONNECTIONS, min(settings.max_connections, int(open_files * _FILE_SHARE))
    )
    per_address = (
        max_connections
        if settings.tls_behind_proxy
        else max(1, max_connections // _ADDRESS_DIVISOR)
    )
    return ConnectionLimiter(max_connections=max_connections, max_per_address=per_address)


def protocols(connections: ConnectionLimiter) -> dict[str, Any]:
    """Return the uvicorn options that apply ``connections``."""
    return {
        "http": partial(LimitedHttpProtocol, connections),
        "ws": partial(LimitedWebSocketProtocol, connections),
    }
