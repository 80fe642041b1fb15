"""Finds orders that change their list or their id: among open or ended ones, or once triggered."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.types import FoundOrder
from signalbot.exchange.live.parsing import CcxtDict
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority


async def find_in_lists(
    api: ExchangeApi,
    methods: Sequence[str],
    symbol: str,
    params: Mapping[str, Any],
    *,
    is_match: Callable[[CcxtDict], bool],
    priority: RequestPriority,
    cost: int = 1,
) -> list[CcxtDict]:
    """The matching orders of the first of ccxt's lists that holds any."""
    for method in methods:
        raws = await api.read(
            method, symbol, None, None, dict(params), priority=priority, cost=cost
        )
        matching = [raw for raw in raws if is_match(raw)]
        if matching:
            return matching
    return []


class TriggeredOrderLookup(ExchangeAdapter):
    """Exchanges where a conditional order that triggers becomes another order with another id."""

    def triggered_order_id(self, raw: CcxtDict) -> str | None:
        """The id of the order that a conditional order became; None while it has become none."""
        raise NotImplementedError

    async def fetch_triggered(
        self, api: ExchangeApi, order_id: str, symbol: str, priority: RequestPriority
    ) -> CcxtDict | None:
        """That order; None when it is not shown."""
        raw: CcxtDict | None = await self.read_or_none(
            api, "fetch_order", order_id, symbol, {}, priority=priority
        )
        return raw

    async def follow_triggered(
        self, api: ExchangeApi, found: FoundOrder, symbol: str, priority: RequestPriority
    ) -> FoundOrder:
        """The order that a conditional order became, under its id; itself while there is none."""
        order_id = self.triggered_order_id(found.raw)
        if order_id is None:
            return found
        raw = await self.fetch_triggered(api, order_id, symbol, priority)
        return found if raw is None else FoundOrder(raw=raw, wire_id=found.wire_id)
