"""Every exchange that can be traded, by ccxt id and kind of market; loaded when it is asked for."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from signalbot.domain.market import MarketKind

if TYPE_CHECKING:
    from signalbot.exchange.live.dialects.base import Dialect

_HOME: Final = "signalbot.exchange.live.dialects"
_WHERE: Final[Mapping[tuple[str, MarketKind], str]] = MappingProxyType({
    ("binanceusdm", MarketKind.SWAP): "binance_usdm:BinanceUsdm",
})  # fmt: skip

SUPPORTED: Final = tuple(dict.fromkeys(ccxt_id for ccxt_id, _ in _WHERE))
"""ccxt ids of exchanges that ``mode = "live"`` can use."""


def dialects_of(ccxt_id: str) -> Mapping[MarketKind, "Dialect"]:
    """How to talk to an exchange, for each kind of market it has for us; empty if it has none."""
    found: dict[MarketKind, Dialect] = {}
    for (name, kind), where in _WHERE.items():
        if name == ccxt_id:
            module, _, cls = where.partition(":")
            found[kind] = getattr(import_module(f"{_HOME}.{module}"), cls)()
    return found


def unsupported(ccxt_id: str) -> str:
    """What to say of an id that is not supported."""
    near = get_close_matches(ccxt_id, SUPPORTED, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f": use one of {', '.join(SUPPORTED)}"
    return f"{ccxt_id!r} is not supported{hint}"
