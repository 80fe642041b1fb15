"""What a strategy prints, line by line, bounded in every direction."""

from collections import deque
from collections.abc import Callable

Say = Callable[[str], None]

_LINE_BYTES = 500
_LINES_PER_CANDLE = 20
_LINES_REMEMBERED = 12


class Flood(Exception):
    """A strategy prints without end."""


class Speech:
    """Cuts bytes into lines of text; the first lines of every candle are said, then counted."""

    def __init__(self, say: Say, *, limit_bytes: int) -> None:
        self._say = say
        self._limit_bytes = limit_bytes
        self._rest = b""
        self._heard_bytes = self._said = self._unsaid = 0
        self._last: deque[str] = deque(maxlen=_LINES_REMEMBERED)

    def begin(self) -> None:
        """The next candle."""
        if self._rest:
            self._line(self._rest)
        self._rest = b""
        if self._unsaid:
            self._say(f"(and {self._unsaid} more lines)")
        self._heard_bytes = self._said = self._unsaid = 0
        self._last.clear()

    def hear(self, chunk: bytes) -> None:
        """Take in what was printed.

        Raises:
            Flood: it is more than a candle is worth.
        """
        self._heard_bytes += len(chunk)
        if self._heard_bytes > self._limit_bytes:
            raise Flood(f"it printed more than {self._limit_bytes:,} bytes on one candle")
        *lines, rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._line(line)
        self._rest = rest

    @property
    def last(self) -> list[str]:
        """The last lines of this candle."""
        return [*self._last, *([_text(self._rest)] if self._rest else [])]

    def _line(self, line: bytes) -> None:
        text = _text(line)
        self._last.append(text)
        if self._said < _LINES_PER_CANDLE:
            self._said += 1
            self._say(text)
        else:
            self._unsaid += 1


def _text(line: bytes) -> str:
    return printable(line[:_LINE_BYTES].decode(errors="replace").rstrip())


def printable(text: str) -> str:
    """``text`` without anything that could move a cursor or begin a line of its own."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
