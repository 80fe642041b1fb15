"""Spot rows of the capability table, and exchanges that count market buys in the other coin."""

from dataclasses import replace
from decimal import Decimal

from signalbot.domain.errors import Unavailable
from signalbot.domain.market import MarketKind
from signalbot.domain.money import text
from signalbot.domain.orders import OrderType
from signalbot.domain.timeframe import Timeframe
from signalbot.exchange.live.capability import COMMON_TIMEFRAMES, Capabilities, Rate, Stops
from signalbot.exchange.live.dialects.answers import building
from signalbot.exchange.live.dialects.base import Api, Create
from signalbot.exchange.live.dialects.spot import NO_MARGIN, WITH_STOP, SpotDialect
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw, number

_WITHOUT_STOP = frozenset((OrderType.MARKET, OrderType.LIMIT))
_MOST_ABOVE = Decimal("1.01")
_AT_ONCE = {"timeInForce": "IOC"}


def spot_capabilities(
    exchange: str,
    *,
    lookup: str,
    rates: tuple[Rate, ...],
    stops: Stops = Stops.NONE,
    amends: bool = False,
    timeframes: frozenset[Timeframe] = COMMON_TIMEFRAMES,
    candles_told: int | None = None,
    candle_page: int = 500,
    streams_candles: bool = True,
    holds_coins: bool = False,
    client_id_lives: str = "as its order",
    orders_kept_days: int | None = None,
    fills_kept_days: int | None = None,
) -> Capabilities:
    """A spot row. Never targets: together with a stop they would lock the same coins twice."""
    return Capabilities(
        exchange=exchange,
        kind=MarketKind.SPOT,
        order_types=_WITHOUT_STOP if stops is Stops.NONE else WITH_STOP,
        stops=stops,
        amends=amends,
        timeframes=timeframes,
        candles_told=candles_told,
        candle_page=candle_page,
        streams_candles=streams_candles,
        holds_coins=holds_coins,
        client_id_lives=client_id_lives,
        orders_kept_days=orders_kept_days,
        fills_kept_days=fills_kept_days,
        reduce_only=False,
        lookup=lookup,
        position_mode="none",
        margin_modes=NO_MARGIN,
        leverage=False,
        rates=rates,
    )


class BuysByCost(SpotDialect):
    """Market buys are counted in the quote currency there, but we want coins.

    So a market buy goes out as a limit order one percent above the ask that never rests: the
    exact quantity, at the market's price, and never far from it.
    """

    async def send(self, api: Api, create: Create, lane: Lane) -> Raw:
        if create.type == "market" and create.side == "buy":
            create = await self._bounded(api, create, lane)
        return await super().send(api, create, lane)

    async def _bounded(self, api: Api, create: Create, lane: Lane) -> Create:
        ticker = await api.read("fetch_ticker", create.symbol, lane=lane)
        ask = number(ticker.get("ask")) or number(ticker.get("last"))
        if ask is None:
            raise Unavailable(f"never sent: nobody sells {create.symbol} at present")
        with building():
            limit = api.client.price_to_precision(create.symbol, text(ask * _MOST_ABOVE))
        return replace(create, type="limit", price=limit, params={**create.params, **_AT_ONCE})
