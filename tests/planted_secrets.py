"""Canaries: secrets that are planted in daemons, and searched for in everything these have written.

Whoever starts a daemon says so with ``watch``. At the end of the session every log line, captured
answer and byte of a ledger in those folders is searched, in each process of pytest for itself.
"""

import gzip
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

MARK: Final = "canary7f3a"
"""Part of every secret that a test may choose."""

_GIVEN = ("*.toml", "*.key", "*.key.bak*")  # a test has written them, or they are keys themselves
_EMPTY = ("reserve",)  # room that is set aside on the disk
_LEAST = 8
_watched: dict[Path, set[str]] = {}


def watch(folder: Path, *secrets: str) -> None:
    """A daemon lives in ``folder``; besides the mark, it knows these secrets."""
    found = {each.strip() for each in secrets}
    assert all(len(each) >= _LEAST for each in found), "so short a text is found everywhere"
    _watched.setdefault(folder, set()).update(found)


def forms(secret: str) -> set[bytes]:
    """How a secret looks raw, in a URL, in JSON, in hexadecimal, and within base64."""
    raw = secret.encode()
    found = {raw, quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode()}
    found |= {raw.hex().encode(), raw.hex().upper().encode()}
    for before in range(3):
        padded = bytes(before) + raw
        # Characters that also tell of a neighbouring byte differ with the neighbour.
        first, last = (before * 8 + 5) // 6, len(padded) * 8 // 6
        found |= {each(padded)[first:last] for each in (b64encode, urlsafe_b64encode)}
    return found


def leaks(folder: Path, secrets: Iterable[str] = ()) -> Iterator[str]:
    """Where the mark or one of ``secrets`` stands in what a daemon has written below ``folder``."""
    needles = dict.fromkeys(forms(MARK), MARK)
    for number, secret in enumerate(sorted(secrets)):
        needles |= dict.fromkeys(forms(secret), f"secret {number} of {folder.name}")
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name in _EMPTY or any(map(path.match, _GIVEN)):
            continue
        content = _content(path)
        for needle, name in needles.items():
            if (at := content.find(needle)) >= 0:
                yield f"{path}, byte {at}: {name}"


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


@pytest.fixture(scope="session", autouse=True)
def no_secret_leaks() -> Iterator[None]:
    """At the end of everything: nobody has told a secret."""
    yield
    found = [leak for folder, secrets in _watched.items() for leak in leaks(folder, secrets)]
    _watched.clear()
    assert not found, "\n".join(found)
