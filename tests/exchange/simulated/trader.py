"""A venue with one market around 100, and orders said in few words."""

from collections.abc import Coroutine
from copy import copy
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from signalbot.domain.market import Candle, Instrument
from signalbot.domain.orders import (
    ClientOrderId,
    Fill,
    Leg,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderType,
)
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import UserId
from signalbot.exchange.simulated.accounts import ExchangeAccount
from signalbot.exchange.simulated.engine import EngineStore, MatchingEngine
from signalbot.ledger.simulated_store import SimulatedPosition, SimulatedState
from signalbot.settings.simulation import SimulationRules

T = TypeVar("T")
Number = str | int | Decimal

SYMBOL = "ABC/USDT:USDT"
ALICE = UserId("alice")
START_MS = Ms(1_700_000_040_000)  # a whole minute
NO_COSTS = SimulationRules(
    taker_fee_percent=Decimal(0), maker_fee_percent=Decimal(0), slippage_bps=Decimal(0)
)
BUY, SELL = OrderSide.BUY, OrderSide.SELL


def swap(symbol: str = SYMBOL) -> Instrument:
    return Instrument(
        symbol=symbol,
        base=symbol.partition("/")[0],
        quote="USDT",
        tick=Decimal("0.1"),
        lot=Decimal("0.01"),
        min_quantity=Decimal("0.02"),
        min_notional=Decimal(5),
        maintenance_margin=Decimal("0.005"),
    )


def settle(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("it waited for something")


def candle(opened: Number, high: Number, low: Number, close: Number, *, minute: int = 0) -> Candle:
    return Candle(
        symbol=SYMBOL,
        timeframe=Timeframe.M1,
        open_ms=Ms(START_MS + minute * 60_000),
        open=Decimal(opened),
        high=Decimal(high),
        low=Decimal(low),
        close=Decimal(close),
        volume=Decimal(1),
    )


class Trader:
    """One trader at a venue of its own. Order ids are counted: ``o1``, ``o2``, ..."""

    def __init__(
        self,
        rules: SimulationRules = NO_COSTS,
        *,
        price: Number | None = 100,
        deposit: Number = 10_000,
        instrument: Instrument | None = None,
        store: EngineStore | None = None,
        state: SimulatedState | None = None,
    ) -> None:
        self.market = instrument or swap()
        self.venue = MatchingEngine(
            exchange="paper", rules=rules, instrument=self._rules_of, store=store, state=state
        )
        self.now_ms = START_MS
        self._open_account(ALICE, deposit)
        if price is not None:
            self.tick(price)

    def _open_account(self, user_id: UserId, deposit: Number) -> None:
        self.account: ExchangeAccount = self.venue.account(user_id, deposit=Decimal(deposit))
        self._orders = 0

    def neighbour(self, user_id: UserId) -> "Trader":
        """Another trader at the same venue."""
        trader = copy(self)
        trader._open_account(user_id, 10_000)
        return trader

    def _rules_of(self, symbol: str) -> Instrument:
        return replace(self.market, symbol=symbol)

    @property
    def position(self) -> SimulatedPosition | None:
        stake = self.account.positions.get(self.market.symbol)
        return stake.position if stake else None

    @property
    def held(self) -> Decimal:
        """Quantity held, negative when short."""
        position = self.position
        return position.quantity * position.side.sign if position else Decimal(0)

    def tick(self, price: Number) -> None:
        self.now_ms = Ms(self.now_ms + 1000)
        self.venue.on_price(self.market.symbol, Decimal(price), self.now_ms)

    def candle(self, opened: Number, high: Number, low: Number, close: Number) -> None:
        self.venue.on_candle(candle(opened, high, low, close))

    def request(
        self,
        side: OrderSide,
        quantity: Number,
        *,
        type: OrderType = OrderType.MARKET,  # noqa: A002 - the order's own word
        price: Number | None = None,
        trigger: Number | None = None,
        reduce_only: bool = False,
        leverage: int = 10,
        cid: str | None = None,
        symbol: str | None = None,
    ) -> OrderRequest:
        self._orders += 1
        return OrderRequest(
            client_order_id=ClientOrderId(cid or f"o{self._orders}"),
            user_id=self.account.user_id,
            exchange="paper",
            symbol=symbol or self.market.symbol,
            leg=Leg.EXIT if reduce_only else Leg.ENTRY,
            side=side,
            type=type,
            quantity=Decimal(quantity),
            price=None if price is None else Decimal(price),
            trigger_price=None if trigger is None else Decimal(trigger),
            reduce_only=reduce_only,
            leverage=leverage,
        )

    def submit(self, request: OrderRequest) -> OrderReport:
        return settle(self.venue.submit(self.account, request, at_ms=self.now_ms))

    def order(self, side: OrderSide, quantity: Number, **terms: Any) -> OrderReport:
        return self.submit(self.request(side, quantity, **terms))

    def limit(self, side: OrderSide, quantity: Number, price: Number, **terms: Any) -> OrderReport:
        return self.order(side, quantity, type=OrderType.LIMIT, price=price, **terms)

    def stop(self, side: OrderSide, quantity: Number, trigger: Number, **terms: Any) -> OrderReport:
        terms = {"reduce_only": True} | terms
        return self.order(side, quantity, type=OrderType.STOP, trigger=trigger, **terms)

    def target(
        self, side: OrderSide, quantity: Number, trigger: Number, **terms: Any
    ) -> OrderReport:
        terms = {"reduce_only": True} | terms
        return self.order(side, quantity, type=OrderType.TAKE_PROFIT, trigger=trigger, **terms)

    def cancel(self, report: OrderReport) -> OrderReport | None:
        cid = report.client_order_id
        return settle(self.venue.cancel(self.account, cid, at_ms=self.now_ms))

    def now(self, report: OrderReport) -> OrderReport:
        """What has become of an order."""
        return self.account.orders[report.client_order_id].report()

    def fills(self) -> list[Fill]:
        return self.account.fills_since(Ms(0))
