"""A TOML file as read: its tables, and the line of each key."""

import re
import tomllib
from contextlib import suppress
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from signalbot.config.problems import InvalidConfig, Problem
from signalbot.config.toml_positions import KeyPath, key_lines

_SYNTAX_ERROR = re.compile(
    r"(?P<what>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|.*)\)"
)


class Document:
    """One file's content. Floats are Decimals of exactly the digits written."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.tables: dict[str, Any] = _parse(path, text)
        self.text = text

    @classmethod
    def read(cls, path: Path) -> "Document":
        """Read a file.

        Raises:
            InvalidConfig: it cannot be read, is not UTF-8, or is not TOML.
        """
        return cls(path, _text_of(path))

    @classmethod
    def read_until_table(cls, path: Path, table: str) -> "Document":
        """Read a file up to the end of ``[table]`` only: parsing a thousand users takes 0.2 s.

        A TOML table is written once, so a syntactically complete beginning of the file means the
        same alone. If the cut lies within a value, the whole file is read.

        Raises:
            InvalidConfig: as ``read``.
        """
        text = _text_of(path)
        beginning = re.match(
            rf".*?^[ \t]*\[{table}\].*?(?=^[ \t]*\[)", text, re.DOTALL | re.MULTILINE
        )
        if beginning:
            with suppress(InvalidConfig):
                return cls(path, beginning.group())
        return cls(path, text)

    def line_of(self, path: KeyPath) -> int | None:
        """Return the line of the key at ``path``, else of the nearest table around it."""
        for end in range(len(path), 0, -1):
            if line := self._lines.get(path[:end]):
                return line
        return None

    def has_line(self, path: KeyPath) -> bool:
        """Return whether exactly this key is written in the file."""
        return path in self._lines

    @cached_property
    def _lines(self) -> dict[KeyPath, int]:
        return key_lines(self.text)


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as e:
        raise InvalidConfig([_unreadable(path, f"cannot be read: {e.strerror}")]) from e
    except UnicodeDecodeError as e:
        raise InvalidConfig([_unreadable(path, "is not UTF-8 text, as TOML must be")]) from e


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except ValueError as e:  # TOMLDecodeError, or an integer too long for Python
        raise InvalidConfig([_syntax_problem(path, str(e))]) from e


def _syntax_problem(path: Path, message: str) -> Problem:
    found = _SYNTAX_ERROR.fullmatch(message)
    if not found:
        return _unreadable(path, f"is not TOML: {message}")
    if not found["line"]:
        return _unreadable(path, f"is not TOML: {found['what']} at the end of the file")
    return Problem(
        where=str(path),
        message=f"is not TOML: {found['what']}",
        line=int(found["line"]),
        column=int(found["column"]),
    )


def _unreadable(path: Path, message: str) -> Problem:
    return Problem(where=str(path), message=message)
