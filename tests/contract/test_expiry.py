"""What exchanges forget or end by themselves: ids, stops, pages; and flags that they refuse."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.errors import AccessDenied, OrderRejected
from signalbot.domain.orders import OrderStatus
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from tests.contract.brokers import SIZE
from tests.contract.each_broker import EXCHANGES, fixture_at
from tests.contract.live import LiveBrokerFixture

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_a_stop_is_found_and_cancelled_after_days(exchange: str, tmp_path: Path) -> None:
    """Client ids live eight hours at HTX: by the exchange's id it is known for as long as it rests.

    https://www.htx.com/en-us/opend (USDT-M v5, Place Order, ``client_order_id``)
    """
    async with fixture_at(exchange, tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        await fixture.enter()
        stop = await fixture.rest(fixture.stop(49_000))
        fixture.venue.engine.age(2 * DAY_MS)
        await fixture.restart()
        fixture.broker.watch(stop.request, exchange_order_id=stop.exchange_order_id)
        assert (await fixture.broker.lookup(stop)) is not None
        assert set(await fixture.listed()) == {stop.client_order_id}
        report = await fixture.broker.cancel(stop)
        assert report.status is OrderStatus.CANCELLED
        await fixture.price(48_900)
        assert fixture.held == SIZE


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_a_stop_whose_ids_say_nothing_is_looked_for_among_those_that_rest(
    exchange: str, tmp_path: Path
) -> None:
    """The ledger may not know the exchange's id, and the client's may have expired."""
    async with fixture_at(exchange, tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        await fixture.enter()
        request = fixture.stop(49_000)
        await fixture.rest(request)
        fixture.venue.engine.age(9 * HOUR_MS)
        await fixture.restart()
        aged = replace(request, intended_at_ms=Ms(request.intended_at_ms - 9 * HOUR_MS))
        fixture.broker.watch(aged)
        assert (await fixture.found(aged)).status is OrderStatus.OPEN


async def test_a_filled_entry_at_htx_is_found_although_its_client_id_ended_with_it(
    tmp_path: Path,
) -> None:
    """Its row in the history has both ids."""
    async with fixture_at("htx", tmp_path) as fixture:
        request = fixture.entry()
        await fixture.broker.submit(request)
        await fixture.restart()
        fixture.broker.watch(request)
        assert (await fixture.found(request)).filled == SIZE


async def test_many_open_orders_at_htx_are_listed_whole(tmp_path: Path) -> None:
    """Ten a page unless asked for more, a hundred at most.

    https://www.htx.com/en-us/opend (USDT-M v5, Get Current Orders)
    """
    async with fixture_at("htx", tmp_path) as fixture:
        for number in range(120):
            await fixture.rest(fixture.entry(at=40_000 + number, size=fixture.can.least))
        assert len(await fixture.listed()) == 120


async def test_positions_at_htx_can_be_isolated(tmp_path: Path) -> None:
    """``margin_mode`` isolated, in every order and in its stop."""
    async with fixture_at("htx", tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        await fixture.enter()
        assert fixture.account.margin_mode[fixture.market_id].value == MarginMode.ISOLATED.value
        await fixture.rest(fixture.stop(49_000))
        await fixture.price(48_900)
        assert fixture.held == 0


@pytest.mark.parametrize("exchange", ["htx", "mexc"])
async def test_a_flag_that_is_refused_is_left_out_and_not_asked_for_again(
    exchange: str, tmp_path: Path
) -> None:
    """Clients disagree on whether stops take it; a stop without it is better than none."""
    async with fixture_at(exchange, tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        fixture.venue.dialect.swap.refuses_reduce_only = True  # type: ignore[attr-defined]
        await fixture.enter()
        path = "/algo/order" if exchange == "htx" else "/planorder/place"
        for number, requests in ((49_000, 2), (48_000, 3)):
            order = await fixture.rest(fixture.stop(number))
            assert order.status is OrderStatus.OPEN
            assert fixture.venue.counts.of("POST", path) == requests
        await fixture.price(48_900)
        assert fixture.held == 0


async def test_a_refusal_for_another_reason_says_nothing_of_the_flag(tmp_path: Path) -> None:
    """It is refused as well without it, and the next stop carries it again."""
    async with fixture_at("mexc", tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        await fixture.enter()
        with pytest.raises(OrderRejected):
            await fixture.broker.submit(fixture.stop(49_000, size=Decimal("0.00005")))
        await fixture.rest(fixture.stop(49_000))
        (stop,) = (each for each in fixture.account.open.values() if each.is_conditional)
        assert stop.ask.reduce_only


async def test_the_end_of_a_stop_at_mexc_is_told(tmp_path: Path) -> None:
    """``executeCycle`` 2: seven days, then its state is 4; found although that is long ago.

    https://mexcdevelop.github.io/apidocs/contract_v1_en/#trigger-order
    """
    async with fixture_at("mexc", tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        await fixture.enter()
        stop = await fixture.rest(fixture.stop(49_000))
        assert fixture.broker.stop_lifetime_ms(fixture.symbol) == 7 * DAY_MS
        fixture.venue.engine.age(8 * DAY_MS)
        await fixture.restart()
        old = replace(
            stop,
            request=replace(
                stop.request, intended_at_ms=Ms(stop.request.intended_at_ms - 8 * DAY_MS)
            ),
        )
        fixture.broker.watch(old.request, exchange_order_id=stop.exchange_order_id)
        report = await fixture.broker.lookup(old)
        assert report is not None
        assert report.status is OrderStatus.CANCELLED


async def test_a_unified_account_at_bitget_is_recognized(tmp_path: Path) -> None:
    """40085: the classic API is not for it; nothing is concluded of the account.

    https://www.bitget.com/api-doc/common/error-code/restapi
    """
    async with fixture_at("bitget", tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        fixture.venue.dialect.unified.add(fixture.account.key)  # type: ignore[attr-defined]
        with pytest.raises(AccessDenied, match="Unified Account"):
            await fixture.broker.holdings({})


REFUSALS = (
    "40722", "40804", "40826", "40867", "43132", "45002", "45004", "45116", "45123", "50048",
)  # fmt: skip


@pytest.mark.parametrize("code", REFUSALS)
async def test_documented_refusals_of_bitget_are_refusals(code: str, tmp_path: Path) -> None:
    """Nothing is live, and nothing is looked for."""
    async with fixture_at("bitget", tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        fixture.venue.dialect.mix.refuse_next(int(code))  # type: ignore[attr-defined]
        with pytest.raises(OrderRejected):
            await fixture.broker.submit(fixture.entry())
        assert fixture.held == 0
