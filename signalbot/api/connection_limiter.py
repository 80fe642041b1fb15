"""Limits the connections of a listener: total, per address, and time per request.

A connection without authentication or a complete request gives way to newer ones: a legitimate
client sends its request within moments of connecting, one that exhausts connections does not. So
anonymous clients can never occupy the last slot.
"""

from collections import Counter
from collections.abc import Container, Iterator
from contextlib import contextmanager
from typing import Protocol

from signalbot.settings.daemon import ApiSettings

REQUEST_TIMEOUT_S = 10.0
"""Maximum time from the first byte, or the connection, to the end of a request."""

STALL_TIMEOUT_S = 20.0
"""Maximum time a client may leave its response unread."""

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


def build_connection_limiter(settings: ApiSettings, *, open_files: int) -> ConnectionLimiter:
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
