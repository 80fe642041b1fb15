"""Masks the secrets of a configuration wherever it is displayed."""

import re
from collections.abc import Mapping

from signalbot.config.toml_positions import KeyPath

MASK = "***"
_REFERENCE = "secret:"
_SECRET_KEY = re.compile(r"apikey|secret|passw|passphrase|privatekey|token|mnemonic|^(uid|twofa)$")
_URL_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")


def masked(path: KeyPath, value: object) -> object:
    """Return ``value``, found at ``path`` in the file, with its secrets masked.

    Masked are notification URLs, values under a key that names a secret, and the login in any
    other URL. A reference ``secret:NAME`` is not a secret itself.
    """
    if isinstance(value, Mapping):
        return {key: masked((*path, str(key)), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(path, inner) for inner in value]
    if isinstance(value, str) and value.startswith(_REFERENCE):
        return value
    if _is_secret(path):
        return MASK
    return _URL_LOGIN.sub(f"{MASK}@", value) if isinstance(value, str) else value


def _is_secret(path: KeyPath) -> bool:
    match path:
        case ("users", _, "notify", *_) | ("notify", "operator", *_):
            return True
        case ("exchanges", _, "ccxt", *keys) | ("strategies", _, "params", *keys):
            return any(map(_is_secret_key, keys))
        case _:
            return False


def _is_secret_key(key: str | int) -> bool:
    return bool(_SECRET_KEY.search(str(key).lower().replace("_", "").replace("-", "")))
