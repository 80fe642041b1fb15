"""Every exchange that can be traded, by ccxt id and kind of market; loaded when it is asked for."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from signalbot.domain.market import MarketKind
from signalbot.domain.orders import OrderType
from signalbot.domain.timeframe import DAY_MS, Timeframe

if TYPE_CHECKING:
    from signalbot.exchange.live.adapters.base import ExchangeAdapter
    from signalbot.exchange.live.capabilities import Capabilities

_PACKAGE: Final = "signalbot.exchange.live.adapters"
_ADAPTERS: Final[Mapping[tuple[str, MarketKind], str]] = MappingProxyType({
    ("binanceusdm", MarketKind.SWAP): "binance_usdm:BinanceUsdm",
    ("binance", MarketKind.SPOT): "binance_spot:BinanceSpot",
    ("bybit", MarketKind.SWAP): "bybit:BybitSwap",
    ("bybit", MarketKind.SPOT): "bybit:BybitSpot",
    ("okx", MarketKind.SWAP): "okx:OkxSwap",
    ("okx", MarketKind.SPOT): "okx:OkxSpot",
    ("bitget", MarketKind.SWAP): "bitget:BitgetSwap",
    ("bitget", MarketKind.SPOT): "bitget:BitgetSpot",
    ("htx", MarketKind.SWAP): "htx:HtxSwap",
    ("htx", MarketKind.SPOT): "htx_spot:HtxSpot",
    ("kraken", MarketKind.SPOT): "kraken:KrakenSpot",
    ("krakenfutures", MarketKind.SWAP): "kraken_futures:KrakenFutures",
    ("mexc", MarketKind.SWAP): "mexc:MexcSwap",
    ("mexc", MarketKind.SPOT): "mexc_spot:MexcSpot",
})  # fmt: skip

_ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "huobi": "htx",
        "huobipro": "htx",
        "okex": "okx",
        "okex5": "okx",
        "binancefutures": "binanceusdm",
        "binanceum": "binanceusdm",
        "krakenfuture": "krakenfutures",
    }
)
"""What people call exchanges that are known by another id."""

_WITHOUT_SANDBOX: Final = frozenset(("htx", "kraken", "mexc"))
"""ccxt knows no test network of these."""

_ENTRIES: Final = frozenset((OrderType.MARKET, OrderType.LIMIT))

SUPPORTED: Final = tuple(dict.fromkeys(ccxt_id for ccxt_id, _ in _ADAPTERS))
"""ccxt ids of exchanges that ``mode = "live"`` can use."""


def adapters_of(ccxt_id: str) -> Mapping[MarketKind, "ExchangeAdapter"]:
    """How to talk to an exchange, for each kind of market it has for us; empty if it has none."""
    found: dict[MarketKind, ExchangeAdapter] = {}
    for (name, kind), where in _ADAPTERS.items():
        if name == ccxt_id:
            module, _, cls = where.partition(":")
            found[kind] = getattr(import_module(f"{_PACKAGE}.{module}"), cls)()
    return found


def capability_table() -> str:
    """What every exchange can do, as a Markdown table for the README."""
    head = (
        "| ccxt id | market | orders | stop | stop moves | targets | counts in | client id "
        "| looked up by | position | margin | stops watch |"
    )
    rows = [head, "|" + "---|" * 12]
    for ccxt_id in SUPPORTED:
        rows += [_capability_row(each.capabilities) for each in adapters_of(ccxt_id).values()]
    return "\n".join(rows) + "\n"


def retention_table() -> str:
    """What every exchange ends, forgets or does not tell, as a Markdown table for the README."""
    head = (
        "| ccxt id | market | stops rest | stops hold coins | client id known | ended orders told "
        "| fills told | candles | no more candles than | candles by |"
    )
    rows = [head, "|" + "---|" * 10]
    for ccxt_id in SUPPORTED:
        rows += [_retention_row(each.capabilities) for each in adapters_of(ccxt_id).values()]
    return "\n".join(rows) + "\n"


def _retention_row(capabilities: "Capabilities") -> str:
    lifetime = (
        "until cancelled"
        if capabilities.stop_lifetime_ms is None
        else _days(capabilities.stop_lifetime_ms // DAY_MS)
    )
    locks_coins = "" if capabilities.can_short else "yes" if capabilities.stop_locks_coins else "no"
    if capabilities.stops.value == "none":
        lifetime = locks_coins = "none"
    cells = (
        f"`{capabilities.exchange}`",
        capabilities.kind.value,
        lifetime,
        locks_coins,
        capabilities.client_id_retention,
        _days(capabilities.order_retention_days),
        _days(capabilities.fill_retention_days),
        ", ".join(each for each in Timeframe if each in capabilities.timeframes),
        "" if capabilities.max_candle_history is None else str(capabilities.max_candle_history),
        "stream and REST" if capabilities.streams_candles else "REST",
    )
    return f"| {' | '.join(cells)} |"


def _days(count: int | None) -> str:
    return "" if count is None else f"{count} days"


def _capability_row(capabilities: "Capabilities") -> str:
    entries = ", ".join(sorted(each.value for each in capabilities.order_types & _ENTRIES))
    cells = (
        f"`{capabilities.exchange}`",
        capabilities.kind.value,
        entries,
        capabilities.stops.value,
        capabilities.stop_move_method,
        "yes" if capabilities.has_take_profit else "no",
        capabilities.unit.value,
        capabilities.client_id,
        capabilities.lookup,
        capabilities.position_mode,
        ", ".join(sorted(each.value for each in capabilities.margin_modes)) or "none",
        capabilities.trigger_price,
    )
    return f"| {' | '.join(cells)} |"


def unsupported_message(ccxt_id: str) -> str:
    """What to say of an id that is not supported: the one that is meant, and all that are."""
    closest = _closest_id(ccxt_id)
    suggestion = f"; did you mean {closest!r}?" if closest else ":"
    return f"{ccxt_id!r} is not supported{suggestion} use one of {', '.join(SUPPORTED)}"


def supported_message(text: str) -> str:
    """What to write instead of a text that is no id at all."""
    return f"use one of {', '.join(SUPPORTED)}, such as {(_closest_id(text) or SUPPORTED[0])!r}"


def _closest_id(text: str) -> str | None:
    plain = "".join(filter(str.isalnum, text.lower()))
    matches = get_close_matches(plain, SUPPORTED, n=1)
    return _ALIASES.get(plain) or (matches[0] if matches else None)


def has_sandbox(ccxt_id: str) -> bool:
    """Whether a supported exchange has a test network."""
    return ccxt_id not in _WITHOUT_SANDBOX
