"""Archive files: one compressed, append-only file per month.

Each line is a JSON object ``{"TABLE": {column: value}}`` and the file is gzip, so that ``zcat``,
``jq`` and every language can read it. A gzip file may consist of several parts: appending never
changes existing bytes.
"""

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import RawIOBase
from pathlib import Path
from shutil import copyfileobj
from typing import Any, BinaryIO

from signalbot.domain.errors import LedgerError
from signalbot.domain.events import current_kind

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_BLOCK_BYTES = 1 << 20
_COMPRESSION_LEVEL = 6  # of 9: half the time of 9 for a few percent more size
_GZIP_WBITS = 31  # zlib's value for gzip with header and checksum


@dataclass(frozen=True, slots=True)
class ArchivedRow:
    """One row with its table; journal kinds of version 0.1 are read under their present name."""

    table: str
    values: dict[str, Any]  #: by column

    def to_line(self) -> bytes:
        return json.dumps({self.table: self.values}, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "ArchivedRow":
        ((table, values),) = json.loads(line).items()
        if table == "events":
            values["kind"] = current_kind(values["kind"])
        return cls(table, values)


def month_of(at_ms: int) -> str:
    """The UTC month of an instant, such as ``2026-08``."""
    return f"{_FIRST + timedelta(milliseconds=at_ms):%Y-%m}"


def archive_path(folder: Path, month: str) -> Path:
    """The file of a month in ``folder``."""
    return folder / f"{month}.jsonl.gz"


def append_rows(path: Path, rows: Sequence[ArchivedRow], *, confirmed: int) -> int:
    """Append rows after the first ``confirmed`` bytes; return the new size to confirm.

    The rows are on disk and verified on return. Bytes after ``confirmed`` come from an interrupted
    call, or from a ledger that was then replaced by an older copy: equal rows are not stored twice,
    other complete rows are kept, and an incomplete end is removed.

    Raises:
        LedgerError: the file is shorter than ``confirmed``, or verification failed.
        OSError: it cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [row.to_line() for row in rows]
    part = gzip.compress(b"".join(lines), _COMPRESSION_LEVEL, mtime=0)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size < confirmed:
            raise LedgerError(
                f"{path}: has {size} bytes, and the ledger has moved {confirmed} bytes there: "
                "restore the whole file"
            )
        file.seek(confirmed)
        unconfirmed = _unconfirmed_lines(file.read(), lines)
        if unconfirmed:
            _rewrite(
                path,
                file,
                confirmed,
                part + gzip.compress(unconfirmed, _COMPRESSION_LEVEL, mtime=0),
            )
        else:
            file.seek(confirmed)
            file.truncate()
            file.write(part)
            file.flush()
            os.fsync(file.fileno())
    _fsync_folder(path.parent)
    _check(path, part, begin=confirmed)
    return confirmed + len(part)


def _unconfirmed_lines(unfinished: bytes, lines: Sequence[bytes]) -> bytes:
    """Lines of complete parts that are not in ``lines``."""
    expected = set(lines)
    found = _complete_parts(unfinished).splitlines(keepends=True)
    return b"".join(line for line in found if line not in expected)


def _rewrite(path: Path, file: BinaryIO, size: int, rest: bytes) -> None:
    """Replace the file atomically by its first ``size`` bytes and ``rest``."""
    partial = path.with_name(f"{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as fresh:
        file.seek(0)
        copyfileobj(_FilePrefix(file, size), fresh)
        fresh.write(rest)
        fresh.flush()
        os.fsync(fresh.fileno())
    partial.replace(path)


def _check(path: Path, part: bytes, *, begin: int) -> None:
    with path.open("rb") as file:
        file.seek(begin)
        if file.read(len(part)) != part:
            raise LedgerError(f"{path}: verification failed: check the disk")


def read_rows(
    path: Path, *, confirmed: int, containing: Iterable[bytes] = ()
) -> Iterator[ArchivedRow]:
    """Rows in the first ``confirmed`` bytes with all of these texts in their lines.

    Raises:
        LedgerError: the file is missing, too short or damaged.
    """
    first, *others = (*containing, b"\n")
    try:
        with path.open("rb") as raw, gzip.open(_FilePrefix(raw, confirmed)) as content:
            for block in _blocks(content):
                for line in _lines(block, first):
                    if all(text in line for text in others):
                        yield ArchivedRow.from_line(line)
    except (OSError, EOFError, zlib.error, ValueError) as e:
        raise LedgerError(f"{path}: cannot read this archive: {e}") from e


def _blocks(content: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    """Blocks of complete lines."""
    rest = b""
    while chunk := content.read(_BLOCK_BYTES):
        end = chunk.rfind(b"\n") + 1
        if end:
            yield rest + chunk[:end]
            rest = chunk[end:]
        else:
            rest += chunk


def _lines(block: bytes, text: bytes) -> Iterator[bytes]:
    """Lines that contain ``text``, found without splitting the block."""
    at = block.find(text)
    while at >= 0:
        begin, end = block.rfind(b"\n", 0, at) + 1, block.find(b"\n", at) + 1
        yield block[begin:end]
        at = block.find(text, end)


class _FilePrefix(RawIOBase):
    """The first ``size`` bytes of a file; a shorter file raises ``EOFError``."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        found = self._file.read(wanted)
        if len(found) < wanted:
            raise EOFError("the file is truncated")
        self._left -= wanted
        return found


def _complete_parts(content: bytes) -> bytes:
    """The content of the complete parts at the beginning of ``content``."""
    held = b""
    while content:
        part = zlib.decompressobj(_GZIP_WBITS)
        try:
            text = part.decompress(content)
        except zlib.error:
            break
        if not part.eof:
            break
        held += text
        content = part.unused_data
    return held


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
