"""Finds registered secrets in a text in constant time per character.

A thousand users have thousands of secrets, too many for a loop of ``in`` or one regular expression
per logged text. The text is cut into pieces of equal size, and the pieces are looked up in an
index: a long enough secret covers at least one whole piece at any offset. The index holds one piece
of each secret for every offset.
"""

import json
import sys
from collections.abc import Callable, Iterator
from struct import unpack_from
from urllib.parse import quote

MASK = "***"
MIN_LENGTH = 6


class SecretRegistry:
    """Values that must never appear in an output."""

    def __init__(self) -> None:
        self._long = _SecretIndex(size=8, step=8, code="Q")
        self._short = _SecretIndex(size=4, step=2, code="I")
        self.shortest = sys.maxsize  #: length of the shortest value
        self._listeners: list[Callable[[], None]] = []

    def add(self, value: str) -> None:
        """Mask ``value`` from now on, also in escaped and URL-quoted forms.

        Each line of a multi-line value is masked separately. Values and lines of fewer than 6
        characters are ignored: masking them would hide harmless text.
        """
        for form in _forms(value):
            pieces = self._long if len(_encoded(form)) >= self._long.min_length else self._short
            pieces.add(form)
            self.shortest = min(self.shortest, len(form))
        for listener in self._listeners:
            listener()

    def on_add(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after every addition: texts that were harmless may no longer be."""
        self._listeners.append(listener)

    def mask(self, text: str) -> str:
        """Return ``text`` with ``***`` for every registered value."""
        if len(text) < self.shortest:
            return text
        encoded = _encoded(text)
        found = self._long.found_in(text, encoded) | self._short.found_in(text, encoded)
        for secret in sorted(found, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text


class _SecretIndex:
    """Secrets by the pieces at their beginning.

    Texts are cut into pieces of ``size`` bytes that start every ``step`` bytes. The index holds the
    pieces at the first ``step`` bytes of each secret, which needs ``size + step - 1`` bytes.
    """

    def __init__(self, *, size: int, step: int, code: str) -> None:
        self.min_length = size + step - 1
        self._size = size
        self._step = step
        self._code = code
        self._secrets: dict[int, tuple[str, ...]] = {}

    def add(self, secret: str) -> None:
        encoded = _encoded(secret)
        for start in range(self._step):
            [piece] = unpack_from(self._code, encoded, start)
            existing = self._secrets.get(piece, ())
            if secret not in existing:
                self._secrets[piece] = (*existing, secret)

    def found_in(self, text: str, encoded: bytes) -> set[str]:
        found: set[str] = set()
        if not self._secrets or len(encoded) < self.min_length:
            return found
        for start in range(0, self._size, self._step):
            count = (len(encoded) - start) // self._size
            pieces = unpack_from(f"{count}{self._code}", encoded, start)
            if self._secrets.keys().isdisjoint(pieces):
                continue
            for piece in pieces:
                found.update(each for each in self._secrets.get(piece, ()) if each in text)
        return found


def _forms(value: str) -> set[str]:
    """Forms of a value in a text: plain, escaped by Python or JSON, URL-quoted, by lines."""
    lines = {value.strip(), *map(str.strip, value.splitlines())}
    return {
        form for line in lines if len(line) >= MIN_LENGTH for form in (line, *_escaped(line))
    }  # fmt: skip


def _escaped(line: str) -> Iterator[str]:
    if line.isalnum() and line.isascii():
        return
    yield repr(line)[1:-1]
    yield ascii(line)[1:-1]
    yield json.dumps(line)[1:-1]
    yield json.dumps(line, ensure_ascii=False)[1:-1]
    yield quote(line, safe="", errors="replace")
    yield quote(line, errors="replace")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
