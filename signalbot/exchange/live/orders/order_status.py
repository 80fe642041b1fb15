"""Reads one order from the exchange until its report is conclusive."""

from collections.abc import Callable
from dataclasses import replace

import structlog
from ccxt.base import errors as ccxt

from signalbot.domain.errors import OrderOutcomeUnknown, Unavailable
from signalbot.domain.market import Instrument
from signalbot.domain.orders import Confirmation, Order, OrderReport, OrderRequest, OrderStatus
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.exchange.live.account_markets import AccountMarkets
from signalbot.exchange.live.adapters.types import FoundOrder
from signalbot.exchange.live.orders.order_index import OrderIndex
from signalbot.exchange.live.parsing import CcxtDict, parse_fill, parse_report, with_fills
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority
from signalbot.ports import Clock

log = structlog.get_logger()

PARSE_ERRORS = (KeyError, ValueError, TypeError, AttributeError, IndexError, ccxt.BaseError)
"""Errors of reading a malformed response."""

_RETRY_DELAYS_S = (0.0, 0.1, 0.25, 0.5, 1.0)  # exchanges may show an order a moment late


class OrderStatusReader:
    """Reads single orders of one account; ``api`` returns its present requests."""

    def __init__(
        self,
        user_id: UserId,
        *,
        api: Callable[[], ExchangeApi],
        markets: AccountMarkets,
        order_index: OrderIndex,
        clock: Clock,
    ) -> None:
        self._user_id = user_id
        self._api = api
        self._markets = markets
        self.order_index = order_index
        self._clock = clock

    async def find(
        self, request: OrderRequest, priority: RequestPriority, *, in_list: bool = True
    ) -> OrderReport | None:
        """The order as the exchange shows it now; None when it shows none that is ours.

        A conditional order that is not found by its ids is searched in the list of resting orders
        before it counts as gone; not if ``in_list`` is False: the list was read just now.

        Raises:
            OrderOutcomeUnknown: the response cannot be read.
            OrderRejected: the response shows that the order was rejected.
            Unavailable: the exchange does not answer.
        """
        _, instrument = self._markets.adapter_and_instrument(request.symbol)
        try:
            found = await self._find_own(request, priority)
            if found is None and in_list and request.trigger_price is not None:
                found = await self._find_in_list(request, instrument, priority)
            return None if found is None else self.to_report(found, request, instrument)
        except PARSE_ERRORS as e:
            raise OrderOutcomeUnknown(f"unreadable response: {type(e).__name__}: {e}") from None

    async def _find_own(
        self, request: OrderRequest, priority: RequestPriority
    ) -> FoundOrder | None:
        adapter, _ = self._markets.adapter_and_instrument(request.symbol)
        order_id = self.order_index.exchange_id_of(request)
        found = await adapter.lookup(self._api(), request, priority=priority, order_id=order_id)
        if found is None or not self._is_own(found, request, order_id):
            return None
        return found

    def _is_own(self, found: FoundOrder, request: OrderRequest, order_id: str | None) -> bool:
        """By our id; by the exchange's only where the order is listed without ours.

        An order that was found by its fields alone may be the one that replaced this one: it is
        another if its exchange id is another's.
        """
        adapter, _ = self._markets.adapter_and_instrument(request.symbol)
        owner = self.order_index.client_id_of(str(found.raw.get("id")))
        if owner not in (None, request.client_order_id):
            return False
        if found.wire_id is None:
            return order_id is not None and str(found.raw.get("id")) == order_id
        return found.wire_id == adapter.wire_id(request.client_order_id)

    async def _find_in_list(
        self, request: OrderRequest, instrument: Instrument, priority: RequestPriority
    ) -> FoundOrder | None:
        adapter, _ = self._markets.adapter_and_instrument(request.symbol)
        listed = await adapter.open_orders(
            self._api(), [request.symbol], priority=priority, is_conditional=True
        )
        listed_ids = {each.wire_id for each in listed}
        for each in listed:
            matched = self.order_index.match(each, instrument, listed_ids=listed_ids)
            if matched is not None and matched.client_order_id == request.client_order_id:
                return each
        return None

    async def confirm(self, request: OrderRequest, acknowledged: OrderReport) -> OrderReport:
        """Read back an acknowledged order.

        A conditional order that cannot be read, or is not shown, is returned as acknowledged; its
        ``confirmation`` states which of the two.

        Raises:
            OrderOutcomeUnknown: any other order that cannot be read or is not shown.
        """
        is_conditional = request.trigger_price is not None
        seen: OrderReport | None = None
        unread = Confirmation.NOT_FOUND
        for pause_s in _RETRY_DELAYS_S:
            await self._clock.sleep(pause_s)
            try:
                seen = await self.find(request, RequestPriority.PROTECT)
            except (Unavailable, OrderOutcomeUnknown) as e:
                log.debug("order.readback_failed", user_id=self._user_id, cause=str(e))
                unread = Confirmation.ACKNOWLEDGED
                continue
            unread = Confirmation.NOT_FOUND
            if seen is not None and (seen.status.is_final or is_conditional):
                return seen
        if seen is not None:
            return seen
        if is_conditional:
            return replace(acknowledged, confirmation=unread)
        raise OrderOutcomeUnknown(f"acknowledged as {acknowledged.exchange_order_id}, {unread}")

    async def confirm_amended(self, request: OrderRequest) -> OrderReport:
        """Read back an amended stop, until it has the new trigger and size or has ended."""
        adapter, instrument = self._markets.adapter_and_instrument(request.symbol)
        for pause_s in _RETRY_DELAYS_S:
            await self._clock.sleep(pause_s)
            try:
                found = await self._find_own(request, RequestPriority.PROTECT)
                if found is None:
                    continue
                report = self.to_report(found, request, instrument)
                if report.status.is_final or adapter.matches_amended(
                    found.raw, request, instrument
                ):
                    return report
            except (Unavailable, OrderOutcomeUnknown, *PARSE_ERRORS) as e:
                log.debug("order.readback_failed", user_id=self._user_id, cause=str(e))
        raise OrderOutcomeUnknown(f"stop {request.client_order_id} is not shown as amended")

    async def confirm_cancelled(self, order: Order, *, is_surely_over: bool) -> OrderReport:
        """Read back a cancelled order; exchanges may show it as live for a moment longer.

        ``is_surely_over``: an order that is not shown has ended, or does no harm if it has not.

        Raises:
            OrderOutcomeUnknown: it is still shown as live; or it is not shown, which is no proof.
        """
        for pause_s in _RETRY_DELAYS_S:
            await self._clock.sleep(pause_s)
            try:
                report = await self.find(order.request, RequestPriority.PROTECT)
            except Unavailable:
                continue
            if report is None and is_surely_over:
                return _cancelled_report(order, self._clock.now_ms())
            if report is None:
                raise OrderOutcomeUnknown("neither cancelled nor shown")
            if report.status.is_final:
                return report
        raise OrderOutcomeUnknown(f"order {order.client_order_id} is still shown as live")

    def to_report(
        self, found: FoundOrder, request: OrderRequest, instrument: Instrument
    ) -> OrderReport:
        """The report of one of our orders.

        Raises:
            OrderOutcomeUnknown: it is another order, or none.
            OrderRejected: it was rejected.
        """
        adapter, _ = self._markets.adapter_and_instrument(instrument.symbol)
        if found.wire_id not in (None, adapter.wire_id(request.client_order_id)):
            raise OrderOutcomeUnknown(f"the response is about another order, {found.wire_id}")
        report = parse_report(
            found.raw,
            client_order_id=request.client_order_id,
            instrument=instrument,
            requested=request.quantity,
            now_ms=self._clock.now_ms(),
        )
        fills = found.raw.get("trades") or ()
        if fills and all(map(_is_complete_fill, fills)):
            report = with_fills(
                report,
                (
                    parse_fill(
                        each,
                        client_order_id=request.client_order_id,
                        instrument=instrument,
                        forced=None,
                    )
                    for each in fills
                ),
            )
        return report


def _is_complete_fill(trade: CcxtDict) -> bool:
    """Whether a fill inside a response has every field that is booked."""
    fee = trade.get("fee") or {}
    return bool(trade.get("id") and trade.get("timestamp")) and fee.get("cost") is not None


def _cancelled_report(order: Order, now_ms: Ms) -> OrderReport:
    return replace(
        order.report(),
        status=OrderStatus.CANCELLED,
        updated_at_ms=now_ms,
        error="cancelled; the exchange does not show it any more",
    )
