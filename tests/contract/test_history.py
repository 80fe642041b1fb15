"""What an account did long ago is read as a whole, however little an exchange lists at once."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.orders import OrderSide
from signalbot.domain.timeframe import Ms
from tests.contract.each_broker import EXCHANGES, fixture_at
from tests.contract.live import CAN, LiveBrokerFixture

DAY_MS, EIGHT_HOURS_MS = 86_400_000, 28_800_000
MANY = 120  # more trades than the smallest page holds


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_fills_of_a_month_are_read_in_windows_and_pages(
    exchange: str, tmp_path: Path
) -> None:
    """The entry a month ago, many exits three weeks later, and what was forced today."""
    async with fixture_at(exchange, tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        engine = fixture.venue.engine
        engine.switches.windows = True
        start, span_ms = fixture.clock.now_ms(), fixture.can.fills_kept_days * DAY_MS
        await fixture.enter()
        engine.age(span_ms * 7 // 10)
        for _ in range(MANY):
            await fixture.broker.submit(fixture.entry(size=fixture.can.least))
        engine.age(span_ms * 2 // 10)
        engine.liquidate("alice", fixture.market_id)
        fills = await fixture.broker.fills(
            fixture.symbol, since_ms=Ms(start - span_ms * 9 // 10 - 60_000)
        )
        assert len(fills) == len(fixture.account.trades) == MANY + 2
        assert len({fill.trade_id for fill in fills}) == MANY + 2
        assert [fill for fill in fills if fill.is_liquidation] == [
            fill for fill in fills if fill.side is OrderSide.SELL
        ]


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_an_old_order_still_has_its_fills(exchange: str, tmp_path: Path) -> None:
    """A daemon that was away for long collects the fees of what filled before."""
    async with fixture_at(exchange, tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        fixture.venue.engine.switches.windows = True
        order = await fixture.enter()
        days = fixture.can.fills_kept_days * 2 // 3
        fixture.venue.engine.age(days * DAY_MS)
        aged = Ms(order.request.intended_at_ms - days * DAY_MS)
        old = replace(order, request=replace(order.request, intended_at_ms=aged))
        fills = await fixture.broker.order_fills(old)
        assert sum(fill.quantity for fill in fills) == order.filled
        assert all(fill.fee > 0 for fill in fills)


@pytest.mark.parametrize("exchange", [name for name, can in CAN.items() if can.tells_funding])
async def test_every_funding_payment_is_read_once(exchange: str, tmp_path: Path) -> None:
    """Of a month, every eight hours, with the sign that the account has of it."""
    async with fixture_at(exchange, tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        engine, rates = fixture.venue.engine, ("0.0001", "-0.0002")
        engine.switches.windows = True
        await fixture.enter()
        now_ms = engine.now_ms()
        for number in range(90):
            engine.pay_funding(
                fixture.market_id, Decimal(rates[number % 2]),
                at_ms=now_ms - number * EIGHT_HOURS_MS,
            )  # fmt: skip
        paid = await fixture.broker.funding([fixture.symbol], since_ms=Ms(now_ms - 31 * DAY_MS))
        booked = [each for each in fixture.account.bookings if each.kind == "FUNDING_FEE"]
        assert len(paid) == len({each.payment_id for each in paid}) == len(booked) == 90
        assert {(each.paid_at_ms, each.amount) for each in paid} == {
            (each.at_ms, each.change) for each in booked
        }
        later = await fixture.broker.funding([fixture.symbol], since_ms=Ms(now_ms - DAY_MS))
        assert len(later) == 4


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_how_often_funding_is_paid_is_known_where_it_is_listed(
    exchange: str, tmp_path: Path
) -> None:
    """It says when payments are worth asking for."""
    async with fixture_at(exchange, tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        told = fixture.exchange.market.funding_interval_ms(fixture.symbol)
        assert told == fixture.can.funding_interval_ms
