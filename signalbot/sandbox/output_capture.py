"""Captures a strategy's output as lines, bounded in length and number."""

from collections import deque
from collections.abc import Callable

LineSink = Callable[[str], None]

_LINE_BYTES = 500
_LINES_PER_CANDLE = 20
_MAX_LAST_LINES = 12


class OutputLimitExceeded(Exception):
    """A strategy printed more than the limit on one candle."""


class OutputCapture:
    """Splits output into lines; passes on the first lines per candle and counts the rest."""

    def __init__(self, on_line: LineSink, *, limit_bytes: int) -> None:
        self._on_line = on_line
        self._limit_bytes = limit_bytes
        self._partial_line = b""
        self._received_bytes = self._emitted_lines = self._suppressed_lines = 0
        self._last: deque[str] = deque(maxlen=_MAX_LAST_LINES)

    def begin_candle(self) -> None:
        """Start the output of the next candle."""
        if self._partial_line:
            self._add_line(self._partial_line)
        self._partial_line = b""
        if self._suppressed_lines:
            self._on_line(f"(and {self._suppressed_lines} more lines)")
        self._received_bytes = self._emitted_lines = self._suppressed_lines = 0
        self._last.clear()

    def feed(self, chunk: bytes) -> None:
        """Add output.

        Raises:
            OutputLimitExceeded: the output of this candle exceeds the limit.
        """
        self._received_bytes += len(chunk)
        if self._received_bytes > self._limit_bytes:
            raise OutputLimitExceeded(
                f"it printed more than {self._limit_bytes:,} bytes on one candle"
            )
        *lines, partial = (self._partial_line + chunk).split(b"\n")
        for line in lines:
            self._add_line(line)
        self._partial_line = partial

    @property
    def last_lines(self) -> list[str]:
        """The last lines printed on this candle."""
        return [*self._last, *([_text(self._partial_line)] if self._partial_line else [])]

    def _add_line(self, line: bytes) -> None:
        text = _text(line)
        self._last.append(text)
        if self._emitted_lines < _LINES_PER_CANDLE:
            self._emitted_lines += 1
            self._on_line(text)
        else:
            self._suppressed_lines += 1


def _text(line: bytes) -> str:
    return printable(line[:_LINE_BYTES].decode(errors="replace").rstrip())


def printable(text: str) -> str:
    """Escape characters in ``text`` that could move the cursor or start a new line."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
