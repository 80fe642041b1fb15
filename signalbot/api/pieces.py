"""Bounds what one read of a connection can cost: how much it brings, and in how small pieces.

A chunk of one byte or an empty frame is five bytes on the wire, and as much work for the parser as
a whole one. A read of the usual 256 kB can hold 40,000 of them, which takes seconds, and nothing
else has its turn meanwhile. So reads are small, and a client that sends next to nothing in very
many pieces is refused.
"""

import asyncio
from typing import Any

import h11

LEAST_PIECES = 32
"""Pieces that a request's body may come in, however small they are."""

BYTES_A_PIECE = 256
"""Bytes that allow one piece more, on average."""

FRAMES_OF_A_STRANGER = 64
"""Frames that a WebSocket without a valid token may send at once."""

FRAMES = 256
"""Frames that any other may send at once."""

FRAMES_PER_SECOND = 10
"""Frames that a WebSocket may send in the long run."""


class SmallReads(asyncio.BufferedProtocol):
    """Has ``data_received`` called with at most ``read_bytes`` at a time."""

    read_bytes = 4_096
    _buffer = bytearray()

    def get_buffer(self, sizehint: int) -> bytearray:
        if not self._buffer:
            self._buffer = bytearray(self.read_bytes)
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self._buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Take what was read."""
        raise NotImplementedError


class Requests(h11.Connection):
    """The requests of one connection; those of which two readers could differ are refused."""

    def __init__(self, *, max_incomplete_event_size: int) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size)
        self._pieces = 0
        self._bytes = 0

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._pieces = self._bytes = 0
            names = {name for name, _ in event.headers}
            if {b"content-length", b"transfer-encoding"} <= names:
                raise h11.RemoteProtocolError("the body's length is told in two ways")
        elif isinstance(event, h11.Data):
            self._pieces += 1
            self._bytes += len(event.data)
            if self._pieces > LEAST_PIECES + self._bytes // BYTES_A_PIECE:
                raise h11.RemoteProtocolError("the body comes in too many pieces")
        return event


class Frames:
    """How many frames a WebSocket has sent of late."""

    def __init__(self) -> None:
        self._recent = 0.0
        self._at_s = 0.0

    def count(self, number: int, *, now_s: float, is_known: bool) -> bool:
        """Count so many more; False when they are too many."""
        gone = max(0.0, now_s - self._at_s) * FRAMES_PER_SECOND
        self._recent = max(0.0, self._recent - gone) + number
        self._at_s = now_s
        return self._recent <= (FRAMES if is_known else FRAMES_OF_A_STRANGER)
