"""Known secret values, found in a text without trying them one after the other.

With a thousand users there are thousands of values, so neither a loop of ``in`` nor one regular
expression of them all is affordable for every logged text. The text is cut into pieces of equal
size instead, and the pieces are looked up: a secret that is long enough covers at least one whole
piece wherever it lies. Which one depends on where it lies, so of each secret one piece for every
possible place is kept.
"""

import json
import sys
from collections.abc import Callable, Iterator
from struct import unpack_from
from urllib.parse import quote

MASK = "***"
MIN_LENGTH = 6


class SecretRegistry:
    """A registry of values that must never be seen."""

    def __init__(self) -> None:
        self._long = _SecretIndex(size=8, step=8, code="Q")
        self._short = _SecretIndex(size=4, step=2, code="I")
        self.shortest = sys.maxsize  #: characters of the shortest value known
        self._listeners: list[Callable[[], None]] = []

    def add(self, value: str) -> None:
        """Hide ``value`` from now on, also where it was escaped or quoted for a URL.

        Of a value of several lines each line is hidden by itself. Values, and lines, of fewer than
        6 characters are left out: hiding those would take harmless text along.
        """
        for form in _forms(value):
            pieces = self._long if len(_encoded(form)) >= self._long.min_length else self._short
            pieces.add(form)
            self.shortest = min(self.shortest, len(form))
        for listener in self._listeners:
            listener()

    def on_add(self, listener: Callable[[], None]) -> None:
        """Call ``changed`` after every addition: texts found clean before may no longer be so."""
        self._listeners.append(listener)

    def mask(self, text: str) -> str:
        """``text`` with ``***`` in place of every known value."""
        if len(text) < self.shortest:
            return text
        encoded = _encoded(text)
        found = self._long.found_in(text, encoded) | self._short.found_in(text, encoded)
        for secret in sorted(found, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text


class _SecretIndex:
    """Secrets by pieces of their beginning.

    Texts are cut into pieces of ``size`` bytes that start every ``step`` bytes. Of each secret the
    pieces at its first ``step`` bytes are kept, so it must have ``size + step - 1`` bytes.
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
    """How a value may stand in a text: as it is, escaped by Python or JSON, in a URL, by lines."""
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
