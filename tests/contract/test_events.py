"""What happens to orders later is told, without anybody asking."""

import asyncio

from signalbot.domain.orders import OrderReport, OrderRequest, OrderStatus
from tests.contract.brokers import SIZE, BrokerFixture
from tests.contract.each_broker import on_each_broker


async def _told(desk: BrokerFixture, request: OrderRequest) -> OrderReport:
    """The first final report of an order among all that is told."""
    async with asyncio.timeout(20):
        async for report in desk.broker.events():
            if report.client_order_id == request.client_order_id and report.status.is_final:
                return report
    raise AssertionError("the events have ended")


@on_each_broker
async def test_a_stop_that_fires_is_told(desk: BrokerFixture) -> None:
    """With all that it closed."""
    await desk.enter()
    stop = await desk.rest(desk.stop(49_000))
    await desk.price(48_900)
    report = await _told(desk, stop.request)
    assert (report.status, report.filled) == (OrderStatus.FILLED, SIZE)


@on_each_broker
async def test_a_limit_that_fills_is_told(desk: BrokerFixture) -> None:
    """So its position can be protected."""
    entry = await desk.rest(desk.entry(at=49_500))
    await desk.price(49_500)
    report = await _told(desk, entry.request)
    assert (report.status, report.filled) == (OrderStatus.FILLED, SIZE)


@on_each_broker
async def test_an_order_from_before_a_restart_is_told_when_it_is_watched(
    desk: BrokerFixture,
) -> None:
    """The ledger knows of it, the new process does not."""
    await desk.enter()
    stop = await desk.rest(desk.stop(49_000))
    await desk.restart()
    desk.broker.watch(stop.request)
    await desk.price(48_900)
    report = await _told(desk, stop.request)
    assert (report.status, report.filled) == (OrderStatus.FILLED, SIZE)
