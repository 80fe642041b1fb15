"""Finds the line of each key of a TOML text, which tomllib does not report.

The text is valid TOML already, so the scanner only finds keys and skips values.
"""

import re
import tomllib
from bisect import bisect_left
from collections import Counter

Keys = tuple[str, ...]
"""Keys from the top of the file down to a table or value."""

KeyPath = tuple[str | int, ...]
"""Keys with list indexes: a number is the index of an item."""

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*'""")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_EQUALS = re.compile(r"[ \t]*=[ \t\r\n]*")
_SCALAR = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'"
    r"|[^,\]}\n#]+",
    re.DOTALL,
)


def dotted(path: KeyPath) -> str:
    """Format ``path`` like a TOML header: ``users.alice.account``, keys quoted if necessary."""
    keys = (str(key) for key in path)
    return ".".join(key if _BARE.fullmatch(key) else f'"{key}"' for key in keys)


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line, from 1, of every table, key and list item of a valid TOML text."""
    return _TomlScanner(text).run()


class _TomlScanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._ends = [each.start() for each in re.finditer("\n", text)]
        self._lines: dict[KeyPath, int] = {}
        self._lists: Counter[KeyPath] = Counter()  #: tables in each ``[[list]]`` so far

    def run(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._match(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._match(_BLANK)
        return self._lines

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise ValueError(f"not valid TOML at offset {self._at}")
        self._at = found.end()
        return found.group()

    def _record_line(self, path: KeyPath) -> None:
        line = bisect_left(self._ends, self._at) + 1
        for end in range(1, len(path) + 1):
            self._lines.setdefault(path[:end], line)

    def _header(self) -> KeyPath:
        is_list = self._text.startswith("[[", self._at)
        self._at += 2 if is_list else 1
        self._match(_BLANK)
        *parents, last = self._key()
        path: KeyPath = ()
        for key in parents:
            path = self._inside((*path, key))
        path = (*path, last)
        if is_list:
            self._lists[path] += 1
            path = self._inside(path)
        self._lines.pop(path, None)  # set provisionally by a sub-table above it
        self._record_line(path)
        self._match(_BLANK)
        self._at += 2 if is_list else 1
        return path

    def _inside(self, path: KeyPath) -> KeyPath:
        """Return ``path``, extended by the latest index if it is a list of tables."""
        return (*path, self._lists[path] - 1) if path in self._lists else path

    def _key(self) -> list[str]:
        keys = [self._one_key()]
        while _DOT.match(self._text, self._at):
            self._match(_DOT)
            keys.append(self._one_key())
        return keys

    def _one_key(self) -> str:
        token = self._match(_KEY)
        return next(iter(tomllib.loads(f"{token} = 0"))) if token[0] in "\"'" else token

    def _pair(self, table: KeyPath) -> None:
        start = self._at
        path = (*table, *self._key())
        after, self._at = self._at, start
        self._record_line(path)
        self._at = after
        self._match(_EQUALS)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        opening = self._text[self._at]
        if opening not in "[{":
            self._match(_SCALAR)
            return
        self._at += 1
        index = 0
        while self._next_item():
            if opening == "{":
                self._pair(path)
            else:
                self._record_line((*path, index))
                self._value((*path, index))
            index += 1

    def _next_item(self) -> bool:
        """Move to the next item of a list or inline table; past its end if there is none."""
        self._match(_BLANK)
        if self._text[self._at] == ",":
            self._at += 1
            self._match(_BLANK)
        if self._text[self._at] in "]}":
            self._at += 1
            return False
        return True
