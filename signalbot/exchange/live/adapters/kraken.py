"""Kraken spot: one list of open and one of closed orders, filtered by client order id."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from itertools import count
from typing import Any, ClassVar

from signalbot.domain.orders import OrderRequest
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.adapters import error_tables, response_shapes
from signalbot.exchange.live.adapters.order_lookup import find_in_lists
from signalbot.exchange.live.adapters.paging import paged
from signalbot.exchange.live.adapters.spot import SpotAdapter, spot_capabilities
from signalbot.exchange.live.adapters.types import CreateOrderArgs, FoundOrder
from signalbot.exchange.live.capabilities import MINUTES_TO_FOUR_HOURS, RateLimit, StopSupport
from signalbot.exchange.live.parsing import CcxtDict
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

_PAGE, _MAX_PAGES = 50, 200
# https://docs.kraken.com/api/docs/guides/spot-rest-ratelimits: a starter's counter holds 15 points
# and loses 0.33 a second; a key does not reveal the tier of its account.
_COUNTER, _COUNTER_MS = 15, 46_000
_DOUBLE_COST_METHODS = frozenset(
    ("privatePostTradesHistory", "fetch_order_trades", "fetch_my_trades")
)
_FREE_METHODS = frozenset((
    "create_order", "cancel_order", "fetch_ticker", "fetch_tickers", "fetch_ohlcv", "fetch_time",
    "load_markets",
))  # fmt: skip
_DEADLINE_MS = 30_000  # Kraken takes 2 to 60 s


class KrakenSpot(SpotAdapter):
    capabilities: ClassVar = spot_capabilities(
        "kraken",
        lookup="open, then closed orders by client id",
        # Kraken limits accounts and pairs, not addresses: this only smooths bursts.
        rates=(RateLimit(cost=500, per_ms=10_000),),
        stops=StopSupport.SEPARATE,
        stop_locks_coins=True,
        timeframes=MINUTES_TO_FOUR_HOURS | {Timeframe.D1},
        # https://docs.kraken.com/api/docs/rest-api/get-ohlc-data: "up to 720 of the most recent
        # entries ... older data cannot be retrieved"; the last of them is still forming.
        max_candle_history=719,
    )
    # https://docs.kraken.com/api/docs/guides/spot-errors
    codes: ClassVar = error_tables.KRAKEN
    request_validity_ms: ClassVar = _DEADLINE_MS
    shapes: ClassVar = response_shapes.KRAKEN
    requires_serial_requests: ClassVar = True
    # https://docs.kraken.com/api/docs/rest-api/get-server-time: ``unixtime`` in whole seconds.
    clock_step_ms: ClassVar = 1_000
    account_rates: ClassVar = (RateLimit(cost=_COUNTER, per_ms=_COUNTER_MS),)
    has_lists_by_symbol: ClassVar = False

    def account_cost(self, method: str) -> int:
        """Histories count twice; orders, cancellations and public calls do not count here."""
        if method in _FREE_METHODS or method.startswith("public"):
            return 0
        return 2 if method in _DOUBLE_COST_METHODS else 1

    def extra_params(self, request: OrderRequest) -> dict[str, Any]:
        """Fees in the quote currency, so that the bought quantity is the owned one."""
        return {"oflags": "fciq"}

    def trigger_params(self, request: OrderRequest, trigger_price: Decimal) -> dict[str, Any]:
        return super().trigger_params(request, trigger_price) | {"trigger": "last"}

    async def send(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CcxtDict:
        """With a deadline: an order may wait in the exchange's queue for long."""
        deadline_ms = api.client.nonce() + _DEADLINE_MS
        create.params["deadline"] = api.client.iso8601(deadline_ms)
        return await super().send(api, create, priority)

    def conditional_params(self, request: OrderRequest) -> dict[str, Any]:
        """Conditional orders are in the same list as others."""
        return {}

    async def lookup(
        self,
        api: ExchangeApi,
        request: OrderRequest,
        *,
        priority: RequestPriority,
        order_id: str | None = None,
    ) -> FoundOrder | None:
        """By the exchange's id in one request: the account's counter allows few."""
        wire_id = self.wire_id(request.client_order_id)
        if order_id is not None:
            raw = await self.read_or_none(
                api, "fetch_order", order_id, request.symbol, {}, priority=priority
            )
            if raw is not None:
                return self.to_found_order(raw)
        found = await find_in_lists(
            api,
            ("fetch_open_orders", "fetch_closed_orders"),
            request.symbol,
            {"clientOrderId": wire_id},
            is_match=lambda raw: bool(raw.get("clientOrderId") == wire_id),
            priority=priority,
            cost=self.lookup_cost,
        )
        return self.to_found_order(found[0]) if found else None

    async def open_orders(
        self,
        api: ExchangeApi,
        symbols: Collection[str],
        *,
        priority: RequestPriority,
        is_conditional: bool | None = None,
    ) -> Sequence[FoundOrder]:
        """One response holds the open orders of every symbol."""
        raws = await api.read("fetch_open_orders", priority=priority, cost=self.open_orders_cost)
        return [self.to_found_order(raw) for raw in raws if raw.get("symbol") in symbols]

    async def trades(
        self,
        api: ExchangeApi,
        symbol: str,
        *,
        priority: RequestPriority,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[CcxtDict]:
        """Trades cannot be selected by order: the order lists their ids."""
        if order_id is None:
            return await self._history(api, symbol, since_ms=since_ms, priority=priority)
        order = await self.read_or_none(
            api, "fetch_order", order_id, symbol, {"trades": "true"}, priority=priority
        )
        ids = [] if order is None else order["info"].get("trades") or []
        if not ids:
            return ()
        raws: Sequence[CcxtDict] = await api.read(
            "fetch_order_trades", order_id, symbol, None, None, {"trades": ids},
            priority=priority, cost=self.trades_cost,
        )  # fmt: skip
        return raws

    async def _history(
        self, api: ExchangeApi, symbol: str, *, since_ms: int, priority: RequestPriority
    ) -> Sequence[CcxtDict]:
        """All pages of the account's trades, which are those of every pair.

        https://docs.kraken.com/api/docs/rest-api/get-trade-history: "50 results are returned at a
        time", ``ofs`` is the offset; the end is fixed, so that new trades move no page.

        Raises:
            Unavailable: there are more than our orders can make.
        """
        market, end_s = api.client.market(symbol), api.client.milliseconds() // 1000 + 1
        request_params = {"start": since_ms // 1000 - 1, "end": end_s}

        async def fetch(offset: Mapping[str, Any]) -> Sequence[CcxtDict]:
            response = await api.read(
                "privatePostTradesHistory",
                {**request_params, **offset},
                priority=priority,
                cost=self.trades_cost,
            )
            rows = response["result"]["trades"]
            return [api.client.parse_trade({**row, "id": name}) for name, row in rows.items()]

        offsets = count(_PAGE, _PAGE)
        pages = paged(
            fetch,
            size=_PAGE,
            first_params={"ofs": 0},
            next_params=lambda _page: {"ofs": next(offsets)},
            max_pages=_MAX_PAGES,
            name=f"the list of fills of {symbol}",
        )
        found = {raw["id"]: raw async for page in pages for raw in page}
        mine = [raw for raw in found.values() if raw["symbol"] == market["symbol"]]
        return [raw for raw in mine if raw["timestamp"] >= since_ms]

    def balance_params(self) -> dict[str, Any]:
        """There is one wallet, and ccxt would send any parameter to the exchange."""
        return {}
