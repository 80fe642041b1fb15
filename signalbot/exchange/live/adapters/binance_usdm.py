"""Binance USDⓈ-M futures: plain orders at one endpoint, conditional ("algo") orders at another."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from signalbot.domain.errors import AccessDenied, Unavailable
from signalbot.domain.funding import FundingPayment
from signalbot.domain.market import MarketKind
from signalbot.domain.money import ZERO
from signalbot.domain.orders import ForcedClose, OrderRequest
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters import error_tables, response_shapes
from signalbot.exchange.live.adapters.binance_common import (
    MAX_PAGE,
    MINUTE_MS,
    binance_key_permissions,
    parse_used_weight,
    trades_of_order,
    trades_since,
)
from signalbot.exchange.live.adapters.order_lookup import TriggeredOrderLookup
from signalbot.exchange.live.adapters.paging import all_rows, page_numbers, paged, split_windows
from signalbot.exchange.live.adapters.types import FoundOrder, KeyPermissions, SymbolMargin
from signalbot.exchange.live.capabilities import Capabilities, RateLimit
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

_ALGO = {"trigger": True}
_MAX_INCOMES, _INCOME_COST = 1_000, 30
_INCOME_RETENTION_MS = 89 * 86_400_000  # three months
_MAX_FORCED, _FORCED_COST = 100, 20
_WEEK_MS = 7 * 86_400_000
_SKEW_MS = 60_000  # how far clocks may differ
_FUNDING_HOURS = 8
_MARGIN_TYPES = {
    "cross": MarginMode.CROSS,
    "crossed": MarginMode.CROSS,
    "isolated": MarginMode.ISOLATED,
}


class BinanceUsdm(TriggeredOrderLookup):
    capabilities: ClassVar = Capabilities(
        exchange="binanceusdm",
        kind=MarketKind.SWAP,
        lookup="order, or algoOrder for stops and targets, by client id",
        rates=(RateLimit(cost=2_400, per_ms=MINUTE_MS, is_aligned=True),),
    )
    codes: ClassVar = error_tables.BINANCE_USDM
    position_mode_cost: ClassVar = 30
    margin_cost: ClassVar = 5
    shapes: ClassVar = response_shapes.BINANCE_USDM
    order_streams: ClassVar[Sequence[Mapping[str, Any]]] = ({},)
    options: ClassVar[Mapping[str, Any]] = {
        "leverageBrackets": {},  # else fetch_positions requests them once per account
        "fetchOpenOrders": {"warnWithoutSymbol": False},
        "watchPositions": {"fetchPositionsSnapshot": False},
        "listenKeyRefreshRate": 3_000_000,  # the stream is renewed earlier
        "recvWindow": 5_000,
    }

    def trigger_params(self, request: OrderRequest, trigger_price: Decimal) -> dict[str, Any]:
        return super().trigger_params(request, trigger_price) | {"workingType": "CONTRACT_PRICE"}

    async def lookup(
        self,
        api: ExchangeApi,
        request: OrderRequest,
        *,
        priority: RequestPriority,
        order_id: str | None = None,
    ) -> FoundOrder | None:
        found = await super().lookup(api, request, priority=priority, order_id=order_id)
        if found is None or request.trigger_price is None:
            return found
        return await self.follow_triggered(api, found, request.symbol, priority)

    def triggered_order_id(self, raw: CcxtDict) -> str | None:
        return raw["info"].get("actualOrderId") or None

    def open_order_lists(self) -> Sequence[Mapping[str, Any]]:
        return ({}, _ALGO)

    async def funding(
        self, api: ExchangeApi, symbols: Collection[str], *, since_ms: Ms, priority: RequestPriority
    ) -> Sequence[FundingPayment]:
        """One list holds every symbol, oldest payment first.

        https://developers.binance.com/docs/derivatives/usds-margined-futures/account/rest-api/Get-Income-History
        """
        ids = {api.client.market(symbol)["id"]: symbol for symbol in symbols}
        now_ms = api.client.milliseconds()
        earliest_ms = now_ms - _INCOME_RETENTION_MS
        found: list[FundingPayment] = []
        for start_ms, end_ms in split_windows(max(since_ms, earliest_ms), now_ms, _WEEK_MS):
            request_params = {
                "incomeType": "FUNDING_FEE", "startTime": start_ms, "endTime": end_ms,
                "limit": _MAX_INCOMES,
            }  # fmt: skip
            rows = await self._fetch_incomes(api, request_params, priority)
            found += [_parse_payment(row, ids) for row in rows if row.get("symbol") in ids]
        return found

    async def _fetch_incomes(
        self, api: ExchangeApi, request_params: Mapping[str, Any], priority: RequestPriority
    ) -> list[Mapping[str, Any]]:
        async def fetch(params: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
            rows: Sequence[Mapping[str, Any]] = await api.read(
                "fapiPrivateGetIncome",
                {**request_params, **params},
                priority=priority,
                cost=_INCOME_COST,
            )
            return rows

        return await all_rows(
            paged(
                fetch,
                size=_MAX_INCOMES,
                first_params={"page": 1},
                next_params=page_numbers("page"),
            )
        )

    async def trades(
        self,
        api: ExchangeApi,
        symbol: str,
        *,
        priority: RequestPriority,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[CcxtDict]:
        """Trades in windows of a week, of one order too.

        https://developers.binance.com/docs/derivatives/usds-margined-futures/trade/rest-api/Account-Trade-List
        """
        cost, now_ms = self.trades_cost, api.client.milliseconds()
        if order_id is None:
            return await trades_since(
                api, symbol, since_ms, span_ms=_WEEK_MS, priority=priority, cost=cost
            )
        if since_ms > now_ms - _WEEK_MS + _SKEW_MS:
            return await trades_of_order(api, symbol, order_id, priority=priority, cost=cost)
        found: list[CcxtDict] = []
        for start_ms, end_ms in split_windows(since_ms, now_ms, _WEEK_MS):
            request_params = {"orderId": order_id, "endTime": end_ms}
            found += await api.read(
                "fetch_my_trades",
                symbol,
                start_ms,
                MAX_PAGE,
                request_params,
                priority=priority,
                cost=cost,
            )
        return found

    async def funding_intervals_ms(self, api: ExchangeApi) -> Mapping[str, int]:
        """Only contracts that differ from eight hours are listed.

        https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Get-Funding-Rate-Info
        """
        rows = await api.read("fapiPublicGetFundingInfo", {}, priority=RequestPriority.POLL, cost=0)
        hours = {row["symbol"]: int(row["fundingIntervalHours"]) for row in rows}
        return {
            symbol: hours.get(market["id"], _FUNDING_HOURS) * 3_600_000
            for symbol, market in api.client.markets.items()
        }

    def is_mode_error(self, rejection: str) -> bool:
        """-4061: position side; -2027, -2028: leverage and the size it allows."""
        return any(code in rejection for code in ("-4061", "-2027", "-2028"))

    async def forced_orders(
        self, api: ExchangeApi, symbol: str, *, since_ms: Ms
    ) -> Mapping[str, ForcedClose]:
        """From the list of forced orders, where it exists: trades are not marked as forced.

        https://developers.binance.com/docs/derivatives/usds-margined-futures/trade/rest-api/Users-Force-Orders
        """
        market, forced = api.client.market(symbol), dict[str, ForcedClose]()
        for start_ms, end_ms in split_windows(since_ms, api.client.milliseconds(), _WEEK_MS):
            request_params = {
                "symbol": market["id"], "startTime": start_ms, "endTime": end_ms,
                "limit": _MAX_FORCED,
            }  # fmt: skip
            try:
                rows = await api.read(
                    "fapiPrivateGetForceOrders",
                    request_params,
                    priority=RequestPriority.SETTLE,
                    cost=_FORCED_COST,
                )
            except Unavailable:
                continue
            forced |= {str(row["orderId"]): _forced_reason(row) for row in rows}
        return forced

    def reported_usage(self, headers: Mapping[str, str]) -> Mapping[int, int]:
        return parse_used_weight(headers)

    async def key_permissions(self, api: ExchangeApi) -> KeyPermissions:
        """https://developers.binance.com/docs/wallet/account/api-key-permission"""
        return await binance_key_permissions(api, trading="enableFutures")

    async def is_one_way(self, api: ExchangeApi, symbol: str) -> bool | None:
        """From the account's configuration, which costs a sixth of the mode's own endpoint.

        Where that is missing, from that endpoint, or from the sides of the listed positions.
        """
        try:
            config = await api.read(
                "fapiPrivateGetAccountConfig", {}, priority=RequestPriority.POLL, cost=5
            )
            return not config["dualSidePosition"]
        except AccessDenied:
            raise
        except (Unavailable, KeyError):
            pass
        try:
            return await super().is_one_way(api, symbol)
        except AccessDenied:
            raise
        except Unavailable:
            sides = {str(row.get("positionSide")) for row in await self._risk(api, symbol)}
            return sides <= {"BOTH"} if sides else None

    def margins_cost(self, symbols: int) -> int:
        """One response holds all symbols."""
        return self.margin_cost

    async def symbol_margin(
        self, api: ExchangeApi, symbol: str, *, wanted: MarginMode | None = None
    ) -> SymbolMargin:
        """From the symbol's configuration; where that is missing, from the older position list."""
        request_params = {"symbol": api.client.market(symbol)["id"]}
        try:
            rows = await api.read(
                "fapiPrivateGetSymbolConfig", request_params, priority=RequestPriority.POLL, cost=5
            )
        except AccessDenied:
            raise
        except Unavailable:
            rows = await self._risk(api, symbol)
        return _parse_margin(rows, request_params["symbol"])

    async def symbol_margins(
        self, api: ExchangeApi, symbols: Collection[str], *, wanted: MarginMode | None = None
    ) -> Mapping[str, SymbolMargin]:
        """One response holds every symbol, at the cost of one symbol."""
        if len(symbols) > 1:
            try:
                rows = await api.read(
                    "fapiPrivateGetSymbolConfig", {}, priority=RequestPriority.POLL, cost=5
                )
            except AccessDenied:
                raise
            except Unavailable:
                pass
            else:
                ids = {symbol: api.client.market(symbol)["id"] for symbol in symbols}
                return {symbol: _parse_margin(rows, market) for symbol, market in ids.items()}
        return await super().symbol_margins(api, symbols, wanted=wanted)

    async def _risk(self, api: ExchangeApi, symbol: str) -> Sequence[Mapping[str, Any]]:
        """The older position list, which also holds leverage and margin mode of empty positions."""
        request_params = {"symbol": api.client.market(symbol)["id"]}
        rows: Sequence[Mapping[str, Any]] = await api.read(
            "fapiPrivateV2GetPositionRisk", request_params, priority=RequestPriority.POLL, cost=5
        )
        return rows


def _parse_margin(rows: Sequence[Mapping[str, Any]], market_id: str) -> SymbolMargin:
    """Leverage and margin mode of one market; None of either if its row is missing."""
    named = (each for each in rows if each.get("symbol") == market_id)
    row: Mapping[str, Any] = next(named, {})
    leverage, mode = row.get("leverage"), str(row.get("marginType", "")).lower()
    return SymbolMargin(
        leverage=None if leverage is None else int(leverage), mode=_MARGIN_TYPES.get(mode)
    )


def _forced_reason(order: Mapping[str, Any]) -> ForcedClose:
    """Client order ids start with ``autoclose-`` for liquidation, else are ``adl_autoclose``."""
    is_adl = str(order.get("clientOrderId", "")).startswith("adl")
    return ForcedClose.DELEVERAGING if is_adl else ForcedClose.LIQUIDATION


def _parse_payment(row: Mapping[str, Any], symbols: Mapping[str, str]) -> FundingPayment:
    return FundingPayment(
        payment_id=str(row["tranId"]),
        symbol=symbols[row["symbol"]],
        amount=parse_decimal(row["income"]) or ZERO,
        paid_at_ms=Ms(int(row["time"])),
    )
