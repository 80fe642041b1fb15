"""A cancel without a clear answer: only what is shown afterwards says what became of the order."""

from pathlib import Path

import pytest

from signalbot.domain.errors import OrderOutcomeUnknown
from signalbot.domain.orders import OrderStatus
from tests.contract.brokers import SIZE
from tests.contract.each_broker import EXCHANGES, fixture_at
from tests.contract.live import LiveBrokerFixture
from tests.venue.faults import Drop, Hide, Reply, Rule

UNKNOWN_CODE = '{"code":"99999","retCode":99999,"msg":"told","success":false,"data":null}'


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_a_cancel_whose_answer_is_lost_is_seen_to_have_worked(
    exchange: str, tmp_path: Path
) -> None:
    """The exchange carried it out: the order is over, and nothing is left in doubt."""
    async with fixture_at(exchange, tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        await fixture.enter()
        stop = await fixture.rest(fixture.stop(49_000))
        rule = fixture.venue.faults.add(Rule(key=fixture.account.key, leg="cancel", does=(Drop(),)))
        report = await fixture.broker.cancel(stop)
        assert rule.hits
        assert report.status is OrderStatus.CANCELLED
        assert not await fixture.listed()


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("answer", [Drop(before=True), Reply(status=500, body=UNKNOWN_CODE)])
async def test_a_cancel_that_did_not_work_is_no_end(
    exchange: str, answer: Drop | Reply, tmp_path: Path
) -> None:
    """The stop rests and protects, whatever the answer was."""
    async with fixture_at(exchange, tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        await fixture.enter()
        stop = await fixture.rest(fixture.stop(49_000))
        fixture.venue.faults.add(
            Rule(key=fixture.account.key, leg="cancel", does=(answer,), times=-1)
        )
        with pytest.raises(OrderOutcomeUnknown):
            await fixture.broker.cancel(stop)
        fixture.venue.faults.clear()
        assert set(await fixture.listed()) == {stop.client_order_id}
        await fixture.price(48_900)
        assert fixture.held == 0


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_a_stop_that_is_shown_late_is_not_cancelled_by_a_cancel_that_did_not_arrive(
    exchange: str, tmp_path: Path
) -> None:
    """That it is not shown proves nothing then: it may rest, and fire later."""
    async with fixture_at(exchange, tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        await fixture.enter()
        fixture.venue.faults.add(
            Rule(key=fixture.account.key, leg="stop", does=(Hide(seconds=600),))
        )
        stop = await fixture.rest(fixture.stop(49_000))
        fixture.venue.faults.add(
            Rule(key=fixture.account.key, leg="cancel", does=(Drop(before=True),), times=-1)
        )
        with pytest.raises(OrderOutcomeUnknown):
            await fixture.broker.cancel(stop)


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_what_an_entry_filled_before_an_unanswered_cancel_is_told(
    exchange: str, tmp_path: Path
) -> None:
    """Filled in part, then cancelled, and the answer to the cancel is lost."""
    async with fixture_at(exchange, tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        await fixture.trade_in_parts()
        entry = await fixture.rest(fixture.entry(at=50_000))
        assert 0 < fixture.held < SIZE
        fixture.venue.faults.add(Rule(key=fixture.account.key, leg="cancel", does=(Drop(),)))
        report = await fixture.broker.cancel(entry)
        assert report.status is OrderStatus.CANCELLED
        assert report.filled == fixture.held
