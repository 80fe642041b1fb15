"""Settings of ccxt that are forbidden: they would break a guarantee or reveal a secret."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

OptionPath = tuple[str, ...]
"""Keys inside ``[exchanges.NAME.ccxt]``."""

_HTTP_PROXY_ONLY: Final = (
    "must be an http:// one: behind a SOCKS proxy ccxt hides whether an order has left"
)
_KEYS_IN_VAULT: Final = "keys are kept in the vault: signalbot keys set"
_FORBIDDEN: Final[Mapping[str, str]] = MappingProxyType({
    "session": "it is signalbot's own",
    "ssl_context": "set verify or cafile instead",
    "asyncio_loop": "it is signalbot's own",
    "socksProxy": f"a proxy {_HTTP_PROXY_ONLY}",
    "socks_proxy": f"a proxy {_HTTP_PROXY_ONLY}",
    "maxRetriesOnFailure": "it would send orders again",
    "verbose": "it would print keys",
    "apiKey": _KEYS_IN_VAULT,
    "secret": _KEYS_IN_VAULT,
    "password": _KEYS_IN_VAULT,
})  # fmt: skip


def forbidden_options(settings: Mapping[str, Any]) -> Iterator[tuple[OptionPath, str]]:
    """Every forbidden key in ``[exchanges.NAME.ccxt]``, and why."""
    options = settings.get("options")
    for where, table in ((), settings), (("options",), options):
        if isinstance(table, Mapping):
            for name, why in _FORBIDDEN.items():
                if name in table:
                    yield (*where, name), f"cannot be set: {why}"
    file = settings.get("cafile")
    if file is not None and settings.get("verify", True) is not False and not _is_file(file):
        yield ("cafile",), f"there is no file {file}"


def egress_error(egress: str) -> str | None:
    """Why an account's egress cannot be used; None if it can."""
    scheme, _, rest = egress.partition("://")
    return f"the proxy {_HTTP_PROXY_ONLY}" if rest and scheme not in ("http", "https") else None


def _is_file(path: object) -> bool:
    return isinstance(path, str) and Path(path).is_file()
