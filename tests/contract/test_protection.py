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
    desk: BrokerFixture,
) -> None:
    """Acknowledged means that it is seen resting, under our id."""
    await desk.enter()
    order = await desk.rest(desk.stop(49_000))
    assert order.status is OrderStatus.OPEN
    assert list(await desk.listed()) == [order.client_order_id]
    await desk.price(49_100)
    assert (await desk.found(order.request)).status is OrderStatus.OPEN
    await desk.price(48_900)
    found = await desk.found(order.request)
    assert (found.status, found.filled, found.average_price) == (
        OrderStatus.FILLED,
        SIZE,
        Decimal(48_900),
    )
    assert desk.held == 0
    assert await desk.listed() == {}


@on_each_broker
async def test_a_short_is_stopped_by_a_purchase_above(desk: BrokerFixture) -> None:
    """The same the other way round."""
    await desk.enter(side=SELL)
    order = await desk.rest(desk.stop(51_000, side=BUY))
    await desk.price(50_900)
    assert desk.held == -SIZE
    await desk.price(51_100)
    assert (await desk.found(order.request)).status is OrderStatus.FILLED
    assert desk.held == 0


@on_each_broker
async def test_a_stop_without_a_position_opens_none(desk: BrokerFixture) -> None:
    """Whether it is refused, or rests and comes to nothing."""
    request = desk.stop(49_000)
    try:
        await desk.broker.submit(request)
    except OrderRejected:
        assert await desk.listed() == {}
        return
    await desk.price(48_900)
    found = await desk.found(request)
    assert (found.status.is_final, found.filled) == (True, ZERO)
    assert desk.held == 0


@on_each_broker
async def test_a_stop_larger_than_the_position_does_not_turn_it_round(desk: BrokerFixture) -> None:
    """Part of the position has gone another way meanwhile."""
    await desk.enter()
    order = await desk.rest(desk.stop(49_000))
    await desk.broker.submit(desk.exit(size=SIZE / 2))
    await desk.price(48_900)
    found = await desk.found(order.request)
    assert found.status.is_final
    closed = SIZE / 2 * desk.can.trims_stops
    assert found.filled == closed, "where it comes to nothing its end is told, and another follows"
    assert desk.held == SIZE / 2 - closed


@on_each_broker
async def test_a_stop_the_price_has_passed_is_refused_as_such(desk: BrokerFixture) -> None:
    """So its position is closed at market instead."""
    await desk.enter()
    if not desk.can.refuses_passed_stops:
        await desk.broker.submit(desk.stop(50_500))
        assert desk.held == 0, "elsewhere it closes the position at once by itself"
        return
    with pytest.raises(OrderRejected) as raised:
        await desk.broker.submit(desk.stop(50_500))
    assert raised.value.would_trigger
    assert await desk.listed() == {}
    assert desk.held == SIZE


@on_each_broker
async def test_a_cancelled_stop_does_not_fire(desk: BrokerFixture) -> None:
    """It is gone when its report says so."""
    await desk.enter()
    order = await desk.rest(desk.stop(49_000))
    report = await desk.broker.cancel(order)
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, ZERO)
    await desk.price(48_900)
    assert desk.held == SIZE


@on_each_broker
async def test_a_target_takes_its_part_and_the_stop_the_rest(desk: BrokerFixture) -> None:
    """Both rest side by side; neither ends the other."""
    await desk.enter()
    stop = await desk.rest(desk.stop(49_000))
    target = await desk.rest(desk.target(51_000, size=SIZE / 2))
    assert set(await desk.listed()) == {stop.client_order_id, target.client_order_id}
    await desk.price(51_000)
    found = await desk.found(target.request)
    assert (found.status, found.filled) == (OrderStatus.FILLED, SIZE / 2)
    (holding,) = await desk.broker.holdings({})
    assert holding.quantity == desk.held == SIZE / 2
    assert list(await desk.listed()) == [stop.client_order_id]
    if not desk.can.trims_stops:
        rest = await desk.rest(desk.stop(49_000, size=SIZE / 2))
        await desk.broker.cancel(stop)
        stop = rest
    await desk.price(49_000)
    assert (await desk.found(stop.request)).filled == SIZE / 2
    assert desk.held == 0


@on_each_broker
async def test_a_target_of_a_short_waits_below(desk: BrokerFixture) -> None:
    """And buys back."""
    await desk.enter(side=SELL)
    order = await desk.rest(desk.target(49_000, side=BUY))
    await desk.price(49_100)
    assert desk.held == -SIZE
    await desk.price(49_000)
    assert (await desk.found(order.request)).status is OrderStatus.FILLED
    assert desk.held == 0


@on_each_broker
async def test_an_entry_brings_its_stop_along_where_it_can(desk: BrokerFixture) -> None:
    """Elsewhere it does not, and says so beforehand: whoever asked places one."""
    entry, stop = desk.entry(), desk.stop(49_000)
    assert desk.broker.attaches_stops(entry.symbol) is desk.can.attaches
    await desk.broker.submit(entry, stop=stop)
    assert list(await desk.listed()) == [stop.client_order_id] * desk.can.attaches
    if desk.can.attaches:
        await desk.price(48_900)
        found = await desk.found(stop)
        assert (found.status, found.filled) == (OrderStatus.FILLED, SIZE)
    assert desk.held == SIZE * (not desk.can.attaches)


@on_each_broker
async def test_a_stop_that_came_along_is_cancelled_like_any_other(desk: BrokerFixture) -> None:
    """It may have no id of its own there; it has ours here."""
    entry, stop = desk.entry(), desk.stop(49_000)
    await desk.broker.submit(entry, stop=stop)
    resting = await desk.listed()
    if desk.can.attaches:
        order = Order(request=stop).apply(resting[stop.client_order_id])
        report = await desk.broker.cancel(order)
        assert (report.status, report.filled) == (OrderStatus.CANCELLED, ZERO)
    assert await desk.listed() == {}
    await desk.price(48_900)
    assert desk.held == SIZE


@on_each_broker
async def test_a_stop_moves_in_place_where_it_can(desk: BrokerFixture) -> None:
    """What rests is one stop all the while; where it cannot move it stays, and that is said."""
    await desk.enter()
    await _move(desk, await desk.rest(desk.stop(49_000)))


@on_each_broker
async def test_a_stop_that_came_along_moves_as_well(desk: BrokerFixture) -> None:
    """With the position, where it belongs to that."""
    entry, stop = desk.entry(), desk.stop(49_000)
    await desk.broker.submit(entry, stop=stop)
    if not desk.can.attaches:
        await desk.broker.submit(stop)
    await _move(desk, Order(request=stop).apply(await desk.found(stop)))


async def _move(desk: BrokerFixture, order: Order) -> None:
    """Ask for a stop at 49,000 to be at 49,500, and see where it fires."""
    wanted = replace(order.request, trigger_price=Decimal(49_500))
    assert desk.broker.amends_stops(wanted.symbol) is desk.can.amends
    if desk.can.amends:
        report = await desk.broker.amend(order, wanted)
        assert (report.status, report.filled) == (OrderStatus.OPEN, ZERO)
    else:
        with pytest.raises(OrderRejected):
            await desk.broker.amend(order, wanted)
    assert list(await desk.listed()) == [order.client_order_id]
    await desk.price(49_400)
    assert desk.held == SIZE * (not desk.can.amends)
    await desk.price(48_900)
    assert (await desk.found(wanted)).status is OrderStatus.FILLED
    assert desk.held == 0
