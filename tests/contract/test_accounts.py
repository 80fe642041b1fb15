"""What an account holds, owes and has done, as the far side tells it."""

import asyncio
from decimal import Decimal

from signalbot.domain.orders import OrderSide, OrderStatus
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Ms
from signalbot.ports import Holding
from tests.contract.brokers import BOB, DEPOSIT, SIZE, START, BrokerFixture
from tests.contract.each_broker import on_each_broker


@on_each_broker
async def test_an_account_that_has_done_nothing_is_empty(fixture: BrokerFixture) -> None:
    """All of its money is free."""
    balance = fixture.broker.balance()
    assert (balance.equity, balance.free) == (DEPOSIT, DEPOSIT)
    assert fixture.clock.now_ms() - 60_000 < balance.as_of_ms <= fixture.clock.now_ms()
    assert list(await fixture.broker.holdings({})) == []
    assert await fixture.listed() == {}
    assert list(await fixture.broker.fills(fixture.symbol, since_ms=_yesterday(fixture))) == []


@on_each_broker
async def test_a_holding_binds_margin_and_has_cost_its_fee(fixture: BrokerFixture) -> None:
    """A fifth of a thousand at five times; the fills say what was paid."""
    order = await fixture.enter()
    fees = sum((each.fee for each in await fixture.broker.order_fills(order)), Decimal(0))
    await fixture.restart()
    balance = fixture.broker.balance()
    assert balance.equity == DEPOSIT - fees
    assert abs(balance.equity - balance.free - SIZE * START / 5) < 1
    assert list(await fixture.broker.holdings({})) == [
        Holding(symbol=fixture.symbol, side=Side.LONG, quantity=SIZE, entry_price=START)
    ]


@on_each_broker
async def test_profit_is_equity(fixture: BrokerFixture) -> None:
    """Before it is taken, and after."""
    await fixture.enter()
    await fixture.price(51_000)
    await fixture.restart()
    held = fixture.broker.balance().equity
    assert abs(held - DEPOSIT - SIZE * 1_000) < 1
    await fixture.broker.submit(fixture.exit())
    await fixture.restart()
    assert abs(fixture.broker.balance().equity - held) < 1
    assert fixture.broker.balance().free == fixture.broker.balance().equity


@on_each_broker
async def test_the_fills_of_an_order_add_up_to_it(fixture: BrokerFixture) -> None:
    """Quantity, mean price, side; each with an id of its own, a fee, and its currency."""
    order = await fixture.enter()
    fills = await fixture.broker.order_fills(order)
    quantity = sum((each.quantity for each in fills), Decimal(0))
    paid = sum((each.quantity * each.price for each in fills), Decimal(0))
    assert quantity == order.filled
    assert paid / quantity == order.average_price
    assert len({each.trade_id for each in fills}) == len(fills) > 0
    for each in fills:
        assert each.fee / (each.quantity * each.price) > Decimal("0.0001")
        assert (each.fee_currency, each.side) == (fixture.instrument.quote, OrderSide.BUY)
        assert each.client_order_id == order.client_order_id
        assert not each.is_liquidation


@on_each_broker
async def test_the_account_s_fills_are_those_of_its_orders(fixture: BrokerFixture) -> None:
    """Entry and stop, once each, oldest or newest first, by the same trade ids."""
    order = await fixture.enter()
    stop = await fixture.rest(fixture.stop(49_000))
    await fixture.price(48_900)
    stop = stop.apply(await fixture.found(stop.request))
    alone = [*await fixture.broker.order_fills(order), *await fixture.broker.order_fills(stop)]
    told = await fixture.broker.fills(fixture.symbol, since_ms=_yesterday(fixture))
    assert {each.trade_id for each in told} == {each.trade_id for each in alone}
    assert len(told) == len(alone) == 2
    by_order = {each.client_order_id: each.quantity for each in told}
    assert by_order == {order.client_order_id: SIZE, stop.client_order_id: SIZE}


@on_each_broker
async def test_fills_of_before_are_not_told(fixture: BrokerFixture) -> None:
    """Since an instant means since that instant."""
    await fixture.enter()
    later = Ms(fixture.clock.now_ms() + 3_600_000)
    assert list(await fixture.broker.fills(fixture.symbol, since_ms=later)) == []


@on_each_broker
async def test_an_order_of_another_hand_is_listed_as_such(fixture: BrokerFixture) -> None:
    """Under the id it is known by there, and never under one of ours."""
    ours = await fixture.rest(fixture.entry(at=49_500))
    theirs = await fixture.by_hand(fixture.entry(at=49_000))
    await fixture.restart()
    if not fixture.can.says_ids:
        fixture.broker.watch(ours.request)
    listed = await fixture.listed()
    assert set(listed) == {ours.client_order_id, theirs}
    assert listed[theirs].status is OrderStatus.OPEN


@on_each_broker
async def test_what_another_hand_has_traded_is_told_as_such(fixture: BrokerFixture) -> None:
    """The holding is the account's, the fill is nobody's of ours."""
    ours = await fixture.enter()
    await fixture.by_hand(fixture.entry(side=OrderSide.SELL, size=SIZE / 2))
    (holding,) = await fixture.broker.holdings({})
    assert (holding.side, holding.quantity) == (Side.LONG, SIZE / 2)
    fills = await fixture.broker.fills(fixture.symbol, since_ms=_yesterday(fixture))
    (foreign,) = (each for each in fills if each.client_order_id != ours.client_order_id)
    assert (foreign.side, foreign.quantity) == (OrderSide.SELL, SIZE / 2)


@on_each_broker
async def test_accounts_see_only_their_own(fixture: BrokerFixture) -> None:
    """One exchange, one process, two people."""
    await fixture.enter()
    await fixture.rest(fixture.stop(49_000))
    bob = fixture.of(BOB)
    assert list(await bob.holdings({})) == []
    assert await fixture.listed(BOB) == {}
    assert list(await bob.fills(fixture.symbol, since_ms=_yesterday(fixture))) == []
    request = fixture.entry(user_id=BOB, at=49_500)
    await bob.submit(request)
    assert request.client_order_id not in await fixture.listed()


@on_each_broker
async def test_a_restart_loses_nothing(fixture: BrokerFixture) -> None:
    """Everything is found again by what the ledger knows: the request, and nothing else."""
    order = await fixture.enter()
    stop = await fixture.rest(fixture.stop(49_000))
    entry = await fixture.rest(fixture.entry(at=48_000))
    await fixture.restart()
    for request in (stop.request, entry.request):
        fixture.broker.watch(request)
    assert set(await fixture.listed()) == {stop.client_order_id, entry.client_order_id}
    assert (await fixture.found(order.request)).filled == SIZE
    assert [each.quantity for each in await fixture.broker.holdings({})] == [SIZE]
    assert len(await fixture.broker.order_fills(order)) == 1


def _yesterday(fixture: BrokerFixture) -> Ms:
    return Ms(fixture.clock.now_ms() - 86_400_000)


@on_each_broker
async def test_a_balance_is_kept_fresh_without_being_asked_for(fixture: BrokerFixture) -> None:
    """Entries are refused on an old one: it is read again every minute, as limits allow."""
    before = fixture.broker.balance().as_of_ms
    fixture.clock.ahead_ms += 120_000
    async with asyncio.timeout(20):
        while fixture.broker.balance().as_of_ms < before + 100_000:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
