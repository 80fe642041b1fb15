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
async def test_a_market_entry_is_acknowledged_filled_and_found_again(
    fixture: BrokerFixture,
) -> None:
    """The answer and the look-up tell the same story, under the same two ids."""
    request = fixture.entry()
    report = await fixture.broker.submit(request)
    assert report.client_order_id == request.client_order_id
    assert (report.status, report.filled) == (OrderStatus.FILLED, SIZE)
    assert report.average_price == START
    found = await fixture.found(request)
    assert report.exchange_order_id is not None
    assert found.exchange_order_id == report.exchange_order_id
    assert (found.status, found.filled) == (OrderStatus.FILLED, SIZE)
    assert found.average_price == START


@on_each_broker
async def test_quantities_are_coins_whatever_the_exchange_counts_in(fixture: BrokerFixture) -> None:
    """Two hundredths of a coin are that in the report, the fills, the holding and their book."""
    order = await fixture.enter()
    fills = await fixture.broker.order_fills(order)
    (holding,) = await fixture.broker.holdings({})
    assert order.filled == sum(each.quantity for each in fills) == holding.quantity == SIZE
    assert fixture.held == SIZE


@on_each_broker
async def test_a_short_is_opened_by_a_sale(fixture: BrokerFixture) -> None:
    """A holding has a side, and its quantity is never negative."""
    await fixture.enter(side=OrderSide.SELL)
    (holding,) = await fixture.broker.holdings({})
    assert (holding.side, holding.quantity, holding.entry_price) == (Side.SHORT, SIZE, START)
    assert fixture.held == -SIZE


@on_each_broker
async def test_an_exit_closes_what_is_held_and_no_more(fixture: BrokerFixture) -> None:
    """More than there is to close ends flat or is refused, and never ends on the other side."""
    await fixture.enter()
    if not fixture.can.trims:
        with pytest.raises(OrderRejected):
            await fixture.broker.submit(fixture.exit(size=2 * SIZE))
        assert fixture.held == SIZE
        await fixture.broker.submit(fixture.exit())
    else:
        await fixture.broker.submit(fixture.exit(size=2 * SIZE))
    assert list(await fixture.broker.holdings({})) == []
    assert fixture.held == 0


@on_each_broker
async def test_an_exit_of_nothing_opens_nothing(fixture: BrokerFixture) -> None:
    """It is refused, or ends without a fill."""
    request = fixture.exit()
    try:
        report = await fixture.broker.submit(request)
    except OrderRejected:
        assert fixture.held == 0
    else:
        assert (report.status, report.filled) == (OrderStatus.CANCELLED, ZERO)
    assert list(await fixture.broker.holdings({})) == []


@on_each_broker
async def test_a_limit_entry_rests_until_the_price_comes(fixture: BrokerFixture) -> None:
    """It is listed under our id meanwhile, and trades at its own price."""
    request = fixture.entry(at=49_500)
    report = await fixture.broker.submit(request)
    assert (report.status, report.filled) == (OrderStatus.OPEN, ZERO)
    assert list(await fixture.listed()) == [request.client_order_id]
    await fixture.price(49_600)
    assert (await fixture.found(request)).status is OrderStatus.OPEN
    await fixture.price(49_500)
    found = await fixture.found(request)
    assert (found.status, found.filled) == (OrderStatus.FILLED, SIZE)
    assert found.average_price == 49_500
    assert await fixture.listed() == {}


@on_each_broker
async def test_a_limit_that_the_price_has_passed_trades_at_once(fixture: BrokerFixture) -> None:
    """At the market's price, which is the better one; its answer may not know that yet."""
    request = fixture.entry(at=50_500)
    await fixture.broker.submit(request)
    found = await fixture.found(request)
    assert (found.status, found.average_price) == (OrderStatus.FILLED, START)


@on_each_broker
async def test_a_cancelled_entry_never_fills(fixture: BrokerFixture) -> None:
    """Its report is final, and stays what it is when the price comes after all."""
    order = await fixture.rest(fixture.entry(at=49_500))
    report = await fixture.broker.cancel(order)
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, ZERO)
    await fixture.price(49_000)
    found = await fixture.found(order.request)
    assert (found.status, found.filled) == (OrderStatus.CANCELLED, ZERO)
    assert await fixture.listed() == {}
    assert fixture.held == 0


@on_each_broker
async def test_cancelling_twice_changes_nothing(fixture: BrokerFixture) -> None:
    """A cancel whose answer was lost may be asked for again."""
    order = await fixture.rest(fixture.entry(at=49_500))
    first = await fixture.broker.cancel(order)
    again = await fixture.broker.cancel(order)
    assert (again.status, again.filled) == (first.status, first.filled)


@on_each_broker
async def test_cancelling_what_has_filled_tells_the_fill(fixture: BrokerFixture) -> None:
    """It filled meanwhile: the caller books what is true."""
    order = await fixture.rest(fixture.entry(at=49_500))
    await fixture.price(49_400)
    report = await fixture.broker.cancel(order)
    assert (report.status, report.filled) == (OrderStatus.FILLED, SIZE)
    assert fixture.held == SIZE


@on_each_broker
async def test_cancelling_what_has_filled_in_part_keeps_the_part(fixture: BrokerFixture) -> None:
    """The rest is gone, the part is held, and the report says how large it is."""
    await fixture.trade_in_parts()
    order = await fixture.rest(fixture.entry(at=50_100))
    found = await fixture.found(order.request)
    assert found.status is OrderStatus.PARTIALLY_FILLED
    assert 0 < found.filled < SIZE
    report = await fixture.broker.cancel(order)
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, found.filled)
    (holding,) = await fixture.broker.holdings({})
    assert holding.quantity == fixture.held == found.filled


@on_each_broker
async def test_cancelling_what_was_never_sent_is_a_cancel(fixture: BrokerFixture) -> None:
    """Nothing is live under that id, and nothing comes of it."""
    report = await fixture.broker.cancel(Order(request=fixture.entry(at=49_500)))
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, ZERO)
    assert report.exchange_order_id is None


@on_each_broker
async def test_what_was_never_sent_is_not_found(fixture: BrokerFixture) -> None:
    """At once where the far side tells no lies; elsewhere once it cannot be on its way any more."""
    for request in (fixture.entry(), fixture.stop(49_000)):
        if fixture.can.is_sure_at_once:
            assert await fixture.broker.lookup(Order(request=request)) is None
            continue
        with pytest.raises(OrderOutcomeUnknown, match="not found"):
            await fixture.broker.lookup(Order(request=request))
    fixture.wait_long()
    for request in (fixture.entry(), fixture.stop(49_000)):
        assert await fixture.broker.lookup(Order(request=request)) is None


@on_each_broker
async def test_an_id_that_rests_is_taken(fixture: BrokerFixture) -> None:
    """Sent again it is neither a second order nor a refusal: it may be live, and it is."""
    request = fixture.entry(at=49_500)
    first = await fixture.broker.submit(request)
    if not fixture.can.reserves_ids:
        await fixture.broker.submit(request)
        await fixture.price(49_500)
        assert fixture.held == 2 * SIZE, "sent again it would be a second order: it never is"
        return
    with pytest.raises(OrderOutcomeUnknown):
        await fixture.broker.submit(request)
    listed = await fixture.listed()
    assert [each.exchange_order_id for each in listed.values()] == [first.exchange_order_id]
    await fixture.price(49_500)
    assert fixture.held == SIZE


@on_each_broker
async def test_an_id_that_has_filled_is_taken_where_ids_are_kept(fixture: BrokerFixture) -> None:
    """Where they are not, it would be a second order: nothing is ever sent twice."""
    request = fixture.entry()
    await fixture.broker.submit(request)
    if fixture.can.keeps_ids:
        with pytest.raises(OrderOutcomeUnknown):
            await fixture.broker.submit(request)
        assert fixture.held == SIZE
    else:
        await fixture.broker.submit(request)
        assert fixture.held == 2 * SIZE


@on_each_broker
async def test_less_than_the_least_is_refused(fixture: BrokerFixture) -> None:
    """A refusal and no doubt: nothing is live, nothing is looked for."""
    if fixture.can.tells_least:
        assert fixture.instrument.min_quantity == fixture.can.least
    request = fixture.entry(size=fixture.can.least / 2)
    with pytest.raises(OrderRejected) as raised:
        await fixture.broker.submit(request)
    assert raised.value.rejection_reason is RejectionReason.OTHER
    assert fixture.held == 0
    assert await fixture.listed() == {}


@on_each_broker
async def test_more_than_the_margin_allows_is_refused(fixture: BrokerFixture) -> None:
    """The refusal says what it was: who is refused so again and again is halted."""
    with pytest.raises(OrderRejected) as raised:
        await fixture.broker.submit(fixture.entry(size=Decimal(5)))
    assert raised.value.rejection_reason is RejectionReason.INSUFFICIENT_MARGIN
    assert fixture.held == 0
