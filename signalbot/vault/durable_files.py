"""Creates and replaces files atomically and durably, readable by their owner only."""

import os
import re
import secrets
from pathlib import Path

_UNFINISHED_SUFFIX = re.compile(r"(?:\.next|\.bak)?\.[0-9a-f]{8}")


def create_file(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Create a file atomically and durably.

    Raises:
        FileExistsError: it exists; it is unchanged.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write(fresh, content, mode)
        try:
            os.link(fresh, path)  # unlike a rename, it never replaces a file
        except FileExistsError:
            raise
        except OSError:  # the file system has no hard links
            _write(path, content, mode)
    finally:
        fresh.unlink(missing_ok=True)
    _sync_folder(path.parent)


def remove_unfinished(path: Path) -> None:
    """Remove temporary files of a killed run; none of them was ever in use."""
    for each in path.parent.glob(f".{path.name}*"):
        if _UNFINISHED_SUFFIX.fullmatch(each.name.removeprefix(f".{path.name}")):
            each.unlink(missing_ok=True)


def replace_file(fresh: Path, path: Path) -> None:
    """Replace ``path`` by ``fresh`` atomically and durably."""
    fresh.replace(path)
    _sync_folder(path.parent)


def remove_file(path: Path) -> None:
    """Delete a file durably."""
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)


def write_file(path: Path, content: bytes) -> None:
    """Write a file, replacing any at ``path``, atomically and durably."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    _write(fresh, content, 0o600)
    replace_file(fresh, path)


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, without which a new file can be lost."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
