"""Limits the cost of one read of a connection: its size, and the number of small pieces.

A chunk of one byte or an empty frame has five bytes, and costs the parser as much as a large one. A
read of the usual 256 kB can contain 40,000 of them, which block the event loop for seconds. So
reads are small, and clients that send many tiny pieces are rejected.
"""

import asyncio
from typing import Any

import h11

MIN_PIECES = 32
"""Number of pieces a request's body may always have, however small."""

BYTES_PER_PIECE = 256
"""Average bytes that allow one piece more."""

ANONYMOUS_FRAMES = 64
"""Burst of frames allowed for a WebSocket without a valid token."""

FRAMES = 256
"""Burst of frames allowed for an authenticated WebSocket."""

FRAMES_PER_SECOND = 10
"""Sustained rate of frames allowed for a WebSocket."""


class SmallReads(asyncio.BufferedProtocol):
    """Calls ``data_received`` with at most ``read_bytes`` at a time."""

    read_bytes = 4_096
    _buffer = bytearray()

    def get_buffer(self, sizehint: int) -> bytearray:
        if not self._buffer:
            self._buffer = bytearray(self.read_bytes)
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self._buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Process received data."""
        raise NotImplementedError


class Requests(h11.Connection):
    """Parses the requests of one connection; rejects ambiguous lengths and tiny pieces."""

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
                raise h11.RemoteProtocolError("the body has two lengths")
        elif isinstance(event, h11.Data):
            self._pieces += 1
            self._bytes += len(event.data)
            if self._pieces > MIN_PIECES + self._bytes // BYTES_PER_PIECE:
                raise h11.RemoteProtocolError("the body comes in too many pieces")
        return event


class Frames:
    """Rate limit of a WebSocket's frames."""

    def __init__(self) -> None:
        self._recent = 0.0
        self._at_s = 0.0

    def count(self, number: int, *, now_s: float, is_authenticated: bool) -> bool:
        """Count ``number`` frames; False if they exceed the limit."""
        expired = max(0.0, now_s - self._at_s) * FRAMES_PER_SECOND
        self._recent = max(0.0, self._recent - expired) + number
        self._at_s = now_s
        return self._recent <= (FRAMES if is_authenticated else ANONYMOUS_FRAMES)
