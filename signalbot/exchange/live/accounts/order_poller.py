"""Reads the orders of one account that should be resting, and reports what has changed."""

from collections.abc import Callable

import structlog

from signalbot.domain.errors import OrderOutcomeUnknown
from signalbot.domain.market import PriceRange
from signalbot.domain.orders import (
    ClientOrderId,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
)
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.exchange.live.account_markets import AccountMarkets
from signalbot.exchange.live.accounts.account_queries import AccountQueries
from signalbot.exchange.live.orders.order_status import OrderStatusReader
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority
from signalbot.ports import Clock
from signalbot.stream import Stream

log = structlog.get_logger()

PROTECTION_LAG_MS = 2_000  # a second reduce-only order does no harm


class OrderPoller:
    """``events`` gets every change of a watched order; ``record`` is called with each report."""

    def __init__(
        self,
        user_id: UserId,
        *,
        markets: AccountMarkets,
        queries: AccountQueries,
        order_status: OrderStatusReader,
        record: Callable[[OrderRequest, OrderReport], object],
        clock: Clock,
    ) -> None:
        self.events: Stream[OrderReport] = Stream()
        self._user_id = user_id
        self._markets = markets
        self._queries = queries
        self._order_index = order_status.order_index
        self._order_status = order_status
        self._record = record
        self._clock = clock
        self._missing_since_ms: dict[ClientOrderId, Ms] = {}
        self._reported: dict[ClientOrderId, OrderReport] = {}

    async def poll(self, api: ExchangeApi) -> None:
        """Read every watched order, and report what has changed."""
        watched = self._order_index.watched
        for ended in self._missing_since_ms.keys() - watched.keys():
            del self._missing_since_ms[ended]
        if not watched:
            return
        symbols = self._markets.by_kind(self._order_index.watched_symbols)
        conditional = {request.trigger_price is not None for request in watched.values()}
        listed = {
            report.client_order_id: report
            for report in await self._queries.open_orders(
                api,
                symbols,
                priority=RequestPriority.POLL,
                is_conditional=next(iter(conditional)) if len(conditional) == 1 else None,
            )
        }
        for client_order_id, request in list(watched.items()):
            report = listed.get(client_order_id) or await self._find_or_unknown(request)
            if report is not None:
                self._report(request, report)

    def is_price_touched(self, price_range: PriceRange) -> bool:
        """Whether the price has reached one of the watched orders."""
        return any(
            request.symbol == price_range.symbol and _is_reached(request, price_range)
            for request in self._order_index.watched.values()
        )

    def _report(self, request: OrderRequest, report: OrderReport) -> None:
        """Put a changed order into ``events``."""
        before = self._reported.get(request.client_order_id)
        if report.status is not OrderStatus.UNKNOWN:
            self._record(request, report)
        if before is None or (before.status, before.filled) != (report.status, report.filled):
            self._reported[request.client_order_id] = report
            self.events.put(report)
        if report.status.is_final:
            self._reported.pop(request.client_order_id, None)

    async def _find_or_unknown(self, request: OrderRequest) -> OrderReport | None:
        """The order by its id; UNKNOWN once it is missing in two polls in a row."""
        try:
            found = await self._order_status.find(request, RequestPriority.POLL, in_list=False)
        except OrderOutcomeUnknown as e:
            log.debug("order.outcome_pending", user_id=self._user_id, cause=str(e))
            return None
        now_ms = self._clock.now_ms()
        if found is not None:
            self._missing_since_ms.pop(request.client_order_id, None)
            return found
        first_ms = self._missing_since_ms.setdefault(request.client_order_id, now_ms)
        if now_ms - first_ms < PROTECTION_LAG_MS or not request.reduce_only:
            return None
        return OrderReport(
            client_order_id=request.client_order_id,
            exchange_order_id=None,
            symbol=request.symbol,
            status=OrderStatus.UNKNOWN,
            updated_at_ms=now_ms,
            error="the exchange does not show it any more",
        )


def _is_reached(request: OrderRequest, price_range: PriceRange) -> bool:
    """Whether an order must have traded if the exchange saw the same price."""
    at = request.trigger_price or request.price
    if at is None:
        return False
    waits_below = (request.side is OrderSide.SELL) == (request.type is OrderType.STOP)
    return price_range.low <= at if waits_below else price_range.high >= at
