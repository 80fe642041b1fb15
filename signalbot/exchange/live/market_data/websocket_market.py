"""Tells which kind of market a websocket is about.

Binance and Bybit give a perpetual and the spot market of the same pair one id: only the socket that
a frame came on tells whose price it is.
"""

from collections.abc import Iterator, Mapping
from typing import Any


def market_kind_of(client: Any, url: str) -> str:
    """``spot`` or ``swap``, by the address in ccxt's tables that ``url`` begins with."""
    tables = client.urls["api"].get("ws", {})
    matching = [
        (len(address), path)
        for path, address in _addresses(client, tables, ())
        if url.startswith(address)
    ]
    longest = max((length for length, _ in matching), default=0)
    is_spot = any("spot" in path for length, path in matching if length == longest)
    return "spot" if is_spot else "swap"


def _addresses(
    client: Any, table: Any, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(table, Mapping):
        for name, inner in table.items():
            yield from _addresses(client, inner, (*path, name))
    elif isinstance(table, str):
        yield path, client.implode_hostname(table)
