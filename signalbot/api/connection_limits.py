"""Bounds the connections of a listener: how many there are, from where, and how long each takes.

A connection that is not answered yet and is not known to be anybody's gives way to newer ones: a
client that means it has sent its request within moments of connecting, one that holds connections
open has not. So strangers can never take the last place, however many they are.
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
from signalbot.settings.daemon import ApiSettings

REQUEST_TIMEOUT_S = 10.0
"""How long a request may take to arrive, from its first byte, or the connection's, to its last."""

STALL_TIMEOUT_S = 20.0
"""How long a client may leave its answer unread."""

MOST_HEADER_BYTES = 16_384
"""The largest head of a request."""

_MIN_CONNECTIONS = 16
_FILE_SHARE = 0.25  # of the files that may be open
_ADDRESS_DIVISOR = 4  # addresses that could take everything together

Peer = tuple[str, int]
"""Address and port of a client: they tell the connections of a listener apart."""


class LimitedConnection(Protocol):
    """One connection, as its bounds see it."""

    peer: Peer | None
    is_authenticated: bool  #: it belongs to a caller with a valid token
    is_delayed: bool  #: a stranger's answer is held back, so nothing is lost with it

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being done for it: its request is not there yet, or answered."""
        ...

    def drop(self) -> None:
        """End it at once, without a word."""
        ...


class ConnectionLimiter:
    """The connections of one listener; at most ``most``, ``most_per_address`` from one address."""

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
        self._open: dict[LimitedConnection, None] = {}  # the oldest first
        self._by_peer: dict[Peer, LimitedConnection] = {}
        self._per_address: Counter[str] = Counter()
        self.dropped = 0  #: those that had to give way since the start

    def __len__(self) -> int:
        return len(self._open)

    def add(self, new: LimitedConnection) -> bool:
        """Count a new connection; another gives way if there are too many.

        False: all others are at work, so this one cannot be taken.
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
        """A valid token has come over the connection from ``peer``."""
        found = self._by_peer.get(peer)  # type: ignore[call-overload]
        if found is not None:
            found.is_authenticated = True

    @contextmanager
    def delaying(self, peer: object) -> Iterator[None]:
        """The answer to ``peer`` is held back for the duration of the block."""
        found = self._by_peer.get(peer)  # type: ignore[call-overload]
        if found is not None:
            found.is_delayed = True
        try:
            yield
        finally:
            if found is not None:
                found.is_delayed = False

    def _busiest(self) -> set[str]:
        """The addresses that most connections come from."""
        max_connections = max(self._per_address.values(), default=0)
        return {address for address, count in self._per_address.items() if count == max_connections}

    def _drop_one(self, addresses: Container[str] | None) -> bool:
        """End the oldest connection from there (None: anywhere) for which nothing is being done.

        Those of strangers go before those of known callers.
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
    """uvicorn's protocol with a deadline for each request, and for reading each answer."""

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
            self._cancel_deadline()  # uvicorn ends connections on which nothing more comes

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._close()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request, unless the answer has begun already."""
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
        """Whether one request is answered and nothing of another is there."""
        cycle: RequestResponseCycle | None = self.cycle
        is_between = self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]
        return cycle is not None and is_between

    def _start_deadline(self) -> None:
        """A request begins: it must be whole in time, however it is cut to pieces."""
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
    """uvicorn's protocol, counted among the connections of its listener, as are its frames."""

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
        if self._frames.count(number, now_s=now_s, is_known=self.is_authenticated):
            super().handle_events()
        else:
            self.drop()

    def _drop_unopened(self) -> None:
        """End it unless it has become a WebSocket: what asked for one was no such request."""
        if not self.handshake_complete:
            self.drop()


def connection_limiter(terms: ApiSettings, *, open_files: int) -> ConnectionLimiter:
    """The connections that the public listener may have, of ``open_files`` that may be open.

    Most files are kept back: for the exchanges, the ledger and the control socket. A proxy on this
    machine stands for all its clients, so it is not limited as one address.
    """
    max_connections = max(
        _MIN_CONNECTIONS, min(terms.max_connections, int(open_files * _FILE_SHARE))
    )
    per_address = (
        max_connections if terms.tls_behind_proxy else max(1, max_connections // _ADDRESS_DIVISOR)
    )
    return ConnectionLimiter(max_connections=max_connections, max_per_address=per_address)


def protocols(connections: ConnectionLimiter) -> dict[str, Any]:
    """What tells uvicorn to bound its connections."""
    return {
        "http": partial(LimitedHttpProtocol, connections),
        "ws": partial(LimitedWebSocketProtocol, connections),
    }
