"""What one account is asked: resting orders, holdings, fills, funding."""

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal

import structlog

from signalbot.domain.errors import AccessDenied, OrderOutcomeUnknown
from signalbot.domain.funding import FundingPayment
from signalbot.domain.market import Instrument, MarketKind
from signalbot.domain.orders import ClientOrderId, Fill, Order, OrderReport
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.exchange.live.dialects.base import Api, Dialect, Found
from signalbot.exchange.live.known import KnownOrders
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import fill_of, holding_of, report_of
from signalbot.exchange.live.wallet import Dialects, Wallet
from signalbot.ports import Clock, Holding, Market

log = structlog.get_logger()

_SKEW_MS = 60_000  # how far our clock may be ahead of an exchange's

SymbolsByKind = Mapping[MarketKind, Sequence[str]]


class AccountReads:
    def __init__(
        self,
        user_id: UserId,
        *,
        dialects: Dialects,
        market: Market,
        known: KnownOrders,
        wallet: Wallet,
        clock: Clock,
    ) -> None:
        self._user_id = user_id
        self._dialects = dialects
        self._market = market
        self._known = known
        self._wallet = wallet
        self._clock = clock

    async def open_orders(
        self,
        api: Api,
        symbols: SymbolsByKind,
        *,
        lane: Lane,
        is_conditional: bool | None = None,
    ) -> list[OrderReport]:
        """Everything that rests in ``symbols``; conditional orders only, or all but them."""
        reports: list[OrderReport] = []
        for kind, asked in symbols.items():
            found = await self._dialects[kind].open_orders(
                api, asked, lane=lane, is_conditional=is_conditional
            )
            named = {each.wire_id for each in found}
            reports += [
                report for each in found if (report := self._listed(each, named)) is not None
            ]
        return reports

    async def holdings(
        self,
        api: Api,
        symbols: SymbolsByKind,
        claimed: Mapping[str, Decimal],
        *,
        lane: Lane,
        on_hedge: Callable[[], AccessDenied],
    ) -> list[Holding]:
        """Positions, and of the coins that the account has what the ledger claims.

        Raises:
            AccessDenied: positions face both ways, which nothing here can manage.
        """
        found: list[Holding] = []
        for kind, asked in symbols.items():
            if kind is MarketKind.SPOT:
                await self._wallet.refresh_coins(api, lane=lane)
                found += self._wallet.held(claimed)
                continue
            for raw in await self._dialects[kind].holdings(api, asked, lane=lane):
                instrument = self._instrument(raw.get("symbol"))
                holding = instrument and holding_of(raw, instrument=instrument)
                if holding:
                    if raw.get("hedged"):
                        raise on_hedge()
                    found.append(holding)
        return found

    async def fills_of(self, api: Api, order: Order) -> list[Fill]:
        """Every fill of one order that the exchange shows now."""
        dialect, instrument = self._place(order.request.symbol)
        if order.exchange_order_id is None:
            return []
        raws = await dialect.trades(
            api,
            instrument.symbol,
            lane=Lane.SETTLE,
            since_ms=Ms(order.request.intended_at_ms - _SKEW_MS),
            order_id=order.exchange_order_id,
        )
        return [
            fill_of(
                raw,
                client_order_id=order.client_order_id,
                instrument=instrument,
                is_liquidation=dialect.is_liquidation(raw),
            )
            for raw in raws
        ]

    async def fills(self, api: Api, symbol: str, *, since_ms: Ms) -> list[Fill]:
        """All fills of a symbol since then, whoever ordered them, in order.

        One of an order that is not known carries the exchange's id of that order.
        """
        dialect, instrument = self._place(symbol)
        raws = await dialect.trades(api, symbol, lane=Lane.SETTLE, since_ms=since_ms)
        unknown_ms = [
            int(raw.get("timestamp") or since_ms)
            for raw in raws
            if self._known.id_of(str(raw.get("order"))) is None
        ]
        forced = frozenset[str]()
        if unknown_ms:
            earliest_ms = Ms(max(since_ms, min(unknown_ms) - _SKEW_MS))
            forced = await dialect.liquidations(api, symbol, since_ms=earliest_ms)
        return [
            fill_of(
                raw,
                client_order_id=self._known.id_of(str(raw.get("order")))
                or ClientOrderId(str(raw.get("order"))),
                instrument=instrument,
                is_liquidation=dialect.is_liquidation(raw) or str(raw.get("order")) in forced,
            )
            for raw in raws
            if int(raw.get("timestamp") or since_ms) >= since_ms
        ]

    async def funding(
        self, api: Api, symbols: Collection[str], *, since_ms: Ms
    ) -> list[FundingPayment]:
        """Funding of ``symbols`` since then."""
        if not symbols:
            return []
        dialect = self._dialects[MarketKind.SWAP]
        return list(await dialect.funding(api, symbols, since_ms=since_ms, lane=Lane.POLL))

    def _listed(self, found: Found, named: Collection[str | None]) -> OrderReport | None:
        instrument = self._instrument(found.raw.get("symbol"))
        if instrument is None:
            return None
        request = self._known.request_of(found, instrument, named=named)
        known = self._known.id_of(str(found.raw.get("id")))
        ours = request.client_order_id if request else known
        try:
            report = report_of(
                found.raw,
                client_order_id=ours or ClientOrderId(found.wire_id or str(found.raw.get("id"))),
                instrument=instrument,
                asked=request.quantity if request else None,
                now_ms=self._clock.now_ms(),
            )
        except OrderOutcomeUnknown as e:
            log.warning("order.unreadable", user_id=self._user_id, cause=str(e))
            return None
        if request is not None:
            self._known.note(request, report)
        return report

    def _place(self, symbol: str) -> tuple[Dialect, Instrument]:
        instrument = self._market.instrument(symbol)
        return self._dialects[instrument.kind], instrument

    def _instrument(self, symbol: str | None) -> Instrument | None:
        try:
            return None if symbol is None else self._market.instrument(symbol)
        except KeyError:
            return None
