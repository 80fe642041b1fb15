"""Settings of ccxt that would break a promise or tell a secret, and are refused for that."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

Where = tuple[str, ...]
"""Keys inside ``[exchanges.NAME.ccxt]``."""

_SOCKS: Final = "must be an http:// one: behind a SOCKS proxy ccxt hides whether an order has left"
_KEYS: Final = "keys are kept in the vault: signalbot keys set"
_REFUSED: Final[Mapping[str, str]] = MappingProxyType({
    "session": "it is signalbot's own",
    "ssl_context": "set verify or cafile instead",
    "asyncio_loop": "it is signalbot's own",
    "socksProxy": f"a proxy {_SOCKS}",
    "socks_proxy": f"a proxy {_SOCKS}",
    "maxRetriesOnFailure": "it would send orders again",
    "verbose": "it would print keys",
    "apiKey": _KEYS,
    "secret": _KEYS,
    "password": _KEYS,
})  # fmt: skip


def refusals(settings: Mapping[str, Any]) -> Iterator[tuple[Where, str]]:
    """Everything in ``[exchanges.NAME.ccxt]`` that cannot be set, and why."""
    options = settings.get("options")
    for where, table in ((), settings), (("options",), options):
        if isinstance(table, Mapping):
            for name, why in _REFUSED.items():
                if name in table:
                    yield (*where, name), f"cannot be set: {why}"
    file = settings.get("cafile")
    if file is not None and settings.get("verify", True) is not False and not _is_file(file):
        yield ("cafile",), f"there is no file {file}"


def egress_fault(egress: str) -> str | None:
    """What is wrong with how an account's requests are to leave; None for nothing."""
    scheme, _, rest = egress.partition("://")
    return f"the proxy {_SOCKS}" if rest and scheme not in ("http", "https") else None


def _is_file(path: object) -> bool:
    return isinstance(path, str) and Path(path).is_file()
