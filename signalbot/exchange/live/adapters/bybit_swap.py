"""Bybit's linear perpetuals.

A stop attached to an entry is an order of the position: it has no client order id, and is known by
its trigger price.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.errors import OrderOutcomeUnknown
from signalbot.domain.funding import FundingPayment
from signalbot.domain.market import Instrument, MarketKind
from signalbot.domain.money import ZERO, text
from signalbot.domain.orders import ForcedClose, Leg, Order, OrderRequest
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters.bybit import (
    CLOSED_LIST,
    LOOKUP,
    MAX_ORDERS,
    OPEN_LIST,
    RATES,
    WEEK_MS,
    BybitAdapter,
    is_position_stop,
    market_params,
    most_filled,
)
from signalbot.exchange.live.adapters.paging import split_windows
from signalbot.exchange.live.adapters.types import FoundOrder, SymbolMargin
from signalbot.exchange.live.capabilities import Capabilities, StopSupport
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority

_SKEW_MS = 5_000  # how far our clock may be ahead of the exchange's
_FORCED = MappingProxyType(
    {"BustTrade": ForcedClose.LIQUIDATION, "AdlTrade": ForcedClose.DELEVERAGING}
)


class BybitSwap(BybitAdapter):
    capabilities: ClassVar = Capabilities(
        exchange="bybit",
        kind=MarketKind.SWAP,
        stops=StopSupport.ATTACHED,
        can_amend_stops=True,
        lookup=f"{LOOKUP}; attached stops by their trigger price",
        rates=RATES,
        order_retention_days=730,
        fill_retention_days=730,
    )

    def trigger_params(self, request: OrderRequest, trigger_price: Decimal) -> dict[str, Any]:
        return super().trigger_params(request, trigger_price) | {"triggerBy": "LastPrice"}

    def attached_params(self, stop: OrderRequest) -> dict[str, Any]:
        """A stop of the whole position, whatever its size."""
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
        """A stop attached to an entry belongs to the position, and is amended with it.

        https://bybit-exchange.github.io/docs/v5/position/trading-stop
        """
        assert request.trigger_price is not None  # noqa: S101 - a stop has one
        found = await self.lookup(api, order.request, priority=priority)
        if found is None or not is_position_stop(found.raw):
            return await super().amend(api, order, request, instrument, priority=priority)
        params_sent = {
            **market_params(api, request.symbol),
            "stopLoss": text(request.trigger_price),
            "slTriggerBy": "LastPrice",
            "slOrderType": "Market",
            "tpslMode": "Full",
            "positionIdx": 0,  # one-way
        }
        await api.execute("privatePostV5PositionTradingStop", params_sent, priority=priority)
        return None

    async def cancel(self, api: ExchangeApi, order: Order, *, priority: RequestPriority) -> None:
        """A stop is cancelled by the exchange's id: one attached to an entry has no other."""
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
        """A stop is an order with our id, or was attached to its entry and has none.

        Raises:
            OrderOutcomeUnknown: an entry that still rests carries it; it is no order yet.
        """
        if request.leg is not Leg.STOP_LOSS:
            return await super().lookup(api, request, priority=priority, order_id=order_id)
        resting = await self.fetch_open_list(api, request.symbol, priority=priority)
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
        """An attached stop that was filled or cancelled; the realtime list first, without lag."""
        since_ms = Ms(request.intended_at_ms - _SKEW_MS) if request.intended_at_ms else None
        lists: tuple[tuple[str, Ms | None, dict[str, Any]], ...] = (
            (OPEN_LIST, None, {"openOnly": 1}),
            (CLOSED_LIST, since_ms, {}),
        )
        for method, list_since_ms, params in lists:
            raws = await api.read(
                method, request.symbol, list_since_ms, MAX_ORDERS,
                {"orderFilter": "StopOrder", **params}, priority=priority,
            )  # fmt: skip
            found = self._stop_among(raws, request)
            if found is not None:
                return found
        return None

    def _stop_among(self, raws: Iterable[CcxtDict], request: OrderRequest) -> FoundOrder | None:
        """The stop: under our id, or without an id at our trigger price."""
        wire_id = self.wire_id(request.client_order_id)
        mine = [
            raw
            for raw in raws
            if raw.get("clientOrderId") == wire_id or _is_attached_stop(raw, request)
        ]
        return FoundOrder(raw=most_filled(mine), wire_id=wire_id) if mine else None

    def trade_kinds(self) -> tuple[str, ...]:
        """Forced trades are listed only when requested by their kind."""
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
        """``funding`` is positive when received; a request covers at most a week.

        https://bybit-exchange.github.io/docs/v5/account/transaction-log
        """
        ids = {api.client.market(symbol)["id"]: symbol for symbol in symbols}
        rows: list[CcxtDict] = []
        for start_ms, end_ms in split_windows(since_ms, api.client.milliseconds(), WEEK_MS):
            rows += await _fetch_settlements(api, start_ms, end_ms, priority)
        return [
            FundingPayment(
                payment_id=str(row["id"]),
                symbol=ids[row["symbol"]],
                amount=parse_decimal(row.get("funding")) or ZERO,
                paid_at_ms=Ms(int(row["transactionTime"])),
            )
            for row in rows
            if row.get("symbol") in ids
        ]

    async def funding_intervals_ms(self, api: ExchangeApi) -> Mapping[str, int]:
        """``fundingInterval`` of the instruments, in minutes."""
        return {
            symbol: int(minutes) * 60_000
            for symbol, market in api.client.markets.items()
            if (minutes := market["info"].get("fundingInterval"))
        }

    def is_mode_error(self, rejection: str) -> bool:
        """110017 and 10001 name ``positionIdx`` where the position mode differs."""
        message = rejection.lower()
        return "position idx" in message or "positionidx" in message

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
        """Equity of the quote coin; free is the margin that the whole account still has.

        In isolated mode the account reports none, and the coin's own is used.
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
        """From the position that every symbol shows, empty or not."""
        raws = await api.read("fetch_positions", [symbol], priority=RequestPriority.POLL)
        return not any(raw.get("hedged") for raw in raws) if raws else None

    async def symbol_margin(
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


async def _fetch_settlements(
    api: ExchangeApi, start_ms: Ms, end_ms: Ms, priority: RequestPriority
) -> list[CcxtDict]:
    """The rows of one window, page by page while there is a cursor."""
    params: dict[str, Any] = {
        "accountType": "UNIFIED", "category": "linear", "type": "SETTLEMENT", "limit": 50,
        "startTime": start_ms, "endTime": end_ms,
    }  # fmt: skip
    found: list[CcxtDict] = []
    while True:
        response = await api.read("privateGetV5AccountTransactionLog", params, priority=priority)
        result = response["result"]
        found += result["list"]
        if not result["list"] or not result.get("nextPageCursor"):
            return found
        params["cursor"] = result["nextPageCursor"]


def _is_attached_stop(raw: CcxtDict, request: OrderRequest) -> bool:
    """Whether an order is the position's stop at our price, created since we sent the entry.

    Only the initial stop is attached to an entry: any other was sent under our id.
    """
    reported = raw["info"]
    return (
        request.is_initial_stop
        and is_position_stop(raw)
        and raw.get("side") == request.side
        and raw.get("reduceOnly") is not False
        and parse_decimal(reported.get("triggerPrice")) == request.trigger_price
        and int(raw.get("timestamp") or 0) >= request.intended_at_ms - _SKEW_MS
    )


def _will_attach_stop(raw: CcxtDict, request: OrderRequest) -> bool:
    """Whether a resting order is an entry that carries this stop."""
    return (
        raw.get("side") != request.side
        and not raw.get("reduceOnly")
        and parse_decimal(raw["info"].get("stopLoss")) == request.trigger_price
    )
