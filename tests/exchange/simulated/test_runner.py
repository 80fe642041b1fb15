"""The seeded exchange follows its clock, and catches up on what it missed."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from signalbot.domain.market import Candle, PriceRange
from signalbot.domain.orders import (
    ClientOrderId,
    Leg,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
)
from signalbot.domain.timeframe import DAY_MS, EPOCH, Ms, Timeframe
from signalbot.exchange.simulated.driver import SeededPrices, SimulationDriver
from signalbot.exchange.simulated.engine import MatchingEngine
from signalbot.exchange.simulated.market import SimulatedMarket
from signalbot.ledger.simulated_store import SimulatedState
from signalbot.settings.simulation import SimulationRules
from tests.exchange.simulated.clocks import End, JumpClock
from tests.exchange.simulated.trader import ALICE, settle

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
NOON_MS = 19_700 * DAY_MS + DAY_MS // 2
RULES = SimulationRules()


@dataclass
class Exchange:
    prices: SeededPrices
    venue: MatchingEngine
    market: SimulatedMarket
    runner: SimulationDriver


def make_exchange(state: SimulatedState | None = None) -> Exchange:
    prices = SeededPrices(RULES)
    venue = MatchingEngine(exchange="sim", rules=RULES, instrument=prices.instrument, state=state)
    market = SimulatedMarket(instrument=prices.instrument, history=prices.history)
    runner = SimulationDriver(prices=prices, engine=venue, market=market)
    return Exchange(prices, venue, market, runner)


def submit(exchange: Exchange, at_ms: int, **terms: Any) -> OrderReport:
    account = exchange.venue.account(ALICE, deposit=Decimal(100_000))
    request = OrderRequest(
        client_order_id=ClientOrderId(f"o{account.orders_made}"),
        user_id=ALICE,
        exchange="sim",
        symbol=BTC,
        leg=Leg.ENTRY,
        quantity=Decimal("0.1"),
        leverage=2,
        **terms,
    )
    return settle(exchange.venue.submit(account, request, at_ms=Ms(at_ms)))


def look(exchange: Exchange, report: OrderReport) -> OrderReport:
    account = exchange.venue.account(ALICE, deposit=Decimal(0))
    return account.orders[report.client_order_id].report()


async def test_every_five_seconds_there_is_a_price_and_every_minute_a_candle() -> None:
    """Counted by the clock it is given, from its next five seconds on."""
    exchange = make_exchange()
    candles = exchange.market.candles(BTC, Timeframe.M1)
    with pytest.raises(End):
        await exchange.runner.run(JumpClock(NOON_MS + 31_234, NOON_MS + 185_000))
    made: list[Candle] = [await anext(candles) for _ in range(3)]
    assert made == exchange.prices.feed(BTC).candles(Timeframe.M1, Ms(NOON_MS), 3)
    assert exchange.market.last_price(BTC) == exchange.prices.feed(BTC).price(Ms(NOON_MS + 185_000))
    assert exchange.venue.last_price(BTC) == exchange.market.last_price(BTC)


async def test_history_and_stream_agree() -> None:
    """What was streamed as 5m candles is what history has of the same time."""
    exchange = make_exchange()
    stream = exchange.market.candles(ETH, Timeframe.M5)
    with pytest.raises(End):
        await exchange.runner.run(JumpClock(NOON_MS + 100_000, NOON_MS + 3_600_000))
    streamed = [await anext(stream) for _ in range(12)]
    later = make_exchange()
    history = await later.market.history(
        ETH, Timeframe.M5, end_ms=Ms(NOON_MS + 3_600_000 + 12_345), limit=12
    )
    assert streamed == history


async def test_the_venue_trades_before_anybody_hears_the_price() -> None:
    """Who reacts to a price finds the orders it triggered already filled."""
    exchange = make_exchange()
    told: list[tuple[Decimal, Decimal | None]] = []

    class Listening(SimulatedMarket):
        def tick(self, symbol: str, price: Decimal, at_ms: Ms) -> None:
            told.append((price, exchange.venue.last_price(symbol)))
            super().tick(symbol, price, at_ms)

    market = Listening(instrument=exchange.prices.instrument, history=exchange.prices.history)
    market.instrument(BTC)
    runner = SimulationDriver(prices=exchange.prices, engine=exchange.venue, market=market)
    with pytest.raises(End):
        await runner.run(JumpClock(NOON_MS, NOON_MS + 60_000))
    assert len(told) == 13
    assert all(price == traded for price, traded in told)


async def test_a_market_first_looked_at_has_a_price_at_once() -> None:
    """A signal for a new symbol need not wait for the next tick."""
    exchange = make_exchange()
    exchange.market.instrument(BTC)
    with pytest.raises(End):
        await exchange.runner.run(JumpClock(NOON_MS, NOON_MS))
    assert exchange.market.last_price(ETH) == exchange.prices.feed(ETH).price(Ms(NOON_MS))
    assert exchange.venue.last_price(ETH) == exchange.market.last_price(ETH)


async def test_orders_trigger_in_time_that_was_missed() -> None:
    """Ten days away: the stop fills in the minute that first reached it, not at the end."""
    exchange = make_exchange()
    tape = exchange.prices.feed(BTC)
    exchange.venue.on_price(BTC, tape.price(Ms(NOON_MS)), Ms(NOON_MS))
    exchange.venue.mark_matched(Ms(NOON_MS))
    minutes = tape.candles(Timeframe.M1, Ms(NOON_MS), 10 * 24 * 60)
    trigger = (min(candle.low for candle in minutes) + minutes[0].open) / 2
    trigger = exchange.prices.instrument(BTC).floor_price(trigger)
    submit(exchange, NOON_MS, side=OrderSide.BUY, type=OrderType.MARKET)
    stop = submit(
        exchange,
        NOON_MS,
        side=OrderSide.SELL,
        type=OrderType.STOP,
        trigger_price=trigger,
        reduce_only=True,
    )
    clock = JumpClock(NOON_MS + 10 * DAY_MS + 7_000)
    assert await exchange.runner.catch_up(clock) == NOON_MS + 10 * DAY_MS + 5_000
    filled = look(exchange, stop)
    first = next(candle for candle in minutes if candle.low <= trigger)
    assert filled.status is OrderStatus.FILLED
    assert filled.fills[0].filled_at_ms == first.close_ms
    assert exchange.venue.last_seen_ms == NOON_MS + 10 * DAY_MS + 5_000


@pytest.mark.parametrize("missed_ms", [3_000, 25_000, 65_000, 3_600_000 + 17_000])
async def test_catching_up_equals_having_watched(missed_ms: int) -> None:
    """A limit order that any tick in between reached is filled either way."""
    watched, absent = make_exchange(), make_exchange()
    start_ms = NOON_MS + 22_000
    orders = []
    for exchange in (watched, absent):
        price = exchange.prices.feed(BTC).price(Ms(start_ms))
        exchange.venue.on_price(BTC, price, Ms(start_ms))
        exchange.venue.mark_matched(Ms(start_ms))
        limit = exchange.prices.instrument(BTC).floor_price(price * Decimal("0.9998"))
        orders.append(
            submit(exchange, start_ms, side=OrderSide.BUY, type=OrderType.LIMIT, price=limit)
        )
    with pytest.raises(End):
        await watched.runner.run(JumpClock(start_ms, start_ms + missed_ms))
    await absent.runner.catch_up(JumpClock(start_ms + missed_ms))
    assert look(watched, orders[0]).status is look(absent, orders[1]).status
    assert absent.venue.last_price(BTC) == watched.venue.last_price(BTC)


async def test_a_prepared_exchange_has_traded_and_quotes_every_price() -> None:
    """Before anything else of the daemon looks at it."""
    exchange = make_exchange()
    tape = exchange.prices.feed(BTC)
    exchange.venue.on_price(BTC, tape.price(Ms(NOON_MS)), Ms(NOON_MS))
    exchange.venue.mark_matched(Ms(NOON_MS))
    exchange.market.instrument(ETH)
    await exchange.runner.prepare(JumpClock(NOON_MS + DAY_MS))
    assert exchange.venue.last_seen_ms == NOON_MS + DAY_MS
    for symbol in (BTC, ETH):
        price = exchange.prices.feed(symbol).price(Ms(NOON_MS + DAY_MS))
        assert exchange.venue.last_price(symbol) == price
    assert exchange.market.last_price(ETH) == exchange.venue.last_price(ETH)


async def test_no_more_than_thirty_days_are_caught_up() -> None:
    """A ledger found again after years starts in bounded time."""
    exchange = make_exchange(SimulatedState(last_seen_ms=EPOCH))
    seen: list[int] = []

    class Counting(MatchingEngine):
        def on_candle(self, candle: Candle) -> None:
            seen.append(candle.open_ms)
            super().on_candle(candle)

    venue = Counting(
        exchange="sim",
        rules=RULES,
        instrument=exchange.prices.instrument,
        state=SimulatedState(last_seen_ms=EPOCH),
    )
    venue.on_price(BTC, Decimal(60_000), EPOCH)
    runner = SimulationDriver(prices=exchange.prices, engine=venue, market=exchange.market)
    await runner.catch_up(JumpClock(NOON_MS))
    assert len(seen) == 30 * 24 * 60
    assert seen[0] == NOON_MS - 30 * DAY_MS


async def test_a_stalled_runner_goes_on_from_now() -> None:
    """After a pause of hours it does not replay every tick of them to its readers."""
    exchange = make_exchange()
    prices = exchange.market.prices(BTC)

    class Stalling(JumpClock):
        async def sleep_until(self, at_ms: Ms) -> None:
            if at_ms == NOON_MS + 10_000:
                self.ms = NOON_MS + 5 * 3_600_000
            await super().sleep_until(at_ms)

    with pytest.raises(End):
        await exchange.runner.run(Stalling(NOON_MS, NOON_MS + 5 * 3_600_000 + 5_000))
    reached: PriceRange = await anext(prices)
    assert reached.at_ms == NOON_MS + 5 * 3_600_000 + 5_000
    assert exchange.venue.last_price(BTC) == reached.last
