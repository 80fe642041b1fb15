"""Stops and targets: they rest, they fire when the price comes, and they only ever close."""

from dataclasses import replace
from decimal import Decimal

import pytest

from signalbot.domain.errors import OrderRejected
from signalbot.domain.money import ZERO
from signalbot.domain.orders import Order, OrderSide, OrderStatus
from tests.contract.brokers import SIZE, BrokerFixture
from tests.contract.each_broker import on_each_broker

BUY, SELL = OrderSide.BUY, OrderSide.SELL


@on_each_broker
async def test_a_stop_rests_and_closes_the_position_when_the_price_comes(
    fixture: BrokerFixture,
) -> None:
    """Acknowledged means that it is seen resting, under our id."""
    await fixture.enter()
    order = await fixture.rest(fixture.stop(49_000))
    assert order.status is OrderStatus.OPEN
    assert list(await fixture.listed()) == [order.client_order_id]
    await fixture.price(49_100)
    assert (await fixture.found(order.request)).status is OrderStatus.OPEN
    await fixture.price(48_900)
    found = await fixture.found(order.request)
    assert (found.status, found.filled, found.average_price) == (
        OrderStatus.FILLED,
        SIZE,
        Decimal(48_900),
    )
    assert fixture.held == 0
    assert await fixture.listed() == {}


@on_each_broker
async def test_a_short_is_stopped_by_a_purchase_above(fixture: BrokerFixture) -> None:
    """The same the other way round."""
    await fixture.enter(side=SELL)
    order = await fixture.rest(fixture.stop(51_000, side=BUY))
    await fixture.price(50_900)
    assert fixture.held == -SIZE
    await fixture.price(51_100)
    assert (await fixture.found(order.request)).status is OrderStatus.FILLED
    assert fixture.held == 0


@on_each_broker
async def test_a_stop_without_a_position_opens_none(fixture: BrokerFixture) -> None:
    """Whether it is refused, or rests and comes to nothing."""
    request = fixture.stop(49_000)
    try:
        await fixture.broker.submit(request)
    except OrderRejected:
        assert await fixture.listed() == {}
        return
    await fixture.price(48_900)
    found = await fixture.found(request)
    assert (found.status.is_final, found.filled) == (True, ZERO)
    assert fixture.held == 0


@on_each_broker
async def test_a_stop_larger_than_the_position_does_not_turn_it_round(
    fixture: BrokerFixture,
) -> None:
    """Part of the position has gone another way meanwhile."""
    await fixture.enter()
    order = await fixture.rest(fixture.stop(49_000))
    await fixture.broker.submit(fixture.exit(size=SIZE / 2))
    await fixture.price(48_900)
    found = await fixture.found(order.request)
    assert found.status.is_final
    closed = SIZE / 2 * fixture.can.trims_stops
    assert found.filled == closed, "where it comes to nothing its end is told, and another follows"
    assert fixture.held == SIZE / 2 - closed


@on_each_broker
async def test_a_stop_the_price_has_passed_is_refused_as_such(fixture: BrokerFixture) -> None:
    """So its position is closed at market instead."""
    await fixture.enter()
    if not fixture.can.refuses_passed_stops:
        await fixture.broker.submit(fixture.stop(50_500))
        assert fixture.held == 0, "elsewhere it closes the position at once by itself"
        return
    with pytest.raises(OrderRejected) as raised:
        await fixture.broker.submit(fixture.stop(50_500))
    assert raised.value.would_trigger
    assert await fixture.listed() == {}
    assert fixture.held == SIZE


@on_each_broker
async def test_a_cancelled_stop_does_not_fire(fixture: BrokerFixture) -> None:
    """It is gone when its report says so."""
    await fixture.enter()
    order = await fixture.rest(fixture.stop(49_000))
    report = await fixture.broker.cancel(order)
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, ZERO)
    await fixture.price(48_900)
    assert fixture.held == SIZE


@on_each_broker
async def test_a_target_takes_its_part_and_the_stop_the_rest(fixture: BrokerFixture) -> None:
    """Both rest side by side; neither ends the other."""
    await fixture.enter()
    stop = await fixture.rest(fixture.stop(49_000))
    target = await fixture.rest(fixture.target(51_000, size=SIZE / 2))
    assert set(await fixture.listed()) == {stop.client_order_id, target.client_order_id}
    await fixture.price(51_000)
    found = await fixture.found(target.request)
    assert (found.status, found.filled) == (OrderStatus.FILLED, SIZE / 2)
    (holding,) = await fixture.broker.holdings({})
    assert holding.quantity == fixture.held == SIZE / 2
    assert list(await fixture.listed()) == [stop.client_order_id]
    if not fixture.can.trims_stops:
        rest = await fixture.rest(fixture.stop(49_000, size=SIZE / 2))
        await fixture.broker.cancel(stop)
        stop = rest
    await fixture.price(49_000)
    assert (await fixture.found(stop.request)).filled == SIZE / 2
    assert fixture.held == 0


@on_each_broker
async def test_a_target_of_a_short_waits_below(fixture: BrokerFixture) -> None:
    """And buys back."""
    await fixture.enter(side=SELL)
    order = await fixture.rest(fixture.target(49_000, side=BUY))
    await fixture.price(49_100)
    assert fixture.held == -SIZE
    await fixture.price(49_000)
    assert (await fixture.found(order.request)).status is OrderStatus.FILLED
    assert fixture.held == 0


@on_each_broker
async def test_an_entry_brings_its_stop_along_where_it_can(fixture: BrokerFixture) -> None:
    """Elsewhere it does not, and says so beforehand: whoever asked places one."""
    entry, stop = fixture.entry(), fixture.stop(49_000)
    assert fixture.broker.attaches_stops(entry.symbol) is fixture.can.attaches
    await fixture.broker.submit(entry, stop=stop)
    assert list(await fixture.listed()) == [stop.client_order_id] * fixture.can.attaches
    if fixture.can.attaches:
        await fixture.price(48_900)
        found = await fixture.found(stop)
        assert (found.status, found.filled) == (OrderStatus.FILLED, SIZE)
    assert fixture.held == SIZE * (not fixture.can.attaches)


@on_each_broker
async def test_a_stop_that_came_along_is_cancelled_like_any_other(fixture: BrokerFixture) -> None:
    """It may have no id of its own there; it has ours here."""
    entry, stop = fixture.entry(), fixture.stop(49_000)
    await fixture.broker.submit(entry, stop=stop)
    resting = await fixture.listed()
    if fixture.can.attaches:
        order = Order(request=stop).apply(resting[stop.client_order_id])
        report = await fixture.broker.cancel(order)
        assert (report.status, report.filled) == (OrderStatus.CANCELLED, ZERO)
    assert await fixture.listed() == {}
    await fixture.price(48_900)
    assert fixture.held == SIZE


@on_each_broker
async def test_a_stop_moves_in_place_where_it_can(fixture: BrokerFixture) -> None:
    """What rests is one stop all the while; where it cannot move it stays, and that is said."""
    await fixture.enter()
    await _move(fixture, await fixture.rest(fixture.stop(49_000)))


@on_each_broker
async def test_a_stop_that_came_along_moves_as_well(fixture: BrokerFixture) -> None:
    """With the position, where it belongs to that."""
    entry, stop = fixture.entry(), fixture.stop(49_000)
    await fixture.broker.submit(entry, stop=stop)
    if not fixture.can.attaches:
        await fixture.broker.submit(stop)
    await _move(fixture, Order(request=stop).apply(await fixture.found(stop)))


async def _move(fixture: BrokerFixture, order: Order) -> None:
    """Ask for a stop at 49,000 to be at 49,500, and see where it fires."""
    wanted = replace(order.request, trigger_price=Decimal(49_500))
    assert fixture.broker.amends_stops(wanted.symbol) is fixture.can.amends
    if fixture.can.amends:
        report = await fixture.broker.amend(order, wanted)
        assert (report.status, report.filled) == (OrderStatus.OPEN, ZERO)
    else:
        with pytest.raises(OrderRejected):
            await fixture.broker.amend(order, wanted)
    assert list(await fixture.listed()) == [order.client_order_id]
    await fixture.price(49_400)
    assert fixture.held == SIZE * (not fixture.can.amends)
    await fixture.price(48_900)
    assert (await fixture.found(wanted)).status is OrderStatus.FILLED
    assert fixture.held == 0
