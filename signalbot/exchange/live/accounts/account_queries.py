"""What one account is asked: resting orders, holdings, fills, funding."""

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal

import structlog

from signalbot.domain.errors import AccessDenied, OrderOutcomeUnknown
from signalbot.domain.funding import FundingPayment
from signalbot.domain.market import Instrument, MarketKind
from signalbot.domain.orders import ClientOrderId, Fill, ForcedClose, Order, OrderReport
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.exchange.live.accounts.balances import AdaptersByKind, Balances
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.types import FoundOrder
from signalbot.exchange.live.orders.order_index import OrderIndex
from signalbot.exchange.live.parsing import parse_fill, parse_holding, parse_report
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority
from signalbot.ports import Clock, Holding, Market

log = structlog.get_logger()

_CLOCK_SKEW_MS = 60_000  # how far our clock may be ahead of an exchange's

SymbolsByKind = Mapping[MarketKind, Sequence[str]]


class AccountQueries:
    def __init__(
        self,
        user_id: UserId,
        *,
        adapters: AdaptersByKind,
        market: Market,
        order_index: OrderIndex,
        balances: Balances,
        clock: Clock,
    ) -> None:
        self._user_id = user_id
        self._dialects = adapters
        self._market = market
        self._order_index = order_index
        self._balances = balances
        self._clock = clock

    async def open_orders(
        self,
        api: ExchangeApi,
        symbols: SymbolsByKind,
        *,
        priority: RequestPriority,
        is_conditional: bool | None = None,
    ) -> list[OrderReport]:
        """Everything that rests in ``symbols``; conditional orders only, or all but them."""
        reports: list[OrderReport] = []
        for kind, requested in symbols.items():
            found = await self._dialects[kind].open_orders(
                api, requested, priority=priority, is_conditional=is_conditional
            )
            named = {each.wire_id for each in found}
            reports += [
                report for each in found if (report := self._report_listed(each, named)) is not None
            ]
        return reports

    async def holdings(
        self,
        api: ExchangeApi,
        symbols: SymbolsByKind,
        claimed: Mapping[str, Decimal],
        *,
        priority: RequestPriority,
        on_hedge: Callable[[], AccessDenied],
    ) -> list[Holding]:
        """Positions, and of the coins that the account has what the ledger claims.

        Raises:
            AccessDenied: positions face both ways, which nothing here can manage.
        """
        found: list[Holding] = []
        for kind, requested in symbols.items():
            if kind is MarketKind.SPOT:
                await self._balances.refresh_coins(api, priority=priority)
                found += self._balances.claimed_holdings(claimed)
                continue
            for raw in await self._dialects[kind].holdings(api, requested, priority=priority):
                instrument = self._instrument(raw.get("symbol"))
                holding = instrument and parse_holding(raw, instrument=instrument)
                if holding:
                    if raw.get("hedged"):
                        raise on_hedge()
                    found.append(holding)
        return found

    async def order_fills(self, api: ExchangeApi, order: Order) -> list[Fill]:
        """Every fill of one order that the exchange shows now."""
        adapter, instrument = self._adapter_and_instrument(order.request.symbol)
        if order.exchange_order_id is None:
            return []
        raws = await adapter.trades(
            api,
            instrument.symbol,
            priority=RequestPriority.SETTLE,
            since_ms=Ms(order.request.intended_at_ms - _CLOCK_SKEW_MS),
            order_id=order.exchange_order_id,
        )
        return [
            parse_fill(
                raw,
                client_order_id=order.client_order_id,
                instrument=instrument,
                forced=adapter.forced_reason(raw),
            )
            for raw in raws
        ]

    async def fills(self, api: ExchangeApi, symbol: str, *, since_ms: Ms) -> list[Fill]:
        """All fills of a symbol since then, whoever ordered them, in order.

        One of an order that is not known carries the exchange's id of that order.
        """
        adapter, instrument = self._adapter_and_instrument(symbol)
        raws = await adapter.trades(api, symbol, priority=RequestPriority.SETTLE, since_ms=since_ms)
        unknown_ms = [
            int(raw.get("timestamp") or since_ms)
            for raw in raws
            if self._order_index.client_id_of(str(raw.get("order"))) is None
        ]
        forced: Mapping[str, ForcedClose] = {}
        if unknown_ms:
            earliest_ms = Ms(max(since_ms, min(unknown_ms) - _CLOCK_SKEW_MS))
            forced = await adapter.forced_orders(api, symbol, since_ms=earliest_ms)
        return [
            parse_fill(
                raw,
                client_order_id=self._order_index.client_id_of(str(raw.get("order")))
                or ClientOrderId(str(raw.get("order"))),
                instrument=instrument,
                forced=adapter.forced_reason(raw) or forced.get(str(raw.get("order"))),
            )
            for raw in raws
            if int(raw.get("timestamp") or since_ms) >= since_ms
        ]

    async def funding(
        self, api: ExchangeApi, symbols: Collection[str], *, since_ms: Ms
    ) -> list[FundingPayment]:
        """Funding of ``symbols`` since then."""
        if not symbols:
            return []
        adapter = self._dialects[MarketKind.SWAP]
        return list(
            await adapter.funding(api, symbols, since_ms=since_ms, priority=RequestPriority.POLL)
        )

    def _report_listed(
        self, found: FoundOrder, named: Collection[str | None]
    ) -> OrderReport | None:
        instrument = self._instrument(found.raw.get("symbol"))
        if instrument is None:
            return None
        request = self._order_index.match(found, instrument, listed_ids=named)
        order_index = self._order_index.client_id_of(str(found.raw.get("id")))
        ours = request.client_order_id if request else order_index
        try:
            report = parse_report(
                found.raw,
                client_order_id=ours or ClientOrderId(found.wire_id or str(found.raw.get("id"))),
                instrument=instrument,
                requested=request.quantity if request else None,
                now_ms=self._clock.now_ms(),
            )
        except OrderOutcomeUnknown as e:
            log.warning("order.parse_failed", user_id=self._user_id, cause=str(e))
            return None
        if request is not None:
            self._order_index.update(request, report)
        return report

    def _adapter_and_instrument(self, symbol: str) -> tuple[ExchangeAdapter, Instrument]:
        instrument = self._market.instrument(symbol)
        return self._dialects[instrument.kind], instrument

    def _instrument(self, symbol: str | None) -> Instrument | None:
        try:
            return None if symbol is None else self._market.instrument(symbol)
        except KeyError:
            return None
