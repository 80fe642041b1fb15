"""What is no answer is not believed: no read of an account concludes anything from it."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from signalbot.domain.errors import OrderOutcomeUnknown, Unavailable
from signalbot.domain.orders import Order
from tests.contract.brokers import SIZE
from tests.contract.each_broker import EXCHANGES, fixture_at
from tests.contract.live import LiveBrokerFixture
from tests.venue.faults import Cut, Reply, Rule

NO_ANSWERS: dict[str, Reply | Cut] = {
    "status 524": Reply(status=524, body="error code: 524"),
    "status 499": Reply(status=499, body="[]"),
    "status 523 with the right shape": Reply(status=523, body='{"retCode":0,"result":{"list":[]}}'),
    "empty": Reply(),
    "HTML": Reply(body="<html><body>maintenance</body></html>", content_type="text/html"),
    "cut JSON": Cut(keep=1, honest=True),
    "an empty object": Reply(body="{}"),
    "null": Reply(body="null"),
    "a text": Reply(body='"ok"'),
    "rows without content": Reply(body='[{}, {"code": "0"}]'),
    "success and nothing": Reply(body='{"code":"0","retCode":0,"msg":"","result":{}}'),
}
READS: dict[str, Callable[[LiveBrokerFixture], Awaitable[object]]] = {
    "open orders": lambda fixture: fixture.broker.open_orders(),
    "holdings": lambda fixture: fixture.broker.holdings({}),
    "look-up": lambda fixture: fixture.broker.lookup(Order(request=fixture.entry())),
    "look-up of a stop": lambda fixture: fixture.broker.lookup(Order(request=fixture.stop(49_000))),
    "fills": lambda fixture: fixture.broker.fills(
        fixture.instrument.symbol, since_ms=fixture.clock.now_ms()
    ),
}


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("read", READS)
async def test_nothing_is_read_from_what_is_no_answer(
    exchange: str, read: str, tmp_path: Path
) -> None:
    """Neither "no orders" nor "no positions", however long it lasts: the exchange is away."""
    async with fixture_at(exchange, tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        await fixture.enter()
        fixture.wait_long()
        for name, action in NO_ANSWERS.items():
            rule = fixture.venue.faults.add(Rule(key=_alice(fixture), does=(action,), times=-1))
            with pytest.raises((Unavailable, OrderOutcomeUnknown)):
                pytest.fail(f"{name} was read as {await READS[read](fixture)}")
            assert rule.hits, name
            fixture.venue.faults.clear()


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_an_entry_whose_answer_is_none_is_not_known_to_have_failed(
    exchange: str, tmp_path: Path
) -> None:
    """Whatever came back, the exchange has the order, and a look-up finds it there."""
    async with fixture_at(exchange, tmp_path) as fixture:
        assert isinstance(fixture, LiveBrokerFixture)
        for name, action in NO_ANSWERS.items():
            request = fixture.entry()
            answer = action if isinstance(action, Cut) else _after(action)
            fixture.venue.faults.add(Rule(key=_alice(fixture), leg="entry", does=(answer,)))
            with pytest.raises(OrderOutcomeUnknown):
                pytest.fail(f"{name} was read as {await fixture.broker.submit(request)}")
            found = await fixture.found(request)
            assert found.filled == SIZE, name


def _after(reply: Reply) -> Reply:
    return Reply(
        status=reply.status, body=reply.body, content_type=reply.content_type, after=True
    )  # fmt: skip


def _alice(fixture: LiveBrokerFixture) -> str:
    return fixture.account.key
