"""A broker whose stops can be moved in place, in front of an exchange where they cannot."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace

from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected
from signalbot.domain.orders import ClientOrderId, Order, OrderReport, OrderRequest
from tests.fakes.broker import FaultyBroker


class AmendingBroker(FaultyBroker):
    """Behind one id there is another order after every move; nobody outside sees it."""

    moves = 0  #: that were carried out
    refusals = 0  #: of moves yet to come
    lost_answers = 0  #: to moves yet to come, which are carried out

    def amends_stops(self, symbol: str) -> bool:
        return True

    async def amend(self, order: Order, request: OrderRequest) -> OrderReport:
        if self.refusals:
            self.refusals -= 1
            raise OrderRejected("not now")
        self.moves += 1
        await self.real.cancel(self._real(order))
        inner = ClientOrderId(f"{self.moves:02}{request.client_order_id[2:]}")
        self._inner[request.client_order_id] = inner
        report = await self.real.submit(replace(request, client_order_id=inner))
        if self.lost_answers:
            self.lost_answers -= 1
            raise OrderOutcomeUnknown("connection reset before the answer arrived")
        return self._ours(report)

    async def cancel(self, order: Order) -> OrderReport:
        return self._ours(await super().cancel(self._real(order)))

    async def lookup(self, order: Order) -> OrderReport | None:
        report = await super().lookup(self._real(order))
        return None if report is None else self._ours(report)

    async def open_orders(
        self, symbols: Collection[str] | None = None, *, is_urgent: bool = False
    ) -> Sequence[OrderReport]:
        found = await super().open_orders(symbols, is_urgent=is_urgent)
        return [self._ours(report) for report in found]

    async def events(self) -> AsyncIterator[OrderReport]:
        async for report in super().events():
            yield self._ours(report)

    @property
    def _inner(self) -> dict[ClientOrderId, ClientOrderId]:
        known: dict[ClientOrderId, ClientOrderId] = self.__dict__.setdefault("inner", {})
        return known

    def _real(self, order: Order) -> Order:
        inner = self._inner.get(order.client_order_id, order.client_order_id)
        return replace(order, request=replace(order.request, client_order_id=inner))

    def _ours(self, report: OrderReport) -> OrderReport:
        names = {inner: ours for ours, inner in self._inner.items()}
        ours = names.get(report.client_order_id, report.client_order_id)
        fills = tuple(replace(fill, client_order_id=ours) for fill in report.fills)
        return replace(report, client_order_id=ours, fills=fills)
