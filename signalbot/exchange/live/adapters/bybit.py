"""Bybit's unified account (UTA 2.0): linear perpetuals and spot share their endpoints.

Orders are found by ``orderLinkId``: open and recently closed ones in ``order/realtime``, which
loses closed orders when Bybit restarts, all others in ``order/history``.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Final

from signalbot.domain.errors import Unavailable
from signalbot.domain.market import Instrument
from signalbot.domain.money import ZERO, text
from signalbot.domain.orders import Order, OrderRequest
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.adapters import error_tables, response_shapes
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.order_lookup import find_in_lists
from signalbot.exchange.live.adapters.paging import all_rows, paged, split_windows
from signalbot.exchange.live.adapters.types import FoundOrder, KeyPermissions
from signalbot.exchange.live.capabilities import RateLimit
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal, parse_instant_ms
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

LOOKUP: Final = "order/realtime, then order/history, by orderLinkId"
RATES: Final = (RateLimit(cost=600, per_ms=5_000),)  # of one address; each account has its own too
OPEN_LIST, CLOSED_LIST = "fetch_open_orders", "fetch_canceled_and_closed_orders"
MAX_ORDERS, _MAX_TRADES = 50, 100  # of one page
WEEK_MS: Final = 7 * 86_400_000  # the longest window of a list
_RETENTION_MS = 729 * 86_400_000  # two years
_MAX_LIMITED_MS = 1_000  # accounts are limited by the second

_OPTIONS: Final[Mapping[str, Any]] = MappingProxyType({
    # Else every account requests its own kind first; classic accounts are not supported.
    "enableUnifiedMargin": False,
    "enableUnifiedAccount": True,
    "unifiedMarginStatus": 6,
    "recvWindow": 5_000,
    "fetchMarkets": {"types": ["spot", "linear"]},
})  # fmt: skip


class BybitAdapter(ExchangeAdapter):
    """What both markets have in common."""

    codes: ClassVar = error_tables.BYBIT
    shapes: ClassVar = response_shapes.BYBIT
    options: ClassVar = _OPTIONS
    order_streams: ClassVar = (MappingProxyType({}),)
    trades_cost: ClassVar = 1
    holdings_cost: ClassVar = 1
    balance_cost: ClassVar = 1

    def account_limit_ms(self, headers: Mapping[str, str], now_ms: Ms) -> int:
        """The rest of the present second: https://bybit-exchange.github.io/docs/v5/rate-limit"""
        resets = headers.get("X-Bapi-Limit-Reset-Timestamp", "")
        if headers.get("X-Bapi-Limit-Status") != "0" or not resets.isdecimal():
            return 0
        return min(max(int(resets) - now_ms, 0), _MAX_LIMITED_MS)

    async def amend(
        self,
        api: ExchangeApi,
        order: Order,
        request: OrderRequest,
        instrument: Instrument,
        *,
        priority: RequestPriority,
    ) -> None:
        assert request.trigger_price is not None  # noqa: S101 - a stop has one
        params_sent = {
            **market_params(api, request.symbol),
            "orderLinkId": self.wire_id(request.client_order_id),
            "triggerPrice": text(request.trigger_price),
            "qty": text(request.quantity),
        }
        await api.execute("privatePostV5OrderAmend", params_sent, priority=priority)

    def matches_amended(self, raw: CcxtDict, request: OrderRequest, instrument: Instrument) -> bool:
        reported = raw["info"]
        if parse_decimal(reported.get("triggerPrice")) != request.trigger_price:
            return False
        return is_position_stop(raw) or parse_decimal(reported.get("qty")) == request.quantity

    async def cancel_by_client_id(
        self, api: ExchangeApi, request: OrderRequest, *, priority: RequestPriority
    ) -> None:
        """ccxt does not translate ``clientOrderId`` here."""
        params = {"orderLinkId": self.wire_id(request.client_order_id)}
        params |= self.conditional_params(request)
        await api.execute("cancel_order", None, request.symbol, params, priority=priority)

    async def lookup(
        self,
        api: ExchangeApi,
        request: OrderRequest,
        *,
        priority: RequestPriority,
        order_id: str | None = None,
    ) -> FoundOrder | None:
        wire_id = self.wire_id(request.client_order_id)
        named, key = ("orderLinkId", "clientOrderId") if order_id is None else ("orderId", "id")
        wanted_id = order_id or wire_id
        # An id that the exchange does not know filters nothing: it returns other orders then.
        mine = await find_in_lists(
            api,
            (OPEN_LIST, CLOSED_LIST),
            request.symbol,
            {named: wanted_id},
            is_match=lambda raw: bool(raw.get(key) == wanted_id),
            priority=priority,
        )
        return self.to_found_order(most_filled(mine)) if mine else None

    async def open_orders(
        self,
        api: ExchangeApi,
        symbols: Collection[str],
        *,
        priority: RequestPriority,
        is_conditional: bool | None = None,
    ) -> Sequence[FoundOrder]:
        """One list holds conditional orders, too."""
        listed: list[FoundOrder] = []
        for symbol in symbols:
            listed += map(
                self.to_found_order, await self.fetch_open_list(api, symbol, priority=priority)
            )
        return listed

    async def fetch_open_list(
        self, api: ExchangeApi, symbol: str, *, priority: RequestPriority
    ) -> list[CcxtDict]:
        return await fetch_pages(api, OPEN_LIST, symbol, {}, size=MAX_ORDERS, priority=priority)

    async def trades(
        self,
        api: ExchangeApi,
        symbol: str,
        *,
        priority: RequestPriority,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[CcxtDict]:
        """Trades of an order at any time, or of all orders in windows of a week.

        https://bybit-exchange.github.io/docs/v5/order/execution
        """
        if order_id is not None:
            return await fetch_pages(
                api, "fetch_my_trades", symbol, {"orderId": order_id},
                size=_MAX_TRADES, priority=priority,
            )  # fmt: skip
        now_ms, found = api.client.milliseconds(), list[CcxtDict]()
        for start_ms, end_ms in split_windows(
            max(since_ms, now_ms - _RETENTION_MS), now_ms, WEEK_MS
        ):
            for kind in self.trade_kinds():
                found += await fetch_pages(
                    api, "fetch_my_trades", symbol, {"execType": kind, "endTime": end_ms},
                    size=_MAX_TRADES, priority=priority, since_ms=start_ms,
                )  # fmt: skip
        return found

    def trade_kinds(self) -> tuple[str, ...]:
        """The values of ``execType`` to request."""
        return ("Trade",)

    async def key_permissions(self, api: ExchangeApi) -> KeyPermissions:
        """https://bybit-exchange.github.io/docs/v5/user/apikey-info; ``*`` is any address."""
        try:
            response = await api.read("privateGetV5UserQueryApi", {}, priority=RequestPriority.POLL)
        except Unavailable:
            return KeyPermissions()
        found = response.get("result") or {}
        granted = found.get("permissions") or {}
        addresses, until = found.get("ips"), str(found.get("expiredAt") or "")
        return KeyPermissions(
            may_trade=str(found.get("readOnly")) == "0" if "readOnly" in found else None,
            may_withdraw="Withdraw" in granted.get("Wallet", ()) if granted else None,
            is_ip_bound=None if addresses is None else addresses != ["*"] and bool(addresses),
            expires_at_ms=parse_instant_ms(until),
        )


async def fetch_pages(
    api: ExchangeApi,
    method: str,
    symbol: str,
    params: Mapping[str, Any],
    *,
    size: int,
    priority: RequestPriority,
    since_ms: Ms | None = None,
) -> list[CcxtDict]:
    """A whole list; the cursor of the next page is in one of the rows of each page."""

    async def fetch(cursor: Mapping[str, Any]) -> Sequence[CcxtDict]:
        page: Sequence[CcxtDict] = await api.read(
            method, symbol, since_ms, size, {**params, **cursor}, priority=priority
        )
        return page

    return await all_rows(paged(fetch, size=size, next_params=_next_cursor))


def _next_cursor(page: Sequence[CcxtDict]) -> Mapping[str, Any] | None:
    cursors = (raw["info"].get("nextPageCursor") for raw in page)
    cursor = next(filter(None, cursors), None)
    return None if cursor is None else {"cursor": cursor}


def market_params(api: ExchangeApi, symbol: str) -> dict[str, str]:
    """Parameters that name a market."""
    market = api.client.market(symbol)
    return {"category": "spot" if market["spot"] else "linear", "symbol": market["id"]}


def is_position_stop(raw: CcxtDict) -> bool:
    """Whether an order is the stop of a position, for all of it."""
    reported = raw["info"]
    return reported.get("stopOrderType") == "StopLoss" and not reported.get("orderLinkId")


def most_filled(raws: Iterable[CcxtDict]) -> CcxtDict:
    """Of several rows of one order, the one with the most filled, then the latest."""
    return max(
        raws, key=lambda raw: (parse_decimal(raw.get("filled")) or ZERO, raw.get("timestamp") or 0)
    )
