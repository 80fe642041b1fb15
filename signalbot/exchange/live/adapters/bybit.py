"""Bybit's unified account (UTA 2.0): linear perpetuals and spot at the same endpoints.

Orders are found by ``orderLinkId``: open and lately closed ones in ``order/realtime``, which loses
what is closed when Bybit restarts, all others in ``order/history``. A stop that went along with an
entry is an order of the position: it has no client id, and is known by its trigger price.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Final

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, RejectionReason, Unavailable
from signalbot.domain.funding import FundingPayment
from signalbot.domain.market import Instrument, MarketKind
from signalbot.domain.money import ZERO, text
from signalbot.domain.orders import ForcedClose, Leg, Order, OrderRequest
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters import error_tables, response_shapes
from signalbot.exchange.live.adapters.base import (
    CreateOrderArgs,
    ExchangeAdapter,
    FoundOrder,
    KeyPermissions,
    SymbolMargin,
)
from signalbot.exchange.live.adapters.spot import SpotAdapter
from signalbot.exchange.live.adapters.spot_market_buy import spot_capabilities
from signalbot.exchange.live.adapters.time_windows import split_windows
from signalbot.exchange.live.capabilities import Capabilities, RateLimit, StopSupport
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal, parse_instant_ms
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority

_LOOKUP: Final = "order/realtime, then order/history, by orderLinkId"
_RATES: Final = (
    RateLimit(cost=600, per_ms=5_000),
)  # of one address; each account has its own as well
_OPEN, _CLOSED = "fetch_open_orders", "fetch_canceled_and_closed_orders"
_MAX_ORDERS, _MAX_TRADES = 50, 100  # of one page
_WEEK_MS = 7 * 86_400_000  # nothing is told of a longer time at once
_RETENTION_MS = 729 * 86_400_000  # two years
_MAX_LIMITED_MS = 1_000  # accounts are limited by the second
_TPSL: Final = MappingProxyType({"orderFilter": "tpslOrder"})
_SKEW_MS = 5_000  # how far our clock may be ahead of theirs
_FORCED = MappingProxyType(
    {"BustTrade": ForcedClose.LIQUIDATION, "AdlTrade": ForcedClose.DELEVERAGING}
)

_OPTIONS: Final[Mapping[str, Any]] = MappingProxyType({
    # Else every account asks for its own kind first; classic accounts are not supported.
    "enableUnifiedMargin": False,
    "enableUnifiedAccount": True,
    "unifiedMarginStatus": 6,
    "recvWindow": 5_000,
    "fetchMarkets": {"types": ["spot", "linear"]},
})  # fmt: skip


class _BybitAdapter(ExchangeAdapter):
    codes: ClassVar = error_tables.BYBIT
    shapes: ClassVar = response_shapes.BYBIT
    options: ClassVar = _OPTIONS
    order_streams: ClassVar = (MappingProxyType({}),)
    trades_cost: ClassVar = 1
    holdings_cost: ClassVar = 1
    balance_cost: ClassVar = 1

    def account_limit_ms(self, headers: Mapping[str, str], now_ms: Ms) -> int:
        """https://bybit-exchange.github.io/docs/v5/rate-limit: what is left of a second."""
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
            **_market(api, request.symbol),
            "orderLinkId": self.wire_id(request.client_order_id),
            "triggerPrice": text(request.trigger_price),
            "qty": text(request.quantity),
        }
        await api.execute("privatePostV5OrderAmend", params_sent, priority=priority)

    def matches_amended(self, raw: CcxtDict, request: OrderRequest, instrument: Instrument) -> bool:
        reported = raw["info"]
        if parse_decimal(reported.get("triggerPrice")) != request.trigger_price:
            return False
        return _is_position_stop(raw) or parse_decimal(reported.get("qty")) == request.quantity

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
        for place in (_OPEN, _CLOSED):
            raws = await api.read(
                place, request.symbol, None, None, {named: order_id or wire_id}, priority=priority
            )
            # An id they do not know is no filter for them: they answer with other orders.
            mine = [raw for raw in raws if raw.get(key) == (order_id or wire_id)]
            if mine:
                return self.to_found_order(_most_filled(mine))
        return None

    async def open_orders(
        self,
        api: ExchangeApi,
        symbols: Collection[str],
        *,
        priority: RequestPriority,
        is_conditional: bool | None = None,
    ) -> Sequence[FoundOrder]:
        """One list holds conditional orders too."""
        listed: list[FoundOrder] = []
        for symbol in symbols:
            listed += map(
                self.to_found_order, await self._fetch_open_orders(api, symbol, priority=priority)
            )
        return listed

    async def _fetch_open_orders(
        self, api: ExchangeApi, symbol: str, *, priority: RequestPriority
    ) -> list[CcxtDict]:
        return await _pages(api, _OPEN, symbol, {}, most=_MAX_ORDERS, priority=priority)

    async def trades(
        self,
        api: ExchangeApi,
        symbol: str,
        *,
        priority: RequestPriority,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[CcxtDict]:
        """An order's at whatever time; a week's at once.

        https://bybit-exchange.github.io/docs/v5/order/execution
        """
        if order_id is not None:
            return await _pages(
                api, "fetch_my_trades", symbol, {"orderId": order_id},
                most=_MAX_TRADES, priority=priority,
            )  # fmt: skip
        now_ms, found = api.client.milliseconds(), list[CcxtDict]()
        for start_ms, end_ms in split_windows(
            max(since_ms, now_ms - _RETENTION_MS), now_ms, _WEEK_MS
        ):
            for kind in self._trade_kinds():
                found += await _pages(
                    api, "fetch_my_trades", symbol, {"execType": kind, "endTime": end_ms},
                    most=_MAX_TRADES, priority=priority, since_ms=start_ms,
                )  # fmt: skip
        return found

    def _trade_kinds(self) -> tuple[str, ...]:
        return ("Trade",)

    async def key_permissions(self, api: ExchangeApi) -> KeyPermissions:
        """https://bybit-exchange.github.io/docs/v5/user/apikey-info: ``*`` is any address."""
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


class BybitSwap(_BybitAdapter):
    capabilities: ClassVar = Capabilities(
        exchange="bybit",
        kind=MarketKind.SWAP,
        stops=StopSupport.ATTACHED,
        can_amend_stops=True,
        lookup=f"{_LOOKUP}; attached stops by their trigger price",
        rates=_RATES,
        order_retention_days=730,
        fill_retention_days=730,
    )

    def trigger_params(self, request: OrderRequest) -> dict[str, Any]:
        if request.trigger_price is None:
            return {}
        return super().trigger_params(request) | {"triggerBy": "LastPrice"}

    def attached_params(self, stop: OrderRequest) -> dict[str, Any]:
        """A stop of the whole position, whatever its size comes to be."""
        assert stop.trigger_price is not None  # noqa: S101 - a stop has one
        return {
            "stopLoss": {"triggerPrice": text(stop.trigger_price)},
            "slTriggerBy": "LastPrice",
            "slOrderType": "Market",
            "tpslMode": "Full",
        }

    def conditional_params(self, request: OrderRequest) -> dict[str, Any]:
        return {}

    async def amend(
        self,
        api: ExchangeApi,
        order: Order,
        request: OrderRequest,
        instrument: Instrument,
        *,
        priority: RequestPriority,
    ) -> None:
        """A stop that came with its entry is the position's, follows its size, and moves with it.

        https://bybit-exchange.github.io/docs/v5/position/trading-stop
        """
        assert request.trigger_price is not None  # noqa: S101 - a stop has one
        found = await self.lookup(api, order.request, priority=priority)
        if found is None or not _is_position_stop(found.raw):
            return await super().amend(api, order, request, instrument, priority=priority)
        params_sent = {
            **_market(api, request.symbol),
            "stopLoss": text(request.trigger_price),
            "slTriggerBy": "LastPrice",
            "slOrderType": "Market",
            "tpslMode": "Full",
            "positionIdx": 0,  # one-way
        }
        await api.execute("privatePostV5PositionTradingStop", params_sent, priority=priority)
        return None

    async def cancel(self, api: ExchangeApi, order: Order, *, priority: RequestPriority) -> None:
        """A stop goes by the exchange's id: one that came with its entry has no other."""
        if order.request.leg is not Leg.STOP_LOSS:
            return await super().cancel(api, order, priority=priority)
        exchange_id = order.exchange_order_id
        if exchange_id is None:
            found = await self.lookup(api, order.request, priority=priority)
            exchange_id = None if found is None else found.raw["id"]
        if exchange_id is None:
            return await super().cancel(api, order, priority=priority)
        await api.execute("cancel_order", exchange_id, order.request.symbol, {}, priority=priority)
        return None

    async def lookup(
        self,
        api: ExchangeApi,
        request: OrderRequest,
        *,
        priority: RequestPriority,
        order_id: str | None = None,
    ) -> FoundOrder | None:
        """A stop may be an order of its own, with our id, or have come along with its entry.

        Raises:
            OrderOutcomeUnknown: an entry that still rests carries it; it is no order yet.
        """
        if request.leg is not Leg.STOP_LOSS:
            return await super().lookup(api, request, priority=priority, order_id=order_id)
        resting = await self._fetch_open_orders(api, request.symbol, priority=priority)
        found = self._stop_among(resting, request) or await super().lookup(
            api, request, priority=priority, order_id=order_id
        )
        if found is None:
            found = await self._find_closed_stop(api, request, priority=priority)
        if found is None and any(_will_attach_stop(raw, request) for raw in resting):
            raise OrderOutcomeUnknown("the entry that carries this stop still rests")
        return found

    async def _find_closed_stop(
        self, api: ExchangeApi, request: OrderRequest, *, priority: RequestPriority
    ) -> FoundOrder | None:
        """An attached stop that has been filled or cancelled: realtime first, it does not lag."""
        since_ms = Ms(request.intended_at_ms - _SKEW_MS) if request.intended_at_ms else None
        for place, since, more in ((_OPEN, None, {"openOnly": 1}), (_CLOSED, since_ms, {})):
            raws = await api.read(
                place, request.symbol, since, _MAX_ORDERS,
                {"orderFilter": "StopOrder", **more}, priority=priority,
            )  # fmt: skip
            found = self._stop_among(raws, request)
            if found is not None:
                return found
        return None

    def _stop_among(self, raws: Iterable[CcxtDict], request: OrderRequest) -> FoundOrder | None:
        """The stop itself: under our id, or without an id at our trigger price."""
        wire_id = self.wire_id(request.client_order_id)
        mine = [
            raw
            for raw in raws
            if raw.get("clientOrderId") == wire_id or _is_attached_stop(raw, request)
        ]
        return FoundOrder(raw=_most_filled(mine), wire_id=wire_id) if mine else None

    def _trade_kinds(self) -> tuple[str, ...]:
        """Forced trades are told only when they are asked for by their kind."""
        return ("Trade", *_FORCED)

    def forced_reason(self, trade: CcxtDict) -> ForcedClose | None:
        return _FORCED.get(trade["info"].get("execType"))

    def matches_without_id(
        self, raw: CcxtDict, request: OrderRequest, instrument: Instrument
    ) -> bool:
        return request.leg is Leg.STOP_LOSS and _is_attached_stop(raw, request)

    async def funding(
        self, api: ExchangeApi, symbols: Collection[str], *, since_ms: Ms, priority: RequestPriority
    ) -> Sequence[FundingPayment]:
        """``funding`` is positive when received; a week at most is told at once.

        https://bybit-exchange.github.io/docs/v5/account/transaction-log
        """
        ids = {api.client.market(symbol)["id"]: symbol for symbol in symbols}
        found: list[FundingPayment] = []
        now_ms = api.client.milliseconds()
        for start_ms, end_ms in split_windows(since_ms, now_ms, _WEEK_MS):
            params_sent = {
                "accountType": "UNIFIED", "category": "linear", "type": "SETTLEMENT", "limit": 50,
                "startTime": start_ms, "endTime": end_ms,
            }  # fmt: skip
            cursor: Any = True
            while cursor:
                response = await api.read(
                    "privateGetV5AccountTransactionLog", params_sent, priority=priority
                )
                result = response["result"]
                found += [
                    FundingPayment(
                        payment_id=str(row["id"]),
                        symbol=ids[row["symbol"]],
                        amount=parse_decimal(row.get("funding")) or ZERO,
                        paid_at_ms=Ms(int(row["transactionTime"])),
                    )
                    for row in result["list"]
                    if row.get("symbol") in ids
                ]
                cursor = result.get("nextPageCursor") if result["list"] else None
                params_sent["cursor"] = cursor
        return found

    async def funding_intervals_ms(self, api: ExchangeApi) -> Mapping[str, int]:
        """``fundingInterval`` of the instruments, in minutes."""
        return {
            symbol: int(minutes) * 60_000
            for symbol, market in api.client.markets.items()
            if (minutes := market["info"].get("fundingInterval"))
        }

    def is_mode_error(self, refusal: str) -> bool:
        """110017 and 10001 name ``positionIdx`` where the mode is another."""
        return "position idx" in refusal.lower() or "positionidx" in refusal.lower()

    # --- the account ----------------------------------------------------------------------

    async def holdings(
        self, api: ExchangeApi, symbols: Collection[str], *, priority: RequestPriority
    ) -> Sequence[CcxtDict]:
        """Positions are listed by the coin they settle in."""
        found: list[CcxtDict] = []
        for coin in sorted({api.client.market(symbol)["settle"] for symbol in symbols}):
            found += await api.read(
                "fetch_positions", None, {"settleCoin": coin}, priority=priority
            )
        return found

    async def balance(
        self, api: ExchangeApi, currency: str, *, now_ms: Ms, priority: RequestPriority
    ) -> Balance:
        """Equity of the quote coin; free is what the whole account still has as margin.

        In isolated mode the account has no such number, and the coin's own is used.
        """
        raw = await api.read("fetch_balance", self.balance_params(), priority=priority)
        wallet = raw["info"]["result"]["list"][0]
        coins = {each["coin"]: each for each in wallet["coin"]}
        free = parse_decimal(wallet.get("totalAvailableBalance"))
        if free is None:
            free = parse_decimal((raw.get(currency) or {}).get("free"))
        return Balance(
            equity=parse_decimal(coins.get(currency, {}).get("equity")) or ZERO,
            free=max(ZERO, free or ZERO),
            as_of_ms=now_ms,
        )

    async def is_one_way(self, api: ExchangeApi, symbol: str) -> bool | None:
        """Every symbol shows a position, empty or not, and that says how it is held."""
        raws = await api.read("fetch_positions", [symbol], priority=RequestPriority.POLL)
        return not any(raw.get("hedged") for raw in raws) if raws else None

    async def margin(
        self, api: ExchangeApi, symbol: str, *, wanted: MarginMode | None = None
    ) -> SymbolMargin:
        """Leverage is set by symbol, the margin mode for the whole account."""
        raws = await api.read("fetch_positions", [symbol], priority=RequestPriority.POLL)
        leverage = parse_decimal(raws[0].get("leverage")) if raws else None
        reported = await api.read("fetch_margin_mode", symbol, priority=RequestPriority.POLL)
        mode = reported.get("marginMode")
        return SymbolMargin(
            leverage=None if leverage is None else int(leverage),
            mode=MarginMode(mode) if mode in tuple(MarginMode) else None,
        )


class BybitSpot(SpotAdapter, _BybitAdapter):
    capabilities: ClassVar = spot_capabilities(
        "bybit",
        lookup=_LOOKUP,
        rates=_RATES,
        stops=StopSupport.SEPARATE,
        can_amend_stops=True,
        stop_locks_coins=True,
    )

    def trigger_params(self, request: OrderRequest) -> dict[str, Any]:
        """Spot triggers watch the last price, and nothing else.

        https://bybit-exchange.github.io/docs/v5/order/create-order, ``orderFilter``: of a
        ``tpslOrder`` "the assets are occupied even before the order is triggered", of a
        ``StopOrder`` they are not, so that something else could have sold them by then.
        """
        if request.trigger_price is None:
            return {}
        return {"triggerPrice": text(request.trigger_price), **_TPSL}

    def conditional_params(self, request: OrderRequest) -> dict[str, Any]:
        return {} if request.trigger_price is None else dict(_TPSL)

    async def send(
        self, api: ExchangeApi, create: CreateOrderArgs, priority: RequestPriority
    ) -> CcxtDict:
        """A spot trigger has no direction: one that the price has passed would wait for its return.

        So the price is looked at first.
        """
        trigger = parse_decimal(create.params.get("triggerPrice"))
        if trigger is not None:
            ticker = await api.read("fetch_ticker", create.symbol, priority=priority)
            last = parse_decimal(ticker.get("last"))
            if last is not None and (last <= trigger if create.side == "sell" else last >= trigger):
                raise OrderRejected(
                    f"the price, {last}, is beyond the trigger, {trigger}",
                    rejection_reason=RejectionReason.WOULD_TRIGGER,
                )
        return await super().send(api, create, priority)

    async def trades(
        self,
        api: ExchangeApi,
        symbol: str,
        *,
        priority: RequestPriority,
        since_ms: Ms,
        order_id: str | None = None,
    ) -> Sequence[CcxtDict]:
        """The exchange says which coin a fee was paid in; ccxt only guesses."""
        raws = await super().trades(
            api, symbol, priority=priority, order_id=order_id, since_ms=since_ms
        )
        return [_with_fee_coin(raw) for raw in raws]


async def _pages(
    api: ExchangeApi,
    method: str,
    symbol: str,
    params: Mapping[str, Any],
    *,
    most: int,
    priority: RequestPriority,
    since_ms: Ms | None = None,
) -> list[CcxtDict]:
    """A whole list, page by page; its cursor comes with one of each page's items."""
    found: list[CcxtDict] = []
    more: dict[str, Any] = {}
    while True:
        page = await api.read(method, symbol, since_ms, most, {**params, **more}, priority=priority)
        found += page
        cursor = next(filter(None, (raw["info"].get("nextPageCursor") for raw in page)), None)
        if len(page) < most or cursor is None:
            return found
        more = {"cursor": cursor}


def _market(api: ExchangeApi, symbol: str) -> dict[str, str]:
    market = api.client.market(symbol)
    return {"category": "spot" if market["spot"] else "linear", "symbol": market["id"]}


def _is_position_stop(raw: CcxtDict) -> bool:
    """Whether an order is a position's own stop, of the whole of it."""
    reported = raw["info"]
    return reported.get("stopOrderType") == "StopLoss" and not reported.get("orderLinkId")


def _is_attached_stop(raw: CcxtDict, request: OrderRequest) -> bool:
    """Whether an order is the position's own stop, at our price, since we asked for it.

    Only the stop that was planned with the entry can be: any other was sent under our id.
    """
    reported = raw["info"]
    return (
        request.is_initial_stop
        and _is_position_stop(raw)
        and raw.get("side") == request.side
        and raw.get("reduceOnly") is not False
        and parse_decimal(reported.get("triggerPrice")) == request.trigger_price
        and int(raw.get("timestamp") or 0) >= request.intended_at_ms - _SKEW_MS
    )


def _will_attach_stop(raw: CcxtDict, request: OrderRequest) -> bool:
    """Whether a resting order is an entry that will bring this stop along."""
    return (
        raw.get("side") != request.side
        and not raw.get("reduceOnly")
        and parse_decimal(raw["info"].get("stopLoss")) == request.trigger_price
    )


def _most_filled(raws: Iterable[CcxtDict]) -> CcxtDict:
    """Of several accounts of one order, the one that tells most."""
    return max(
        raws, key=lambda raw: (parse_decimal(raw.get("filled")) or ZERO, raw.get("timestamp") or 0)
    )


def _with_fee_coin(raw: CcxtDict) -> CcxtDict:
    coin = raw["info"].get("feeCurrency")
    return {**raw, "fee": {**(raw.get("fee") or {}), "currency": coin}} if coin else raw
