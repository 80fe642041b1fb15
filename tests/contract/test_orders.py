"""Entries: sent once, told as they are, found again by our id."""

from decimal import Decimal

import pytest

from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, RejectionReason
from signalbot.domain.money import ZERO
from signalbot.domain.orders import Order, OrderSide, OrderStatus
from signalbot.domain.signals import Side
from tests.contract.brokers import SIZE, START, BrokerFixture
from tests.contract.each_broker import on_each_broker


@on_each_broker
async def test_a_market_entry_is_acknowledged_filled_and_found_again(desk: BrokerFixture) -> None:
    """The answer and the look-up tell the same story, under the same two ids."""
    request = desk.entry()
    report = await desk.broker.submit(request)
    assert report.client_order_id == request.client_order_id
    assert (report.status, report.filled) == (OrderStatus.FILLED, SIZE)
    assert report.average_price == START
    found = await desk.found(request)
    assert report.exchange_order_id is not None
    assert found.exchange_order_id == report.exchange_order_id
    assert (found.status, found.filled) == (OrderStatus.FILLED, SIZE)
    assert found.average_price == START


@on_each_broker
async def test_quantities_are_coins_whatever_the_exchange_counts_in(desk: BrokerFixture) -> None:
    """Two hundredths of a coin are that in the report, the fills, the holding and their book."""
    order = await desk.enter()
    fills = await desk.broker.order_fills(order)
    (holding,) = await desk.broker.holdings({})
    assert order.filled == sum(each.quantity for each in fills) == holding.quantity == SIZE
    assert desk.held == SIZE


@on_each_broker
async def test_a_short_is_opened_by_a_sale(desk: BrokerFixture) -> None:
    """A holding has a side, and its quantity is never negative."""
    await desk.enter(side=OrderSide.SELL)
    (holding,) = await desk.broker.holdings({})
    assert (holding.side, holding.quantity, holding.entry_price) == (Side.SHORT, SIZE, START)
    assert desk.held == -SIZE


@on_each_broker
async def test_an_exit_closes_what_is_held_and_no_more(desk: BrokerFixture) -> None:
    """More than there is to close ends flat or is refused, and never ends on the other side."""
    await desk.enter()
    if not desk.can.trims:
        with pytest.raises(OrderRejected):
            await desk.broker.submit(desk.exit(size=2 * SIZE))
        assert desk.held == SIZE
        await desk.broker.submit(desk.exit())
    else:
        await desk.broker.submit(desk.exit(size=2 * SIZE))
    assert list(await desk.broker.holdings({})) == []
    assert desk.held == 0


@on_each_broker
async def test_an_exit_of_nothing_opens_nothing(desk: BrokerFixture) -> None:
    """It is refused, or ends without a fill."""
    request = desk.exit()
    try:
        report = await desk.broker.submit(request)
    except OrderRejected:
        assert desk.held == 0
    else:
        assert (report.status, report.filled) == (OrderStatus.CANCELLED, ZERO)
    assert list(await desk.broker.holdings({})) == []


@on_each_broker
async def test_a_limit_entry_rests_until_the_price_comes(desk: BrokerFixture) -> None:
    """It is listed under our id meanwhile, and trades at its own price."""
    request = desk.entry(at=49_500)
    report = await desk.broker.submit(request)
    assert (report.status, report.filled) == (OrderStatus.OPEN, ZERO)
    assert list(await desk.listed()) == [request.client_order_id]
    await desk.price(49_600)
    assert (await desk.found(request)).status is OrderStatus.OPEN
    await desk.price(49_500)
    found = await desk.found(request)
    assert (found.status, found.filled) == (OrderStatus.FILLED, SIZE)
    assert found.average_price == 49_500
    assert await desk.listed() == {}


@on_each_broker
async def test_a_limit_that_the_price_has_passed_trades_at_once(desk: BrokerFixture) -> None:
    """At the market's price, which is the better one; its answer may not know that yet."""
    request = desk.entry(at=50_500)
    await desk.broker.submit(request)
    found = await desk.found(request)
    assert (found.status, found.average_price) == (OrderStatus.FILLED, START)


@on_each_broker
async def test_a_cancelled_entry_never_fills(desk: BrokerFixture) -> None:
    """Its report is final, and stays what it is when the price comes after all."""
    order = await desk.rest(desk.entry(at=49_500))
    report = await desk.broker.cancel(order)
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, ZERO)
    await desk.price(49_000)
    found = await desk.found(order.request)
    assert (found.status, found.filled) == (OrderStatus.CANCELLED, ZERO)
    assert await desk.listed() == {}
    assert desk.held == 0


@on_each_broker
async def test_cancelling_twice_changes_nothing(desk: BrokerFixture) -> None:
    """A cancel whose answer was lost may be asked for again."""
    order = await desk.rest(desk.entry(at=49_500))
    first = await desk.broker.cancel(order)
    again = await desk.broker.cancel(order)
    assert (again.status, again.filled) == (first.status, first.filled)


@on_each_broker
async def test_cancelling_what_has_filled_tells_the_fill(desk: BrokerFixture) -> None:
    """It filled meanwhile: the caller books what is true."""
    order = await desk.rest(desk.entry(at=49_500))
    await desk.price(49_400)
    report = await desk.broker.cancel(order)
    assert (report.status, report.filled) == (OrderStatus.FILLED, SIZE)
    assert desk.held == SIZE


@on_each_broker
async def test_cancelling_what_has_filled_in_part_keeps_the_part(desk: BrokerFixture) -> None:
    """The rest is gone, the part is held, and the report says how large it is."""
    await desk.trade_in_parts()
    order = await desk.rest(desk.entry(at=50_100))
    found = await desk.found(order.request)
    assert found.status is OrderStatus.PARTIALLY_FILLED
    assert 0 < found.filled < SIZE
    report = await desk.broker.cancel(order)
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, found.filled)
    (holding,) = await desk.broker.holdings({})
    assert holding.quantity == desk.held == found.filled


@on_each_broker
async def test_cancelling_what_was_never_sent_is_a_cancel(desk: BrokerFixture) -> None:
    """Nothing is live under that id, and nothing comes of it."""
    report = await desk.broker.cancel(Order(request=desk.entry(at=49_500)))
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, ZERO)
    assert report.exchange_order_id is None


@on_each_broker
async def test_what_was_never_sent_is_not_found(desk: BrokerFixture) -> None:
    """At once where the far side tells no lies; elsewhere once it cannot be on its way any more."""
    for request in (desk.entry(), desk.stop(49_000)):
        if desk.can.is_sure_at_once:
            assert await desk.broker.lookup(Order(request=request)) is None
            continue
        with pytest.raises(OrderOutcomeUnknown, match="not found"):
            await desk.broker.lookup(Order(request=request))
    desk.wait_long()
    for request in (desk.entry(), desk.stop(49_000)):
        assert await desk.broker.lookup(Order(request=request)) is None


@on_each_broker
async def test_an_id_that_rests_is_taken(desk: BrokerFixture) -> None:
    """Sent again it is neither a second order nor a refusal: it may be live, and it is."""
    request = desk.entry(at=49_500)
    first = await desk.broker.submit(request)
    if not desk.can.reserves_ids:
        await desk.broker.submit(request)
        await desk.price(49_500)
        assert desk.held == 2 * SIZE, "sent again it would be a second order: it never is"
        return
    with pytest.raises(OrderOutcomeUnknown):
        await desk.broker.submit(request)
    listed = await desk.listed()
    assert [each.exchange_order_id for each in listed.values()] == [first.exchange_order_id]
    await desk.price(49_500)
    assert desk.held == SIZE


@on_each_broker
async def test_an_id_that_has_filled_is_taken_where_ids_are_kept(desk: BrokerFixture) -> None:
    """Where they are not, it would be a second order: nothing is ever sent twice."""
    request = desk.entry()
    await desk.broker.submit(request)
    if desk.can.keeps_ids:
        with pytest.raises(OrderOutcomeUnknown):
            await desk.broker.submit(request)
        assert desk.held == SIZE
    else:
        await desk.broker.submit(request)
        assert desk.held == 2 * SIZE


@on_each_broker
async def test_less_than_the_least_is_refused(desk: BrokerFixture) -> None:
    """A refusal and no doubt: nothing is live, nothing is looked for."""
    if desk.can.tells_least:
        assert desk.instrument.min_quantity == desk.can.least
    request = desk.entry(size=desk.can.least / 2)
    with pytest.raises(OrderRejected) as raised:
        await desk.broker.submit(request)
    assert raised.value.rejection_reason is RejectionReason.OTHER
    assert desk.held == 0
    assert await desk.listed() == {}


@on_each_broker
async def test_more_than_the_margin_allows_is_refused(desk: BrokerFixture) -> None:
    """The refusal says what it was: who is refused so again and again is halted."""
    with pytest.raises(OrderRejected) as raised:
        await desk.broker.submit(desk.entry(size=Decimal(5)))
    assert raised.value.rejection_reason is RejectionReason.INSUFFICIENT_MARGIN
    assert desk.held == 0
