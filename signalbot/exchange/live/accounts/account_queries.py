"""Reads one account: resting orders, holdings, fills, funding, permissions."""

from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal

import structlog

from signalbot.domain.errors import AccessDenied, OrderOutcomeUnknown
from signalbot.domain.funding import FundingPayment
from signalbot.domain.market import Instrument, MarketKind
from signalbot.domain.orders import ClientOrderId, Fill, ForcedClose, Order, OrderReport
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import User
from signalbot.exchange.live.account_markets import AccountMarkets, SymbolsByKind
from signalbot.exchange.live.accounts.balances import Balances
from signalbot.exchange.live.adapters.types import FoundOrder, KeyPermissions, SymbolMargin
from signalbot.exchange.live.orders.order_index import OrderIndex
from signalbot.exchange.live.parsing import parse_fill, parse_holding, parse_report
from signalbot.exchange.live.preflight import AccountFacts
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority
from signalbot.ports import Clock, Holding

log = structlog.get_logger()

_CLOCK_SKEW_MS = 60_000  # how far our clock may be ahead of the exchange's


class AccountQueries:
    """Reads that change nothing, with the account's own orders recognized."""

    def __init__(
        self,
        user: User,
        *,
        markets: AccountMarkets,
        order_index: OrderIndex,
        balances: Balances,
        clock: Clock,
    ) -> None:
        self._user = user
        self._markets = markets
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
        """Every order resting in ``symbols``; conditional orders only, or only the others."""
        reports: list[OrderReport] = []
        for kind, requested in symbols.items():
            found = await self._markets.adapters[kind].open_orders(
                api, requested, priority=priority, is_conditional=is_conditional
            )
            listed_ids = {each.wire_id for each in found}
            reports += [
                report
                for each in found
                if (report := self._report_listed(each, listed_ids)) is not None
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
        """Positions, and of the account's coins those that the ledger claims.

        Raises:
            AccessDenied: the account holds hedged positions, which cannot be managed here.
        """
        found: list[Holding] = []
        for kind, requested in symbols.items():
            if kind is MarketKind.SPOT:
                await self._balances.refresh_coins(api, priority=priority)
                found += self._balances.claimed_holdings(claimed)
                continue
            for raw in await self._markets.adapters[kind].holdings(
                api, requested, priority=priority
            ):
                instrument = self._instrument(raw.get("symbol"))
                holding = instrument and parse_holding(raw, instrument=instrument)
                if holding:
                    if raw.get("hedged"):
                        raise on_hedge()
                    found.append(holding)
        return found

    async def order_fills(self, api: ExchangeApi, order: Order) -> list[Fill]:
        """Every fill of one order that the exchange shows now."""
        adapter, instrument = self._markets.adapter_and_instrument(order.request.symbol)
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
        """All fills of a symbol since an instant, also of orders that are not ours, in order.

        A fill of an order that is not ours carries the exchange's id of that order.
        """
        adapter, instrument = self._markets.adapter_and_instrument(symbol)
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
        """Funding of ``symbols`` since an instant."""
        if not symbols:
            return []
        adapter = self._markets.adapters[MarketKind.SWAP]
        return list(
            await adapter.funding(api, symbols, since_ms=since_ms, priority=RequestPriority.POLL)
        )

    async def inspect(self, api: ExchangeApi, symbols: SymbolsByKind) -> AccountFacts:
        """What a preflight check needs beside the balance, which was read just before."""
        is_one_way: bool | None = None
        permissions = KeyPermissions()
        margins: dict[str, SymbolMargin] = {}
        for kind, requested in symbols.items():
            adapter = self._markets.adapters[kind]
            permissions = await adapter.key_permissions(api)
            if kind is MarketKind.SWAP:
                is_one_way = await adapter.is_one_way(api, requested[0])
                wanted = self._user.account.margin_mode
                margins |= await adapter.symbol_margins(api, requested, wanted=wanted)
        return AccountFacts(
            balance=self._balances.balance,
            is_one_way=is_one_way,
            margins=margins,
            permissions=permissions,
        )

    async def may_withdraw(self, api: ExchangeApi, kinds: Iterable[MarketKind]) -> bool | None:
        """Whether the key may withdraw in any of ``kinds``; None where it is not reported."""
        found = [
            (await self._markets.adapters[kind].key_permissions(api)).may_withdraw for kind in kinds
        ]
        return True if True in found else next(iter(found), None)

    def _report_listed(
        self, found: FoundOrder, listed_ids: Collection[str | None]
    ) -> OrderReport | None:
        instrument = self._instrument(found.raw.get("symbol"))
        if instrument is None:
            return None
        request = self._order_index.match(found, instrument, listed_ids=listed_ids)
        own_id = self._order_index.client_id_of(str(found.raw.get("id")))
        ours = request.client_order_id if request else own_id
        try:
            report = parse_report(
                found.raw,
                client_order_id=ours or ClientOrderId(found.wire_id or str(found.raw.get("id"))),
                instrument=instrument,
                requested=request.quantity if request else None,
                now_ms=self._clock.now_ms(),
            )
        except OrderOutcomeUnknown as e:
            log.warning("order.parse_failed", user_id=self._user.user_id, cause=str(e))
            return None
        if request is not None:
            self._order_index.update(request, report)
        return report

    def _instrument(self, symbol: str | None) -> Instrument | None:
        try:
            return None if symbol is None else self._markets.market.instrument(symbol)
        except KeyError:
            return None
