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
    "open orders": lambda desk: desk.broker.open_orders(),
    "holdings": lambda desk: desk.broker.holdings({}),
    "look-up": lambda desk: desk.broker.lookup(Order(request=desk.entry())),
    "look-up of a stop": lambda desk: desk.broker.lookup(Order(request=desk.stop(49_000))),
    "fills": lambda desk: desk.broker.fills(desk.instrument.symbol, since_ms=desk.clock.now_ms()),
}


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("read", READS)
async def test_nothing_is_read_from_what_is_no_answer(
    exchange: str, read: str, tmp_path: Path
) -> None:
    """Neither "no orders" nor "no positions", however long it lasts: the exchange is away."""
    async with fixture_at(exchange, tmp_path) as desk:
        assert isinstance(desk, LiveBrokerFixture)
        await desk.enter()
        desk.wait_long()
        for name, action in NO_ANSWERS.items():
            rule = desk.venue.faults.add(Rule(key=_alice(desk), does=(action,), times=-1))
            with pytest.raises((Unavailable, OrderOutcomeUnknown)):
                pytest.fail(f"{name} was read as {await READS[read](desk)}")
            assert rule.hits, name
            desk.venue.faults.clear()


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_an_entry_whose_answer_is_none_is_not_known_to_have_failed(
    exchange: str, tmp_path: Path
) -> None:
    """Whatever came back, the exchange has the order, and a look-up finds it there."""
    async with fixture_at(exchange, tmp_path) as desk:
        assert isinstance(desk, LiveBrokerFixture)
        for name, action in NO_ANSWERS.items():
            request = desk.entry()
            answer = action if isinstance(action, Cut) else _after(action)
            desk.venue.faults.add(Rule(key=_alice(desk), leg="entry", does=(answer,)))
            with pytest.raises(OrderOutcomeUnknown):
                pytest.fail(f"{name} was read as {await desk.broker.submit(request)}")
            found = await desk.found(request)
            assert found.filled == SIZE, name


def _after(reply: Reply) -> Reply:
    return Reply(
        status=reply.status, body=reply.body, content_type=reply.content_type, after=True
    )  # fmt: skip


def _alice(desk: LiveBrokerFixture) -> str:
    return desk.account.key
