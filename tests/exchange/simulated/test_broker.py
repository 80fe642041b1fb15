"""One user's account behind the port that every broker shares."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from signalbot.domain.market import PriceRange
from signalbot.domain.orders import (
    ClientOrderId,
    Leg,
    Order,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
)
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import DAY_MS, Ms
from signalbot.exchange.simulated.broker import SimulatedBroker
from signalbot.exchange.simulated.engine import MatchingEngine
from signalbot.ports import Broker, Holding
from signalbot.settings.simulation import SimulationRules
from tests.exchange.simulated.clocks import JumpClock
from tests.exchange.simulated.trader import ALICE, BUY, NO_COSTS, SELL, START_MS, SYMBOL, swap


class Seat:
    """A broker with its venue and clock."""

    def __init__(self, rules: SimulationRules = NO_COSTS) -> None:
        self.clock = JumpClock(START_MS)
        self.venue = MatchingEngine(exchange="paper", rules=rules, instrument=swap)
        self.broker = SimulatedBroker(
            engine=self.venue, user_id=ALICE, deposit=Decimal(10_000), clock=self.clock
        )
        self.tick(100)

    def tick(self, price: int) -> None:
        self.clock.ms += 1000
        self.venue.on_price(SYMBOL, Decimal(price), self.clock.now_ms())


def ask(
    cid: str,
    side: OrderSide,
    type_: OrderType = OrderType.MARKET,
    *,
    at: int | None = None,
    reduce_only: bool = False,
) -> OrderRequest:
    return OrderRequest(
        client_order_id=ClientOrderId(cid),
        user_id=ALICE,
        exchange="paper",
        symbol=SYMBOL,
        leg=Leg.ENTRY,
        side=side,
        type=type_,
        quantity=Decimal(2),
        price=Decimal(at) if at and type_ is OrderType.LIMIT else None,
        trigger_price=Decimal(at) if at and type_ is not OrderType.LIMIT else None,
        reduce_only=reduce_only,
        leverage=5,
    )


async def heard(broker: Broker, count: int) -> list[OrderReport]:
    events = broker.events()
    async with asyncio.timeout(1):
        return [await anext(events) for _ in range(count)]


async def test_an_answer_carries_the_fills_and_the_balance_follows() -> None:
    """One request, one answer; holdings and balance need no other."""
    seat = Seat()
    report = await seat.broker.submit(ask("in", BUY))
    assert report.status is OrderStatus.FILLED
    assert report.fills[0].filled_at_ms == seat.clock.ms
    assert await seat.broker.holdings({}) == [
        Holding(symbol=SYMBOL, side=Side.LONG, quantity=Decimal(2), entry_price=Decimal(100))
    ]
    balance = seat.broker.balance()
    assert (balance.equity, balance.free) == (Decimal(10_000), Decimal(9_960))
    assert balance.as_of_ms == seat.clock.ms


async def test_half_of_the_latency_passes_before_the_venue_acts() -> None:
    """200 ms there and back: the fill is dated 100 ms after the question."""
    seat = Seat(replace(NO_COSTS, latency_ms=200))
    asked_ms = seat.clock.ms
    report = await seat.broker.submit(ask("in", BUY))
    assert report.fills[0].filled_at_ms == asked_ms + 100
    assert seat.clock.slept_s == [0.1, 0.1]


async def test_a_cancelled_order_no_longer_fills() -> None:
    """And its report is final."""
    seat = Seat()
    request = ask("in", BUY, OrderType.LIMIT, at=95)
    await seat.broker.submit(request)
    report = await seat.broker.cancel(Order(request=request))
    assert report.status is OrderStatus.CANCELLED
    seat.tick(90)
    assert await seat.broker.holdings({}) == []
    assert await seat.broker.lookup(Order(request=request)) == report


async def test_cancelling_what_has_filled_reports_the_fill() -> None:
    """It may have filled meanwhile: the caller books what is true."""
    seat = Seat()
    request = ask("in", BUY, OrderType.LIMIT, at=95)
    await seat.broker.submit(request)
    seat.tick(95)
    report = await seat.broker.cancel(Order(request=request))
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal(2))
    assert len(report.fills) == 1


async def test_cancelling_what_never_arrived_is_a_cancel() -> None:
    """Nothing is live under that id, and the report says why."""
    seat = Seat()
    report = await seat.broker.cancel(Order(request=ask("lost", BUY)))
    assert (report.status, report.exchange_order_id) == (OrderStatus.CANCELLED, None)
    assert report.error == "the venue never had this order"


async def test_a_look_up_is_always_conclusive() -> None:
    """By client order id alone; None proves that it never arrived."""
    seat = Seat()
    request = ask("in", BUY)
    assert await seat.broker.lookup(Order(request=request)) is None
    report = await seat.broker.submit(request)
    assert await seat.broker.lookup(Order(request=request)) == report


async def test_open_orders_are_those_that_rest() -> None:
    """Conditional ones included, ended ones not."""
    seat = Seat()
    await seat.broker.submit(ask("in", BUY))
    await seat.broker.submit(ask("stop", SELL, OrderType.STOP, at=95, reduce_only=True))
    await seat.broker.submit(ask("more", BUY, OrderType.LIMIT, at=90))
    assert [r.client_order_id for r in await seat.broker.open_orders()] == ["stop", "more"]
    seat.tick(95)
    assert [r.client_order_id for r in await seat.broker.open_orders()] == ["more"]


async def test_fills_are_given_since_an_instant() -> None:
    """In the order they happened."""
    seat = Seat()
    await seat.broker.submit(ask("in", BUY))
    seat.tick(101)
    since_ms = Ms(seat.clock.ms)
    await seat.broker.submit(ask("more", BUY))
    await seat.broker.submit(ask("out", SELL))
    fills = await seat.broker.fills(SYMBOL, since_ms=since_ms)
    assert [fill.client_order_id for fill in fills] == ["more", "out"]


async def test_events_tell_what_the_caller_did_not_cause() -> None:
    """Triggers, resting fills and liquidations; never the answer to one's own request."""
    seat = Seat()
    await seat.broker.submit(ask("in", BUY))
    entry = ask("more", BUY, OrderType.LIMIT, at=95)
    await seat.broker.submit(entry)
    target = ask("target", SELL, OrderType.TAKE_PROFIT, at=110, reduce_only=True)
    await seat.broker.submit(target)
    await seat.broker.cancel(Order(request=target))
    seat.tick(95)
    seat.tick(70)
    filled, liquidated = await heard(seat.broker, 2)
    assert (filled.client_order_id, filled.status) == ("more", OrderStatus.FILLED)
    assert liquidated.client_order_id.startswith("liquidation-")
    assert liquidated.fills[0].is_liquidation
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(seat.broker.events())


async def test_an_event_carries_every_fill_so_far() -> None:
    """A reader that missed one event loses nothing."""
    seat = Seat(replace(NO_COSTS, partial_fill_probability=1.0))
    await seat.broker.submit(ask("in", BUY, OrderType.LIMIT, at=95))
    seat.tick(95)
    seat.tick(94)
    first, second = await heard(seat.broker, 2)
    assert first.status is OrderStatus.PARTIALLY_FILLED
    assert second.status is OrderStatus.FILLED
    assert second.fills[: len(first.fills)] == first.fills
    assert second.filled == 2


async def test_ended_orders_are_forgotten_after_a_week() -> None:
    """Memory is bounded; resting orders stay for as long as they rest."""
    seat = Seat()
    entry, resting = ask("in", BUY), ask("rest", BUY, OrderType.LIMIT, at=50)
    await seat.broker.submit(entry)
    await seat.broker.submit(resting)
    triggered = ask("stop", SELL, OrderType.STOP, at=95, reduce_only=True)
    await seat.broker.submit(triggered)
    seat.tick(95)
    assert await seat.broker.lookup(Order(request=triggered)) is not None
    seat.clock.ms += 7 * DAY_MS + 1
    await seat.broker.submit(ask("later", SELL))
    assert await seat.broker.lookup(Order(request=entry)) is None
    assert await seat.broker.lookup(Order(request=triggered)) is None
    assert await seat.broker.lookup(Order(request=resting)) is not None
    assert [fill.client_order_id for fill in await seat.broker.fills(SYMBOL, since_ms=Ms(0))] == [
        "later"
    ]


async def test_of_many_ended_orders_the_newest_hundred_are_known_for_long() -> None:
    """Who trades a lot costs no more memory; after a quarter of an hour the oldest go."""
    seat = Seat()
    orders = [ask(f"n{number}", SELL if number % 2 else BUY) for number in range(150)]
    for order in orders:
        await seat.broker.submit(order)
    assert await seat.broker.lookup(Order(request=orders[0])) is not None
    seat.clock.ms += 900_001
    await seat.broker.submit(ask("later", BUY))
    known = [await seat.broker.lookup(Order(request=order)) is not None for order in orders]
    assert known == [False] * 51 + [True] * 99


async def test_ranges_of_a_live_market_trigger_what_they_reached() -> None:
    """A paper user of a real exchange is stopped by a wick between two readings."""
    seat = Seat()
    market_range = a_range(100, 101, 94)
    await seat.broker.submit(ask("in", BUY))
    stop = ask("stop", SELL, OrderType.STOP, at=95, reduce_only=True)
    await seat.broker.submit(stop)
    seat.venue.on_range(market_range)
    report = await seat.broker.lookup(Order(request=stop))
    assert report is not None
    assert report.average_price == 95


def a_range(last: int, high: int, low: int) -> PriceRange:
    return PriceRange(
        symbol=SYMBOL,
        high=Decimal(high),
        low=Decimal(low),
        last=Decimal(last),
        at_ms=Ms(START_MS + 60_000),
    )
