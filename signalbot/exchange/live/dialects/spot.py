"""What spot markets have in common: no positions, no leverage, nothing to switch."""

from collections.abc import Collection, Sequence

from signalbot.domain.orders import OrderType
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.dialects.base import Api, Dialect, Margin
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw

WITH_STOP = frozenset((OrderType.MARKET, OrderType.LIMIT, OrderType.STOP))
"""Order types where a stop becomes a market order; a target would lock the same coins again."""

NO_MARGIN: frozenset[MarginMode] = frozenset()


class SpotDialect(Dialect):
    """What is held is in the balances, and the broker takes it from there."""

    async def holdings(self, api: Api, symbols: Collection[str], *, lane: Lane) -> Sequence[Raw]:
        return ()

    async def is_one_way(self, api: Api, symbol: str) -> bool | None:
        return None

    async def margin(self, api: Api, symbol: str, *, wanted: MarginMode | None = None) -> Margin:
        return Margin(leverage=None, mode=None)
