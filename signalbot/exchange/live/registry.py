"""One row per supported exchange: everything special about it beside its adapters' code.

A new exchange is an adapter module in ``adapters/`` and one row here. Adapters import ccxt, which
is large: they are loaded when they are needed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from signalbot.domain.errors import ConfigError
from signalbot.domain.market import BracketUnit, MarketKind
from signalbot.exchange.live.adapters.klines import (
    KlineReader,
    read_binance_klines,
    read_bybit_klines,
    read_okx_klines,
)
from signalbot.exchange.live.capabilities import LeverageTierRequest
from signalbot.exchange.live.transport.client_profile import ClientProfile, Sandbox

if TYPE_CHECKING:
    from signalbot.exchange.live.adapters.base import ExchangeAdapter

SPOT, SWAP = MarketKind.SPOT, MarketKind.SWAP
_ADAPTERS_PACKAGE: Final = "signalbot.exchange.live.adapters"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRow:
    """One exchange."""

    ccxt_id: str
    adapters: Mapping[MarketKind, str] = field(default_factory=dict)  #: ``module:Class``
    aliases: tuple[str, ...] = ()  #: other ids in use for the exchange, letters and digits only
    needs_password: bool = False  #: a key consists of three parts, the third of them a passphrase
    sandbox: Sandbox = Sandbox.TESTNET
    #: ccxt lists the least amount of an order; else what it lists is the size of a contract.
    has_minimum: bool = True
    #: Reads closed candles from raw frames; None: frames do not mark a closed candle.
    kline_reader: KlineReader | None = None
    leverage_tiers: LeverageTierRequest | None = None  #: None: the exchange publishes none
    no_daily_candles_reason: str = ""  #: why candles of a day are not supported


_ROWS: Final = (
    ExchangeRow(
        ccxt_id="binanceusdm",
        adapters={SWAP: "binance_usdm:BinanceUsdm"},
        aliases=("binancefutures", "binanceum"),
        sandbox=Sandbox.DEMO_TRADING,  # the futures test network was closed
        kline_reader=read_binance_klines,
        leverage_tiers=LeverageTierRequest(
            method="fetch_leverage_tiers",
            unit=BracketUnit.NOTIONAL,
            deduction="cum",
            is_private=True,
            cost=2,
        ),
    ),
    ExchangeRow(
        ccxt_id="binance",
        adapters={SPOT: "binance_spot:BinanceSpot"},
        kline_reader=read_binance_klines,
    ),
    ExchangeRow(
        ccxt_id="bybit",
        adapters={SWAP: "bybit_swap:BybitSwap", SPOT: "bybit_spot:BybitSpot"},
        kline_reader=read_bybit_klines,
        leverage_tiers=LeverageTierRequest(
            method="fetch_market_leverage_tiers", unit=BracketUnit.NOTIONAL, deduction="mmDeduction"
        ),
    ),
    ExchangeRow(
        ccxt_id="okx",
        adapters={SWAP: "okx_swap:OkxSwap", SPOT: "okx_spot:OkxSpot"},
        aliases=("okex", "okex5"),
        needs_password=True,
        kline_reader=read_okx_klines,
        leverage_tiers=LeverageTierRequest(
            method="fetch_market_leverage_tiers",
            unit=BracketUnit.QUANTITY,
            params={"marginMode": "isolated"},
        ),
    ),
    ExchangeRow(
        ccxt_id="bitget",
        adapters={SWAP: "bitget:BitgetSwap", SPOT: "bitget:BitgetSpot"},
        needs_password=True,
        leverage_tiers=LeverageTierRequest(
            method="fetch_market_leverage_tiers", unit=BracketUnit.NOTIONAL
        ),
    ),
    ExchangeRow(
        ccxt_id="htx",
        adapters={SWAP: "htx:HtxSwap", SPOT: "htx_spot:HtxSpot"},
        aliases=("huobi", "huobipro"),
        sandbox=Sandbox.NONE,
        has_minimum=False,
        leverage_tiers=LeverageTierRequest(
            method="fetch_leverage_tiers", unit=BracketUnit.QUANTITY, by_leverage=True
        ),
        no_daily_candles_reason="its days open at 16:00 UTC",
    ),
    ExchangeRow(
        ccxt_id="kraken",
        adapters={SPOT: "kraken:KrakenSpot"},
        sandbox=Sandbox.NONE,
    ),
    ExchangeRow(
        ccxt_id="krakenfutures",
        adapters={SWAP: "kraken_futures:KrakenFutures"},
        aliases=("krakenfuture",),
        leverage_tiers=LeverageTierRequest(
            method="fetch_leverage_tiers", unit=BracketUnit.NOTIONAL
        ),
    ),
    ExchangeRow(
        ccxt_id="mexc",
        adapters={SWAP: "mexc:MexcSwap", SPOT: "mexc_spot:MexcSpot"},
        sandbox=Sandbox.NONE,
        leverage_tiers=LeverageTierRequest(
            method="fetch_leverage_tiers", unit=BracketUnit.QUANTITY, cost=5
        ),
    ),
)

_ROW_BY_ID: Final[Mapping[str, ExchangeRow]] = MappingProxyType({row.ccxt_id: row for row in _ROWS})
_ID_BY_ALIAS: Final[Mapping[str, str]] = MappingProxyType(
    {alias: row.ccxt_id for row in _ROWS for alias in row.aliases}
)

SUPPORTED: Final = tuple(_ROW_BY_ID)
"""ccxt ids of exchanges that ``mode = "live"`` can use."""


def exchange_row(ccxt_id: str) -> ExchangeRow:
    """The exchange's row; for an id that is not supported, a row without adapters."""
    return _ROW_BY_ID.get(ccxt_id) or ExchangeRow(ccxt_id=ccxt_id)


def adapters_of(ccxt_id: str) -> Mapping[MarketKind, "ExchangeAdapter"]:
    """A new adapter for each kind of market of an exchange; empty if it is not supported."""
    found: dict[MarketKind, ExchangeAdapter] = {}
    for kind, place in exchange_row(ccxt_id).adapters.items():
        module, _, name = place.partition(":")
        found[kind] = getattr(import_module(f"{_ADAPTERS_PACKAGE}.{module}"), name)()
    return found


def client_profile(
    ccxt_id: str, adapters: Collection["ExchangeAdapter"], *, sandbox: bool = False
) -> ClientProfile:
    """The ccxt client that serves all ``adapters`` of one exchange.

    Raises:
        ConfigError: ``sandbox`` is wanted where there is no test network.
    """
    row = exchange_row(ccxt_id)
    if sandbox and row.sandbox is Sandbox.NONE:
        raise ConfigError(f"{ccxt_id!r} has no test network")
    return ClientProfile(
        ccxt_id,
        options={name: value for each in adapters for name, value in each.options.items()},
        shapes={path: shape for each in adapters for path, shape in each.shapes.items()},
        sandbox=row.sandbox if sandbox else Sandbox.NONE,
        server_time=next((each.server_time for each in adapters if each.server_time), None),
        clock_step_ms=max((each.clock_step_ms for each in adapters), default=1),
    )


def unsupported_message(ccxt_id: str) -> str:
    """An error text for an id that is not supported, with the nearest one and all that are."""
    closest = _closest_id(ccxt_id)
    suggestion = f"; did you mean {closest!r}?" if closest else ":"
    return f"{ccxt_id!r} is not supported{suggestion} use one of {', '.join(SUPPORTED)}"


def supported_message(text: str) -> str:
    """A hint for a text that is no exchange id: all ids, and the nearest as an example."""
    return f"use one of {', '.join(SUPPORTED)}, such as {(_closest_id(text) or SUPPORTED[0])!r}"


def _closest_id(text: str) -> str | None:
    plain = "".join(filter(str.isalnum, text.lower()))
    matches = get_close_matches(plain, SUPPORTED, n=1)
    return _ID_BY_ALIAS.get(plain) or (matches[0] if matches else None)
