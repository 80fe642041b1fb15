"""Locates, reads and generates master key files.

Next to the key file may be ``.next``, the pending key of an unfinished rotation, ``.bak``, the
previous key, and ``.bak-`` with a key id, older ones.
"""

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes
from stat import S_IMODE

from signalbot.domain.errors import ConfigError
from signalbot.vault.durable_files import write_file
from signalbot.vault.envelope import KeyEncryptionKey

KEY_BYTES = 32
_CREDENTIAL_NAME = "master.key"


def locate_key_file(configured: Path, environment: Mapping[str, str]) -> Path:
    """Return the key file: systemd's credential, $SIGNALBOT_MASTER_KEY_FILE, or ``configured``."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if folder and (Path(folder) / _CREDENTIAL_NAME).is_file():
        return Path(folder) / _CREDENTIAL_NAME
    named = environment.get("SIGNALBOT_MASTER_KEY_FILE")
    return Path(named) if named else configured


def read_key(path: Path) -> bytes:
    """Read the 32 bytes of a master key file.

    Raises:
        ConfigError: it is missing, readable by others, or not a key.
    """
    try:
        mode = S_IMODE(path.stat().st_mode)
        text = path.read_text("ascii").strip()
    except FileNotFoundError:
        raise ConfigError(
            f"there is no master key at {path}: 'signalbot init' creates one; if it was lost, the "
            "stored credentials are lost with it"
        ) from None
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"the master key {path} cannot be read: {e}") from None
    if mode & 0o077 and "CREDENTIALS_DIRECTORY" not in os.environ:
        raise ConfigError(f"the master key {path} can be read by others: chmod 600 {path}")
    return _decode(path, text)


def _decode(path: Path, text: str) -> bytes:
    try:
        key = b64decode(text, validate=True)
    except NotBase64:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(f"{path} is not a master key: it must hold {KEY_BYTES} bytes in base64")
    return key


def generate_key() -> bytes:
    """Return a random master key."""
    return token_bytes(KEY_BYTES)


def pending_path(path: Path) -> Path:
    """Return the path of the pending key that replaces ``path``."""
    return path.with_name(f"{path.name}.next")


def previous_path(path: Path) -> Path:
    """Return the path of the previous key of ``path``."""
    return path.with_name(f"{path.name}.bak")


def key_id_of(path: Path) -> str | None:
    """Return the id of the key in a file; None if it is not a readable key."""
    try:
        return KeyEncryptionKey.of(_decode(path, path.read_text("ascii").strip())).key_id
    except (OSError, UnicodeDecodeError, ConfigError):
        return None


def find_key_file(key_id: str, path: Path) -> Path | None:
    """Return the file with this key among ``path`` and the files next to it."""
    return next((each for each in _related_paths(path) if key_id_of(each) == key_id), None)


def _related_paths(path: Path) -> Iterator[Path]:
    yield from (path, pending_path(path), previous_path(path))
    with suppress(OSError):
        yield from sorted(path.parent.glob(f"{previous_path(path).name}-*"))


def encode_key(key: bytes) -> bytes:
    """Return the content of a key file."""
    return b64encode(key) + b"\n"


def write_key(path: Path, key: bytes) -> None:
    """Write a key file atomically; only its owner can read it."""
    write_file(path, encode_key(key))
