"""Unpacks candle files: plain, compressed, archived, or a folder of files."""

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from signalbot.replay.candle_files.row_errors import unreadable_error

_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_TAR: Final = slice(257, 262), b"ustar"
_COMPRESSIONS: Final[tuple[tuple[bytes, Callable[[bytes], bytes]], ...]] = (
    (b"\x1f\x8b", gzip.decompress),
    (b"BZh", bz2.decompress),
    (b"\xfd7zXZ\x00", lzma.decompress),
)
_UNSUPPORTED: Final = (
    (b"\x28\xb5\x2f\xfd", "Zstandard", "unpack it with 'unzstd'"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip", "unpack it"),
    (b"Rar!", "RAR", "unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save its sheet as CSV"),
    (b"\x89HDF", "HDF5", "write the table as CSV or Parquet"),
    (b"SQLite format 3\x00", "an SQLite database", "write the table as CSV"),
    (b"%PDF", "PDF", "candles are read from CSV, JSON and Parquet"),
)
_NOT_CANDLES: Final = (".checksum", ".md5", ".sha256", ".asc", ".html", ".pdf", ".py", ".md")
_MAX_DEPTH: Final = 3  # nested archives
_MAGIC_BYTES: Final = 512

MemberFilter = Callable[[list[str]], list[str]]
"""Selects the wanted files of a folder or archive by name."""


class FilePart(NamedTuple):
    """One uncompressed table of candles."""

    name: str  #: the path, or ``ARCHIVE!MEMBER``
    data: bytes


def open_parts(path: Path, pick: MemberFilter) -> list[FilePart]:
    """Return the tables inside ``path`` in order of name; at least one.

    Folders and archives yield the files that ``pick`` selects, without checksums and hidden files.

    Raises:
        ConfigError: it is unreadable, or its packing is not supported.
    """
    try:
        found = [part for each in _files(path, pick) for part in _of_file(each, pick)]
    except OSError as e:
        raise unreadable_error(str(path), f"the candles cannot be read: {e.strerror or e}") from e
    if not found:
        raise unreadable_error(str(path), "it contains no candle file")
    return found


def _files(path: Path, pick: MemberFilter) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = [str(each) for each in sorted(path.iterdir()) if each.is_file()]
    return [Path(name) for name in pick([each for each in files if _may_be_candles(each)])]


def _of_file(path: Path, pick: MemberFilter) -> list[FilePart]:
    """Return a file's tables; only the selected members of an archive are unpacked."""
    with path.open("rb") as file:
        head = file.read(_MAGIC_BYTES)
        file.seek(0)
        if head.startswith(_ZIP):
            return _archived(str(path), file, _zip_members, pick, 0)
        return _unpack(FilePart(str(path), file.read()), pick, 0)


def _may_be_candles(name: str) -> bool:
    base = name.replace("\\", "/").rpartition("/")[2]
    is_hidden = base.startswith((".", "__")) or name.startswith("__MACOSX/")
    return bool(base) and not is_hidden and not base.lower().endswith(_NOT_CANDLES)


def _unpack(part: FilePart, pick: MemberFilter, depth: int) -> list[FilePart]:
    for magic, kind, fix in _UNSUPPORTED:
        if part.data.startswith(magic):
            raise unreadable_error(part.name, f"this is {kind}: {fix}")
    if depth > _MAX_DEPTH:
        raise unreadable_error(part.name, "archives are nested too deeply")
    for magic, decompress in _COMPRESSIONS:
        if part.data.startswith(magic):
            return _unpack(FilePart(part.name, _decompressed(part, decompress)), pick, depth + 1)
    span, magic = _TAR
    if part.data.startswith(_ZIP):
        return _archived(part.name, BytesIO(part.data), _zip_members, pick, depth)
    if part.data[span] == magic:
        return _archived(part.name, BytesIO(part.data), _tar_members, pick, depth)
    return [part]


def _decompressed(part: FilePart, decompress: Callable[[bytes], bytes]) -> bytes:
    try:
        return decompress(part.data)
    except (zlib.error, lzma.LZMAError, EOFError, OSError, ValueError) as e:
        raise unreadable_error(part.name, f"damaged, or incompletely downloaded: {e}") from e


_Members = Callable[[str, BinaryIO, MemberFilter], Iterator[tuple[str, bytes]]]


def _archived(
    name: str, file: BinaryIO, members: _Members, pick: MemberFilter, depth: int
) -> list[FilePart]:
    try:
        parts = [FilePart(f"{name}!{member}", data) for member, data in members(name, file, pick)]
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, ValueError) as e:
        raise unreadable_error(name, f"damaged, or incompletely downloaded: {e}") from e
    except (RuntimeError, NotImplementedError) as e:  # zipfile raises it for a password
        raise unreadable_error(name, f"cannot be unpacked: {e}") from e
    return [each for part in parts for each in _unpack(part, pick, depth + 1)]


def _zip_members(name: str, file: BinaryIO, pick: MemberFilter) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(file) as archive:
        names = sorted(info.filename for info in archive.infolist() if not info.is_dir())
        if any(each.startswith("xl/") for each in names):
            raise unreadable_error(name, "this is an Excel workbook: save its sheet as CSV")
        for each in pick([each for each in names if _may_be_candles(each)]):
            yield each, archive.read(each)


def _tar_members(name: str, file: BinaryIO, pick: MemberFilter) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=file) as archive:
        names = sorted(each.name for each in archive.getmembers() if each.isfile())
        for each in pick([each for each in names if _may_be_candles(each)]):
            member = archive.extractfile(each)
            if member is None:
                raise unreadable_error(name, f"its member {each} cannot be read")
            yield each, member.read()
