"""Where the master key comes from: systemd's credential, the environment, or the file."""

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from pathlib import Path
from secrets import token_bytes
from stat import S_IMODE

from signalbot.domain.errors import ConfigError

KEY_BYTES = 32
_CREDENTIAL = "master.key"


def locate(configured: Path, environment: Mapping[str, str]) -> Path:
    """The file to read: the service's credential, $SIGNALBOT_MASTER_KEY_FILE, or the configured."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if folder and (Path(folder) / _CREDENTIAL).is_file():
        return Path(folder) / _CREDENTIAL
    named = environment.get("SIGNALBOT_MASTER_KEY_FILE")
    return Path(named) if named else configured


def read(path: Path) -> bytes:
    """The 32 bytes of a master key file.

    Raises:
        ConfigError: it is missing, readable by others, or no key.
    """
    try:
        mode = S_IMODE(path.stat().st_mode)
        text = path.read_text("ascii").strip()
    except FileNotFoundError:
        raise ConfigError(
            f"there is no master key at {path}: 'signalbot init' makes one; if it was lost, the "
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
        raise ConfigError(f"{path} is no master key: it must hold {KEY_BYTES} bytes in base64")
    return key


def new() -> bytes:
    return token_bytes(KEY_BYTES)


def write(path: Path, key: bytes) -> None:
    """Put a key file in place whole or not at all; readable by its owner only."""
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b64encode(key) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
