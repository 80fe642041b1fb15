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
    from signalbot.exchange.live.capability import Capabilities
    from signalbot.exchange.live.dialects.base import Dialect

_HOME: Final = "signalbot.exchange.live.dialects"
_WHERE: Final[Mapping[tuple[str, MarketKind], str]] = MappingProxyType({
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

_FORMER_NAMES: Final[Mapping[str, str]] = MappingProxyType(
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


def capability_table() -> str:
    """What every exchange can do, as a Markdown table for the README."""
    head = (
        "| ccxt id | market | orders | stop | stop moves | targets | counts in | client id "
        "| looked up by | position | margin | stops watch |"
    )
    rows = [head, "|" + "---|" * 12]
    for ccxt_id in SUPPORTED:
        rows += [_row(each.capabilities) for each in dialects_of(ccxt_id).values()]
    return "\n".join(rows) + "\n"


def endurance_table() -> str:
    """What every exchange ends, forgets or does not tell, as a Markdown table for the README."""
    head = (
        "| ccxt id | market | stops rest | stops hold coins | client id known | ended orders told "
        "| fills told | candles | no more candles than | candles by |"
    )
    rows = [head, "|" + "---|" * 10]
    for ccxt_id in SUPPORTED:
        rows += [_endurance(each.capabilities) for each in dialects_of(ccxt_id).values()]
    return "\n".join(rows) + "\n"


def _endurance(can: "Capabilities") -> str:
    rest = "until cancelled" if can.stop_lives_ms is None else _days(can.stop_lives_ms // DAY_MS)
    holds = "" if can.shorts else "yes" if can.holds_coins else "no"
    if can.stops.value == "none":
        rest = holds = "none"
    cells = (
        f"`{can.exchange}`", can.kind.value, rest, holds, can.client_id_lives,
        _days(can.orders_kept_days), _days(can.fills_kept_days),
        ", ".join(each for each in Timeframe if each in can.timeframes),
        "" if can.candles_told is None else str(can.candles_told),
        "stream and REST" if can.streams_candles else "REST",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _days(count: int | None) -> str:
    return "" if count is None else f"{count} days"


def _row(can: "Capabilities") -> str:
    entries = ", ".join(sorted(each.value for each in can.order_types & _ENTRIES))
    cells = (
        f"`{can.exchange}`", can.kind.value, entries, can.stops.value, can.moves,
        "yes" if can.takes_profits else "no", can.unit.value, can.client_id, can.lookup,
        can.position_mode, ", ".join(sorted(each.value for each in can.margin_modes)) or "none",
        can.trigger_price,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def unsupported(ccxt_id: str) -> str:
    """What to say of an id that is not supported: the one that is meant, and all that are."""
    meant = _meant(ccxt_id)
    hint = f"; did you mean {meant!r}?" if meant else ":"
    return f"{ccxt_id!r} is not supported{hint} use one of {', '.join(SUPPORTED)}"


def supported_hint(text: str) -> str:
    """What to write instead of a text that is no id at all."""
    return f"use one of {', '.join(SUPPORTED)}, such as {(_meant(text) or SUPPORTED[0])!r}"


def _meant(text: str) -> str | None:
    plain = "".join(filter(str.isalnum, text.lower()))
    near = get_close_matches(plain, SUPPORTED, n=1)
    return _FORMER_NAMES.get(plain) or (near[0] if near else None)


def has_sandbox(ccxt_id: str) -> bool:
    """Whether a supported exchange has a test network."""
    return ccxt_id not in _WITHOUT_SANDBOX
