"""Sends, amends and cancels orders of one account, and reads back their outcome."""

from collections.abc import Callable

import structlog

from signalbot.domain.errors import (
    AccessDenied,
    OrderOutcomeUnknown,
    OrderRejected,
    RejectionReason,
    Unavailable,
)
from signalbot.domain.orders import (
    ClientOrderId,
    Leg,
    Order,
    OrderReport,
    OrderRequest,
    OrderType,
)
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.exchange.live.account_markets import AccountMarkets
from signalbot.exchange.live.accounts.account_setup import AccountSetup
from signalbot.exchange.live.accounts.order_poller import PROTECTION_LAG_MS
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.capabilities import StopSupport
from signalbot.exchange.live.orders.order_status import PARSE_ERRORS, OrderStatusReader
from signalbot.exchange.live.orders.order_submission import response_or_lookup
from signalbot.exchange.live.transport.error_codes import OrderNotFound
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority
from signalbot.ports import Clock

log = structlog.get_logger()


class OrderSender:
    """``on_placed`` is called with the client order id of each acknowledged order."""

    def __init__(
        self,
        user_id: UserId,
        *,
        api: Callable[[], ExchangeApi],
        markets: AccountMarkets,
        setup: AccountSetup,
        order_status: OrderStatusReader,
        clock: Clock,
        on_placed: Callable[[str], None],
    ) -> None:
        self._user_id = user_id
        self._api = api
        self._markets = markets
        self._setup = setup
        self._order_status = order_status
        self._order_index = order_status.order_index
        self._clock = clock
        self._on_placed = on_placed
        self._created_ms = clock.now_ms()
        self._sent_ms: dict[ClientOrderId, Ms] = {}

    async def submit(self, request: OrderRequest, stop: OrderRequest | None) -> OrderReport:
        """Send one order; its stop goes along where entries can carry it."""
        adapter, _ = self._markets.adapter_and_instrument(request.symbol)
        if request.leg is Leg.ENTRY:
            await self._setup.prepare_entry(self._api(), request.symbol)
        if adapter.capabilities.stops is not StopSupport.ATTACHED:
            stop = None
        report = await self._send(request, stop)
        self._order_index.add(request, exchange_order_id=report.exchange_order_id)
        self._on_placed(adapter.wire_id(request.client_order_id))
        self._order_index.watched[request.client_order_id] = request
        if stop is not None:
            self._order_index.watched[stop.client_order_id] = stop
            if request.type is OrderType.MARKET:  # it rests once the entry has filled
                self._on_placed(adapter.wire_id(stop.client_order_id))
        if not _is_acknowledgement_enough(request, report):
            report = await self._order_status.confirm(request, report)
        return self.record(request, report)

    async def _send(self, request: OrderRequest, stop: OrderRequest | None) -> OrderReport:
        """Send one order, and return its response or what a look-up finds while it is pending."""
        adapter, instrument = self._markets.adapter_and_instrument(request.symbol)
        mode = await self._setup.margin_mode_for(self._api(), request.symbol)
        for each in (request, stop):
            if each is not None:
                self._order_index.add(each)
                self._sent_ms[each.client_order_id] = self._clock.now_ms()
        create = adapter.order_args(request, instrument, stop=stop, margin_mode=mode)

        async def send() -> OrderReport:
            raw = await adapter.send(self._api(), create, _priority_of(request))
            return self._order_status.to_report(adapter.to_found_order(raw), request, instrument)

        try:
            return await response_or_lookup(
                send(), lambda: self._lookup_while_pending(request), self._clock
            )
        except OrderNotFound as e:
            raise OrderOutcomeUnknown(str(e)) from None
        except OrderRejected as e:
            await self._mark_setup_stale(e, adapter, request.symbol)
            raise
        except PARSE_ERRORS as e:
            raise OrderOutcomeUnknown(f"unreadable response: {type(e).__name__}: {e}") from None

    async def amend(self, order: Order, request: OrderRequest) -> OrderReport:
        """Change a resting stop to ``request``, and read it back."""
        adapter, instrument = self._markets.adapter_and_instrument(request.symbol)
        if not adapter.capabilities.can_amend_stops:
            raise OrderRejected(f"{adapter.capabilities.exchange} does not amend orders")
        try:
            await adapter.amend(
                self._api(), order, request, instrument, priority=RequestPriority.PROTECT
            )
        except OrderNotFound as e:
            raise OrderRejected(str(e)) from None
        report = await self._order_status.confirm_amended(request)
        self._order_index.add(request)
        return self.record(request, report)

    async def cancel(self, order: Order) -> OrderReport:
        """Cancel an order, and read back its outcome."""
        adapter, _ = self._markets.adapter_and_instrument(order.request.symbol)
        self._order_index.add(order.request, exchange_order_id=order.exchange_order_id)
        was_sent = order.exchange_order_id or order.client_order_id in self._sent_ms
        is_surely_over = order.request.reduce_only or not was_sent
        try:
            await adapter.cancel(self._api(), order, priority=RequestPriority.PROTECT)
        except (OrderNotFound, OrderRejected) as e:
            log.debug("order.cancel_rejected", user_id=self._user_id, cause=str(e))
        except OrderOutcomeUnknown as e:
            log.debug("order.cancel_unconfirmed", user_id=self._user_id, cause=str(e))
            is_surely_over = False
        report = await self._order_status.confirm_cancelled(order, is_surely_over=is_surely_over)
        return self.record(order.request, report)

    async def lookup(self, order: Order) -> OrderReport | None:
        """The order as the exchange shows it; None when its absence may count."""
        request = order.request
        self._order_index.add(request, exchange_order_id=order.exchange_order_id)
        priority = RequestPriority.PROTECT if request.reduce_only else RequestPriority.SETTLE
        report = await self._order_status.find(request, priority)
        if report is not None:
            return self.record(request, report)
        self._raise_if_too_early(order)
        return None

    def record(self, request: OrderRequest, report: OrderReport) -> OrderReport:
        """Record what the exchange reports of an order; return the report."""
        self._order_index.update(request, report)
        if report.status.is_final:
            self._sent_ms.pop(request.client_order_id, None)
        return report

    async def _mark_setup_stale(
        self, rejection: OrderRejected, adapter: ExchangeAdapter, symbol: str
    ) -> None:
        """After a rejection for position mode or leverage, read what the owner has changed.

        Raises:
            OrderRejected: ACCESS_DENIED in hedge mode, which only the owner can end.
        """
        if not adapter.is_mode_error(str(rejection)):
            return
        self._setup.mark_stale()
        try:
            await self._setup.recheck_position_mode(self._api(), symbol)
        except AccessDenied as e:
            raise OrderRejected(
                str(e), rejection_reason=RejectionReason.ACCESS_DENIED
            ) from rejection
        except Unavailable:
            pass  # it is read again before the next entry

    async def _lookup_while_pending(self, request: OrderRequest) -> OrderReport | None:
        """The order as looked up while its response is pending, if that is conclusive."""
        try:
            found = await self._order_status.find(request, _priority_of(request))
        except (Unavailable, OrderOutcomeUnknown, OrderRejected):
            return None
        return found if found is not None and _is_conclusive(request, found) else None

    def _raise_if_too_early(self, order: Order) -> None:
        """Raise while an order may still be on its way, or be shown late."""
        request = order.request
        adapter, _ = self._markets.adapter_and_instrument(request.symbol)
        sent_ms = self._sent_ms.get(request.client_order_id, self._created_ms)
        lag_ms = PROTECTION_LAG_MS if request.reduce_only else 0
        remaining_ms = sent_ms + adapter.request_validity_ms + lag_ms - self._clock.now_ms()
        if remaining_ms > 0:
            raise OrderOutcomeUnknown(
                f"not found; it may arrive for {remaining_ms / 1000:.0f} s more"
            )


def _priority_of(request: OrderRequest) -> RequestPriority:
    return RequestPriority.ENTRY if request.leg is Leg.ENTRY else RequestPriority.PROTECT


def _is_acknowledgement_enough(request: OrderRequest, report: OrderReport) -> bool:
    """Whether an acknowledgement is enough; a stop must be seen resting, a market order filled."""
    if report.status.is_final:
        return True
    return request.type is OrderType.LIMIT


def _is_conclusive(request: OrderRequest, found: OrderReport) -> bool:
    """Whether an order has traded or ended, or is a conditional or limit order that rests."""
    if found.filled or found.status.is_final:
        return True
    return request.type is not OrderType.MARKET
