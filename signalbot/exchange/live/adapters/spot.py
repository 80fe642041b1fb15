"""Spot markets: no positions, no leverage, no modes."""

from collections.abc import Collection, Sequence

from signalbot.domain.market import MarketKind
from signalbot.domain.orders import OrderType
from signalbot.domain.timeframe import Timeframe
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.types import SymbolMargin
from signalbot.exchange.live.capabilities import (
    COMMON_TIMEFRAMES,
    Capabilities,
    RateLimit,
    StopSupport,
)
from signalbot.exchange.live.parsing import CcxtDict
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

_WITHOUT_STOP = frozenset((OrderType.MARKET, OrderType.LIMIT))
_WITH_STOP = _WITHOUT_STOP | {OrderType.STOP}
_NO_MARGIN_MODES: frozenset[MarginMode] = frozenset()


def spot_capabilities(
    exchange: str,
    *,
    lookup: str,
    rates: tuple[RateLimit, ...],
    stops: StopSupport = StopSupport.NONE,
    can_amend_stops: bool = False,
    timeframes: frozenset[Timeframe] = COMMON_TIMEFRAMES,
    max_candle_history: int | None = None,
    candle_page: int = 500,
    streams_candles: bool = True,
    stop_locks_coins: bool = False,
    client_id_retention: str = "as its order",
    order_retention_days: int | None = None,
    fill_retention_days: int | None = None,
) -> Capabilities:
    """Capabilities of a spot market; no targets, which would lock the stop's coins again."""
    return Capabilities(
        exchange=exchange,
        kind=MarketKind.SPOT,
        order_types=_WITHOUT_STOP if stops is StopSupport.NONE else _WITH_STOP,
        stops=stops,
        can_amend_stops=can_amend_stops,
        timeframes=timeframes,
        max_candle_history=max_candle_history,
        candle_page=candle_page,
        streams_candles=streams_candles,
        stop_locks_coins=stop_locks_coins,
        client_id_retention=client_id_retention,
        order_retention_days=order_retention_days,
        fill_retention_days=fill_retention_days,
        reduce_only=False,
        lookup=lookup,
        position_mode="none",
        margin_modes=_NO_MARGIN_MODES,
        leverage=False,
        rates=rates,
    )


class SpotAdapter(ExchangeAdapter):
    """Holdings are in the balances, where the broker reads them."""

    async def holdings(
        self, api: ExchangeApi, symbols: Collection[str], *, priority: RequestPriority
    ) -> Sequence[CcxtDict]:
        return ()

    async def is_one_way(self, api: ExchangeApi, symbol: str) -> bool | None:
        return None

    async def symbol_margin(
        self, api: ExchangeApi, symbol: str, *, wanted: MarginMode | None = None
    ) -> SymbolMargin:
        return SymbolMargin(leverage=None, mode=None)
