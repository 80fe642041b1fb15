"""Spot accounts: coins for money and back, at every exchange that trades them for us."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, RejectionReason
from signalbot.domain.market import MarketKind
from signalbot.domain.money import ZERO
from signalbot.domain.orders import Order, OrderSide, OrderStatus
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.capabilities import StopSupport
from signalbot.exchange.live.registry import adapters_of
from signalbot.ledger.database import Database, open_database
from tests.contract.brokers import BOB, SIZE, BrokerFeatures
from tests.contract.live import LiveBrokerFixture
from tests.venue.model import Kind, Ticket
from tests.venue.model import Side as VenueSide
from tests.venue.server import Venue, build, listening
from tests.venue.spot import SpotMarket

DAY_MS = 86_400_000
SYMBOLS = {
    "binance_spot": "BTC/USDT", "bybit": "BTC/USDT", "okx": "BTC/USDT", "htx": "BTC/USDT",
    "mexc": "BTC/USDT", "bitget": "BTC/USDT", "kraken": "BTC/USD",
}  # fmt: skip
QUICK = {46_000: 1_000}  # Kraken's counter of a key; with it a test would take minutes
MANY = 60  # more trades than Kraken tells at once


class SpotDesk(LiveBrokerFixture):
    """Accounts with ten thousand in money and no coins."""

    def __init__(self, database: Database, venue: Venue, symbol: str) -> None:
        super().__init__(database, venue, BrokerFeatures(symbol=symbol))
        self.market_id = _spot_id(venue)
        self.dialect = adapters_of(venue.dialect.ccxt_id)[MarketKind.SPOT]

    def trade_elsewhere(self, name: str) -> None:
        """Alice buys a little on the exchange's web page."""
        ticket = Ticket(
            client_id=name, symbol=self.market_id, side=VenueSide.BUY, kind=Kind.MARKET,
            quantity=Decimal("0.0005"), is_spot=True,
        )  # fmt: skip
        self.venue.engine.place_foreign(self.account.key, ticket)

    @property
    def coins(self) -> Decimal:
        """What Alice has of them, by the exchange's own book."""
        return self.account.coins.get("BTC", ZERO)


def _spot_id(venue: Venue) -> str:
    markets = venue.engine.markets.values()
    spots = [each for each in markets if isinstance(each, SpotMarket) or each.is_spot]
    return next(each.id for each in spots if each.base == "BTC")


@asynccontextmanager
async def spot_desk(
    name: str, folder: Path, *, limits: Mapping[int, int] = QUICK
) -> AsyncIterator[SpotDesk]:
    venue = build(name)
    if name in ("bybit", "okx"):
        venue.list_spot()
    async with open_database(folder / "x.db") as database, listening(venue) as far:
        fixture = SpotDesk(database, far, SYMBOLS[name])
        fixture.limits = limits
        await fixture.open()
        try:
            yield fixture
        finally:
            await fixture.close()


@pytest.mark.parametrize("name", SYMBOLS)
async def test_coins_are_bought_found_held_and_sold(name: str, tmp_path: Path) -> None:
    """The very quantity that was asked for, whatever the exchange counts a market buy in."""
    async with spot_desk(name, tmp_path) as fixture:
        order = await fixture.enter()
        assert (order.status, order.filled) == (OrderStatus.FILLED, SIZE)
        found = await fixture.found(order.request)
        assert (found.exchange_order_id, found.filled) == (order.exchange_order_id, SIZE)
        fills = await fixture.broker.order_fills(order)
        assert sum(each.quantity for each in fills) == SIZE
        assert all(each.fee > 0 and each.side is OrderSide.BUY for each in fills)
        (holding,) = await fixture.broker.holdings({fixture.symbol: SIZE})
        assert (holding.side, holding.symbol) == (Side.LONG, fixture.symbol)
        size = await fixture.broker.closable_quantity(fixture.symbol, SIZE)
        sold = fixture.exit(size=fixture.instrument.floor_quantity(size))
        report = await fixture.broker.submit(sold)
        assert (report.status, report.filled) == (OrderStatus.FILLED, sold.quantity)
        assert fixture.coins < SIZE / 100


@pytest.mark.parametrize("name", SYMBOLS)
async def test_a_limit_rests_and_is_cancelled_by_either_id(name: str, tmp_path: Path) -> None:
    """Both are listed meanwhile, and neither is afterwards."""
    async with spot_desk(name, tmp_path) as fixture:
        first = await fixture.rest(fixture.entry(at=49_000))
        second = await fixture.rest(fixture.entry(at=48_000))
        assert set(await fixture.listed()) == {first.client_order_id, second.client_order_id}
        for order in (first, Order(request=second.request)):
            report = await fixture.broker.cancel(order)
            assert (report.status, report.filled) == (OrderStatus.CANCELLED, ZERO)
        assert await fixture.listed() == {}


@pytest.mark.parametrize("name", SYMBOLS)
async def test_fills_of_a_week_are_read_in_pages_and_windows(name: str, tmp_path: Path) -> None:
    """Each once, oldest or newest first."""
    async with spot_desk(name, tmp_path) as fixture:
        fixture.venue.engine.switches.windows = True
        start_ms = fixture.clock.now_ms()
        await fixture.enter()
        fixture.venue.engine.age(5 * DAY_MS)
        for number in range(MANY):
            fixture.trade_elsewhere(str(number))
        fixture.venue.engine.age(1 * DAY_MS)
        fills = await fixture.broker.fills(fixture.symbol, since_ms=Ms(start_ms - 7 * DAY_MS))
        assert len(fills) == len({each.trade_id for each in fills}) == MANY + 1


@pytest.mark.parametrize("name", SYMBOLS)
async def test_a_stop_holds_its_coins_where_one_can_rest(name: str, tmp_path: Path) -> None:
    """It fires when the price comes; elsewhere none can be sent, and that is known before."""
    async with spot_desk(name, tmp_path) as fixture:
        can = fixture.dialect.capabilities
        if can.stops is StopSupport.NONE:
            assert not can.order_types.intersection(("stop", "take_profit"))
            return
        await fixture.enter()
        size = fixture.instrument.floor_quantity(
            await fixture.broker.closable_quantity(fixture.symbol, SIZE)
        )
        stop = await fixture.rest(fixture.stop(49_000, size=size))
        assert (await fixture.found(stop.request)).status is OrderStatus.OPEN
        assert set(await fixture.listed()) == {stop.client_order_id}
        if can.stop_locks_coins:
            with pytest.raises(OrderRejected):
                await fixture.broker.submit(fixture.exit(size=size))
        await fixture.price(48_900)
        found = await fixture.found(stop.request)
        assert (found.status, found.filled) == (OrderStatus.FILLED, size)


@pytest.mark.parametrize("name", SYMBOLS)
async def test_refusals_are_told_for_what_they_are(name: str, tmp_path: Path) -> None:
    """More than there is money for; and what was never sent is not found in time."""
    async with spot_desk(name, tmp_path) as fixture:
        with pytest.raises(OrderRejected) as raised:
            await fixture.broker.submit(fixture.entry(size=Decimal(5), at=49_000))
        assert raised.value.rejection_reason is RejectionReason.INSUFFICIENT_MARGIN
        never = Order(request=fixture.entry())
        with pytest.raises(OrderOutcomeUnknown, match="not found"):
            await fixture.broker.lookup(never)
        fixture.wait_long()
        assert await fixture.broker.lookup(Order(request=fixture.entry())) is None


@pytest.mark.parametrize("name", SYMBOLS)
async def test_accounts_see_only_their_own(name: str, tmp_path: Path) -> None:
    """One exchange, one process, two people."""
    async with spot_desk(name, tmp_path) as fixture:
        await fixture.enter()
        await fixture.rest(fixture.entry(at=49_000))
        bob = fixture.of(BOB)
        assert await fixture.listed(BOB) == {}
        assert (
            list(await bob.fills(fixture.symbol, since_ms=Ms(fixture.clock.now_ms() - DAY_MS)))
            == []
        )


async def test_kraken_s_counter_is_never_exceeded(tmp_path: Path) -> None:
    """15 points that lose 0.33 a second: whatever waits, nothing is refused, and a stop goes first.

    https://docs.kraken.com/api/docs/guides/spot-rest-ratelimits
    """
    async with spot_desk("kraken", tmp_path, limits={}) as fixture:
        fixture.venue.limits.on = True
        fixture.venue.dialect.limits.tiers[fixture.account.key] = "starter"  # type: ignore[attr-defined]
        waiting = [asyncio.create_task(fixture.broker.open_orders()) for _ in range(30)]
        await asyncio.sleep(0)
        await fixture.rest(fixture.entry(at=49_000))
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        assert fixture.venue.limits.refused == []
