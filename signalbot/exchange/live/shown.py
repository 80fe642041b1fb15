"""What an exchange shows of one order: asked until it says something that can be believed."""

from collections.abc import Callable
from dataclasses import replace

import structlog
from ccxt.base import errors as ccxt

from signalbot.domain.errors import OrderOutcomeUnknown, Unavailable
from signalbot.domain.market import Instrument
from signalbot.domain.orders import Confirmation, Order, OrderReport, OrderRequest, OrderStatus
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.exchange.live.dialects.base import Api, Dialect, Found
from signalbot.exchange.live.known import KnownOrders
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw, fill_of, report_of, with_fills
from signalbot.ports import Clock

log = structlog.get_logger()

UNREADABLE = (KeyError, ValueError, TypeError, AttributeError, IndexError, ccxt.BaseError)
"""What reading an answer raises that is not what it should be."""

_PAUSES_S = (0.0, 0.1, 0.25, 0.5, 1.0)  # exchanges may show an order a moment late


class Shown:
    """Reads single orders of one account. ``api`` gives its line as it is when it is needed."""

    def __init__(
        self,
        user_id: UserId,
        *,
        api: Callable[[], Api],
        place: Callable[[str], tuple[Dialect, Instrument]],
        known: KnownOrders,
        clock: Clock,
    ) -> None:
        self._user_id = user_id
        self._api = api
        self._place = place
        self._known = known
        self._clock = clock

    async def find(
        self, request: OrderRequest, lane: Lane, *, in_list: bool = True
    ) -> OrderReport | None:
        """The order as the exchange shows it now; None when it shows none that is ours.

        A conditional order that is not found by its ids is looked for among those that rest
        before it counts as gone; not if ``in_list`` is False: the list was read just now.

        Raises:
            OrderOutcomeUnknown: what it shows cannot be read.
            OrderRejected: it shows that the order was refused.
            Unavailable: it does not answer.
        """
        _, instrument = self._place(request.symbol)
        try:
            found = await self._ours(request, lane)
            if found is None and in_list and request.trigger_price is not None:
                found = await self._resting(request, instrument, lane)
            return None if found is None else self.report(found, request, instrument)
        except UNREADABLE as e:
            raise OrderOutcomeUnknown(f"unreadable answer: {type(e).__name__}: {e}") from None

    async def _ours(self, request: OrderRequest, lane: Lane) -> Found | None:
        dialect, _ = self._place(request.symbol)
        order_id = self._known.exchange_id_of(request)
        found = await dialect.lookup(self._api(), request, lane=lane, order_id=order_id)
        if found is None or not self._is_ours(found, request, order_id):
            return None
        return found

    def _is_ours(self, found: Found, request: OrderRequest, order_id: str | None) -> bool:
        """By our id; by the exchange's only where the order is shown without ours."""
        dialect, _ = self._place(request.symbol)
        if found.wire_id is None:
            return order_id is not None and str(found.raw.get("id")) == order_id
        return found.wire_id == dialect.wire_id(request.client_order_id)

    async def _resting(
        self, request: OrderRequest, instrument: Instrument, lane: Lane
    ) -> Found | None:
        dialect, _ = self._place(request.symbol)
        listed = await dialect.open_orders(
            self._api(), [request.symbol], lane=lane, is_conditional=True
        )
        named = {each.wire_id for each in listed}
        for each in listed:
            known = self._known.request_of(each, instrument, named=named)
            if known is not None and known.client_order_id == request.client_order_id:
                return each
        return None

    async def until_sure(self, request: OrderRequest, acknowledged: OrderReport) -> OrderReport:
        """Read back what became of an acknowledged order.

        A conditional order that cannot be read, or is not shown, is given as acknowledged, and
        its report says which of the two.

        Raises:
            OrderOutcomeUnknown: any other order, likewise.
        """
        is_conditional = request.trigger_price is not None
        seen: OrderReport | None = None
        unread = Confirmation.NOT_SHOWN
        for pause_s in _PAUSES_S:
            await self._clock.sleep(pause_s)
            try:
                seen = await self.find(request, Lane.PROTECT)
            except (Unavailable, OrderOutcomeUnknown) as e:
                log.debug("order.not_read_back", user_id=self._user_id, cause=str(e))
                unread = Confirmation.ACKNOWLEDGED
                continue
            unread = Confirmation.NOT_SHOWN
            if seen is not None and (seen.status.is_final or is_conditional):
                return seen
        if seen is not None:
            return seen
        if is_conditional:
            return replace(acknowledged, confirmation=unread)
        raise OrderOutcomeUnknown(f"acknowledged as {acknowledged.exchange_order_id}, {unread}")

    async def amended(self, request: OrderRequest) -> OrderReport:
        """The stop as it is shown; it counts once it shows what was asked for, or has ended."""
        dialect, instrument = self._place(request.symbol)
        for pause_s in _PAUSES_S:
            await self._clock.sleep(pause_s)
            try:
                found = await self._ours(request, Lane.PROTECT)
                if found is None:
                    continue
                report = self.report(found, request, instrument)
                if report.status.is_final or dialect.is_as(found.raw, request, instrument):
                    return report
            except (Unavailable, OrderOutcomeUnknown, *UNREADABLE) as e:
                log.debug("order.not_read_back", user_id=self._user_id, cause=str(e))
        raise OrderOutcomeUnknown(
            f"stop {request.client_order_id} is not shown as it was asked for"
        )

    async def cancelled(self, order: Order, *, is_surely_over: bool) -> OrderReport:
        """What a cancelled order came to; exchanges may show it as live for a moment longer.

        ``is_surely_over`` tells that it does not matter, or cannot be, that it is shown late.

        Raises:
            OrderOutcomeUnknown: it is still shown as live; or it is not shown, which is no proof.
        """
        for pause_s in _PAUSES_S:
            await self._clock.sleep(pause_s)
            try:
                report = await self.find(order.request, Lane.PROTECT)
            except Unavailable:
                continue
            if report is None and is_surely_over:
                return _gone(order, self._clock.now_ms())
            if report is None:
                raise OrderOutcomeUnknown("neither cancelled nor shown")
            if report.status.is_final:
                return report
        raise OrderOutcomeUnknown(f"order {order.client_order_id} is still shown as live")

    def report(self, found: Found, request: OrderRequest, instrument: Instrument) -> OrderReport:
        """The report of one of our orders.

        Raises:
            OrderOutcomeUnknown: it tells of another order, or of none.
            OrderRejected: it tells that the order was refused.
        """
        dialect, _ = self._place(instrument.symbol)
        if found.wire_id not in (None, dialect.wire_id(request.client_order_id)):
            raise OrderOutcomeUnknown(f"the answer is about another order, {found.wire_id}")
        report = report_of(
            found.raw,
            client_order_id=request.client_order_id,
            instrument=instrument,
            asked=request.quantity,
            now_ms=self._clock.now_ms(),
        )
        fills = found.raw.get("trades") or ()
        if fills and all(map(_is_whole, fills)):
            report = with_fills(
                report,
                (
                    fill_of(
                        each,
                        client_order_id=request.client_order_id,
                        instrument=instrument,
                        forced=None,
                    )
                    for each in fills
                ),
            )
        return report


def _is_whole(trade: Raw) -> bool:
    """Whether a fill inside an answer says all that is booked of one."""
    fee = trade.get("fee") or {}
    return bool(trade.get("id") and trade.get("timestamp")) and fee.get("cost") is not None


def _gone(order: Order, now_ms: Ms) -> OrderReport:
    return replace(
        order.report(),
        status=OrderStatus.CANCELLED,
        updated_at_ms=now_ms,
        error="cancelled; the exchange does not show it any more",
    )
