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
async def test_an_account_that_has_done_nothing_is_empty(desk: BrokerFixture) -> None:
    """All of its money is free."""
    balance = desk.broker.balance()
    assert (balance.equity, balance.free) == (DEPOSIT, DEPOSIT)
    assert desk.clock.now_ms() - 60_000 < balance.as_of_ms <= desk.clock.now_ms()
    assert list(await desk.broker.holdings({})) == []
    assert await desk.listed() == {}
    assert list(await desk.broker.fills(desk.symbol, since_ms=_yesterday(desk))) == []


@on_each_broker
async def test_a_holding_binds_margin_and_has_cost_its_fee(desk: BrokerFixture) -> None:
    """A fifth of a thousand at five times; the fills say what was paid."""
    order = await desk.enter()
    fees = sum((each.fee for each in await desk.broker.order_fills(order)), Decimal(0))
    await desk.restart()
    balance = desk.broker.balance()
    assert balance.equity == DEPOSIT - fees
    assert abs(balance.equity - balance.free - SIZE * START / 5) < 1
    assert list(await desk.broker.holdings({})) == [
        Holding(symbol=desk.symbol, side=Side.LONG, quantity=SIZE, entry_price=START)
    ]


@on_each_broker
async def test_profit_is_equity(desk: BrokerFixture) -> None:
    """Before it is taken, and after."""
    await desk.enter()
    await desk.price(51_000)
    await desk.restart()
    held = desk.broker.balance().equity
    assert abs(held - DEPOSIT - SIZE * 1_000) < 1
    await desk.broker.submit(desk.exit())
    await desk.restart()
    assert abs(desk.broker.balance().equity - held) < 1
    assert desk.broker.balance().free == desk.broker.balance().equity


@on_each_broker
async def test_the_fills_of_an_order_add_up_to_it(desk: BrokerFixture) -> None:
    """Quantity, mean price, side; each with an id of its own, a fee, and its currency."""
    order = await desk.enter()
    fills = await desk.broker.order_fills(order)
    quantity = sum((each.quantity for each in fills), Decimal(0))
    paid = sum((each.quantity * each.price for each in fills), Decimal(0))
    assert quantity == order.filled
    assert paid / quantity == order.average_price
    assert len({each.trade_id for each in fills}) == len(fills) > 0
    for each in fills:
        assert each.fee / (each.quantity * each.price) > Decimal("0.0001")
        assert (each.fee_currency, each.side) == (desk.instrument.quote, OrderSide.BUY)
        assert each.client_order_id == order.client_order_id
        assert not each.is_liquidation


@on_each_broker
async def test_the_account_s_fills_are_those_of_its_orders(desk: BrokerFixture) -> None:
    """Entry and stop, once each, oldest or newest first, by the same trade ids."""
    order = await desk.enter()
    stop = await desk.rest(desk.stop(49_000))
    await desk.price(48_900)
    stop = stop.apply(await desk.found(stop.request))
    alone = [*await desk.broker.order_fills(order), *await desk.broker.order_fills(stop)]
    told = await desk.broker.fills(desk.symbol, since_ms=_yesterday(desk))
    assert {each.trade_id for each in told} == {each.trade_id for each in alone}
    assert len(told) == len(alone) == 2
    by_order = {each.client_order_id: each.quantity for each in told}
    assert by_order == {order.client_order_id: SIZE, stop.client_order_id: SIZE}


@on_each_broker
async def test_fills_of_before_are_not_told(desk: BrokerFixture) -> None:
    """Since an instant means since that instant."""
    await desk.enter()
    later = Ms(desk.clock.now_ms() + 3_600_000)
    assert list(await desk.broker.fills(desk.symbol, since_ms=later)) == []


@on_each_broker
async def test_an_order_of_another_hand_is_listed_as_such(desk: BrokerFixture) -> None:
    """Under the id it is known by there, and never under one of ours."""
    ours = await desk.rest(desk.entry(at=49_500))
    theirs = await desk.by_hand(desk.entry(at=49_000))
    await desk.restart()
    if not desk.can.says_ids:
        desk.broker.watch(ours.request)
    listed = await desk.listed()
    assert set(listed) == {ours.client_order_id, theirs}
    assert listed[theirs].status is OrderStatus.OPEN


@on_each_broker
async def test_what_another_hand_has_traded_is_told_as_such(desk: BrokerFixture) -> None:
    """The holding is the account's, the fill is nobody's of ours."""
    ours = await desk.enter()
    await desk.by_hand(desk.entry(side=OrderSide.SELL, size=SIZE / 2))
    (holding,) = await desk.broker.holdings({})
    assert (holding.side, holding.quantity) == (Side.LONG, SIZE / 2)
    fills = await desk.broker.fills(desk.symbol, since_ms=_yesterday(desk))
    (foreign,) = (each for each in fills if each.client_order_id != ours.client_order_id)
    assert (foreign.side, foreign.quantity) == (OrderSide.SELL, SIZE / 2)


@on_each_broker
async def test_accounts_see_only_their_own(desk: BrokerFixture) -> None:
    """One exchange, one process, two people."""
    await desk.enter()
    await desk.rest(desk.stop(49_000))
    bob = desk.of(BOB)
    assert list(await bob.holdings({})) == []
    assert await desk.listed(BOB) == {}
    assert list(await bob.fills(desk.symbol, since_ms=_yesterday(desk))) == []
    request = desk.entry(user_id=BOB, at=49_500)
    await bob.submit(request)
    assert request.client_order_id not in await desk.listed()


@on_each_broker
async def test_a_restart_loses_nothing(desk: BrokerFixture) -> None:
    """Everything is found again by what the ledger knows: the request, and nothing else."""
    order = await desk.enter()
    stop = await desk.rest(desk.stop(49_000))
    entry = await desk.rest(desk.entry(at=48_000))
    await desk.restart()
    for request in (stop.request, entry.request):
        desk.broker.watch(request)
    assert set(await desk.listed()) == {stop.client_order_id, entry.client_order_id}
    assert (await desk.found(order.request)).filled == SIZE
    assert [each.quantity for each in await desk.broker.holdings({})] == [SIZE]
    assert len(await desk.broker.order_fills(order)) == 1


def _yesterday(desk: BrokerFixture) -> Ms:
    return Ms(desk.clock.now_ms() - 86_400_000)


@on_each_broker
async def test_a_balance_is_kept_fresh_without_being_asked_for(desk: BrokerFixture) -> None:
    """Entries are refused on an old one: it is read again every minute, as limits allow."""
    before = desk.broker.balance().as_of_ms
    desk.clock.ahead_ms += 120_000
    async with asyncio.timeout(20):
        while desk.broker.balance().as_of_ms < before + 100_000:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
