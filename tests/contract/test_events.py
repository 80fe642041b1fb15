"""What happens to orders later is told, without anybody asking."""

import asyncio

from signalbot.domain.orders import OrderReport, OrderRequest, OrderStatus
from tests.contract.brokers import SIZE, BrokerFixture
from tests.contract.each_broker import on_each_broker


async def _told(fixture: BrokerFixture, request: OrderRequest) -> OrderReport:
    """The first final report of an order among all that is told."""
    async with asyncio.timeout(20):
        async for report in fixture.broker.events():
            if report.client_order_id == request.client_order_id and report.status.is_final:
                return report
    raise AssertionError("the events have ended")


@on_each_broker
async def test_a_stop_that_fires_is_told(fixture: BrokerFixture) -> None:
    """With all that it closed."""
    await fixture.enter()
    stop = await fixture.rest(fixture.stop(49_000))
    await fixture.price(48_900)
    report = await _told(fixture, stop.request)
    assert (report.status, report.filled) == (OrderStatus.FILLED, SIZE)


@on_each_broker
async def test_a_limit_that_fills_is_told(fixture: BrokerFixture) -> None:
    """So its position can be protected."""
    entry = await fixture.rest(fixture.entry(at=49_500))
    await fixture.price(49_500)
    report = await _told(fixture, entry.request)
    assert (report.status, report.filled) == (OrderStatus.FILLED, SIZE)


@on_each_broker
async def test_an_order_from_before_a_restart_is_told_when_it_is_watched(
    fixture: BrokerFixture,
) -> None:
    """The ledger knows of it, the new process does not."""
    await fixture.enter()
    stop = await fixture.rest(fixture.stop(49_000))
    await fixture.restart()
    fixture.broker.watch(stop.request)
    await fixture.price(48_900)
    report = await _told(fixture, stop.request)
    assert (report.status, report.filled) == (OrderStatus.FILLED, SIZE)
