"""What spot markets have in common: no positions, no leverage, nothing to switch."""

from collections.abc import Collection, Sequence

from signalbot.domain.orders import OrderType
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters.base import ExchangeAdapter, SymbolMargin
from signalbot.exchange.live.parsing import CcxtDict
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority

WITH_STOP = frozenset((OrderType.MARKET, OrderType.LIMIT, OrderType.STOP))
"""Order types where a stop becomes a market order; a target would lock the same coins again."""

NO_MARGIN_MODES: frozenset[MarginMode] = frozenset()


class SpotAdapter(ExchangeAdapter):
    """What is held is in the balances, and the broker takes it from there."""

    async def holdings(
        self, api: ExchangeApi, symbols: Collection[str], *, priority: RequestPriority
    ) -> Sequence[CcxtDict]:
        return ()

    async def is_one_way(self, api: ExchangeApi, symbol: str) -> bool | None:
        return None

    async def margin(
        self, api: ExchangeApi, symbol: str, *, wanted: MarginMode | None = None
    ) -> SymbolMargin:
        return SymbolMargin(leverage=None, mode=None)
