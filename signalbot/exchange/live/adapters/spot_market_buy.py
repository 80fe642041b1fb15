"""Spot rows of the capability table, and exchanges that count market buys in the other coin."""

from dataclasses import replace
from decimal import Decimal

from signalbot.domain.errors import Unavailable
from signalbot.domain.market import MarketKind
from signalbot.domain.money import text
from signalbot.domain.orders import OrderType
from signalbot.domain.timeframe import Timeframe
from signalbot.exchange.live.adapters.base import CreateOrderArgs
from signalbot.exchange.live.adapters.error_responses import while_building
from signalbot.exchange.live.adapters.spot import NO_MARGIN_MODES, WITH_STOP, SpotAdapter
from signalbot.exchange.live.capabilities import (
    COMMON_TIMEFRAMES,
    Capabilities,
    RateLimit,
    StopSupport,
)
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority

_WITHOUT_STOP = frozenset((OrderType.MARKET, OrderType.LIMIT))
_MAX_PRICE_FACTOR = Decimal("1.01")
_IMMEDIATE_OR_CANCEL = {"timeInForce": "IOC"}


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
    """A spot row. Never targets: together with a stop they would lock the same coins twice."""
    return Capabilities(
        exchange=exchange,
        kind=MarketKind.SPOT,
        order_types=_WITHOUT_STOP if stops is StopSupport.NONE else WITH_STOP,
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
        margin_modes=NO_MARGIN_MODES,
        leverage=False,
        rates=rates,
    )


class MarketBuyByCost(SpotAdapter):
    """Market buys are counted in the quote currency there, but we want coins.

    So a market buy goes out as a limit order one percent above the ask that never rests: the
    exact quantity, at the market's price, and never far from it.
    """

    async def send(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CcxtDict:
        if create.type == "market" and create.side == "buy":
            create = await self._as_limit_order(api, create, priority)
        return await super().send(api, create, priority)

    async def _as_limit_order(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CreateOrderArgs:
        ticker = await api.read("fetch_ticker", create.symbol, priority=priority)
        ask_price = parse_decimal(ticker.get("ask")) or parse_decimal(ticker.get("last"))
        if ask_price is None:
            raise Unavailable(f"never sent: nobody sells {create.symbol} at present")
        with while_building():
            limit = api.client.price_to_precision(
                create.symbol, text(ask_price * _MAX_PRICE_FACTOR)
            )
        return replace(
            create, type="limit", price=limit, params={**create.params, **_IMMEDIATE_OR_CANCEL}
        )
