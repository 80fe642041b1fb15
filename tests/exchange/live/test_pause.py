"""An account that asks too much waits alone: its neighbours, and what protects it, go on."""

import asyncio

import pytest

from signalbot.exchange.live.adapters.bybit_swap import BybitSwap
from signalbot.exchange.live.transport.account_backoff import AccountBackoff
from signalbot.exchange.live.transport.error_codes import AccountRateLimited, AddressRateLimited
from signalbot.exchange.live.transport.exchange_api import RequestPriority
from signalbot.replay import virtual_time
from signalbot.tasks import LoopClock
from tests.exchange.live.loopback_exchange import LoopbackConnection, entry, loopback_to, swap
from tests.exchange.live.wire_fixtures import NOW, SWAP, stop

REALTIME, CREATE = "/v5/order/realtime", "/v5/order/create"
TOO_MANY = {"retCode": 10006, "retMsg": "Too many visits. Exceeded the API Rate Limit."}
NOTHING = {"retCode": 0, "retMsg": "OK", "result": {"list": [], "category": "linear"}}
PLACED = {"retCode": 0, "retMsg": "OK", "result": {"orderId": "1", "orderLinkId": "5" * 32}}


async def _ask(line: LoopbackConnection) -> None:
    await line.api.read("fetch_open_orders", SWAP, priority=RequestPriority.POLL)


async def test_a_limited_account_is_not_asked_but_its_neighbour_is() -> None:
    """Both share the address and its budget; only one of them has asked too much."""
    async with loopback_to(BybitSwap(), swap("BTCUSDT", lot="0.001")) as line:
        other = line.neighbour()
        line.answer(REALTIME, TOO_MANY, NOTHING)
        with pytest.raises(AccountRateLimited):
            await _ask(line)
        for _ in range(3):
            with pytest.raises(AccountRateLimited, match="no requests"):
                await _ask(line)
        assert line.paths == [REALTIME]
        await _ask(other)
        assert line.paths == [REALTIME] * 2


async def test_a_stop_goes_out_while_polls_wait() -> None:
    """Endpoints have limits of their own: a list that is refused must not hold up protection."""
    async with loopback_to(BybitSwap(), swap("BTCUSDT", lot="0.001")) as line:
        line.answer(REALTIME, TOO_MANY)
        line.answer(CREATE, PLACED)
        with pytest.raises(AccountRateLimited):
            await _ask(line)
        with pytest.raises(AccountRateLimited, match="no requests"):
            await line.send(entry(SWAP))
        create = line.dialect.order_args(stop(SWAP), line.instrument(SWAP), stop=None)
        await line.dialect.send(line.api, create, RequestPriority.PROTECT)
        assert line.paths == [REALTIME, CREATE]


async def test_a_gateway_that_bans_the_address_stops_everybody() -> None:
    """Status 403 with these words is for the address, whoever's request it was."""
    async with loopback_to(BybitSwap(), swap("BTCUSDT", lot="0.001")) as line:
        other = line.neighbour()
        line.answer(REALTIME, {"error": "403, access too frequent"}, status=403)
        with pytest.raises(AddressRateLimited):
            await _ask(line)
        with pytest.raises(AddressRateLimited, match="no requests"):
            await _ask(other)
        assert line.paths == [REALTIME]


def test_pauses_grow_while_refusals_follow_each_other_and_start_anew_afterwards() -> None:
    """From a second to a minute; the exchange's own term counts where it names one."""

    async def story() -> None:
        clock = LoopClock(NOW)
        pause = AccountBackoff(clock)

        async def refused(retry_after_s: float | None = None) -> int:
            for_ms = pause.begin(
                RequestPriority.POLL, retry_after_s=retry_after_s, reason="too many"
            )
            await clock.sleep_until(pause.until_ms)
            return for_ms

        assert [await refused() for _ in range(8)] == [
            1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000
        ]  # fmt: skip
        await clock.sleep(11)
        assert await refused() == 1_000
        assert await refused(retry_after_s=7) == 7_000

    virtual_time.run_virtual(story())


def test_a_refused_stop_waits_a_moment_and_no_longer() -> None:
    """However long the exchange wants the account to stay away."""

    async def story() -> None:
        clock = LoopClock(NOW)
        pause = AccountBackoff(clock)
        pause.begin(RequestPriority.PROTECT, retry_after_s=50, reason="too many")
        async with asyncio.TaskGroup() as group:
            group.create_task(pause.wait(RequestPriority.PROTECT))
        assert clock.now_ms() == NOW + 2_000
        with pytest.raises(AccountRateLimited, match=r"48\.0 s"):
            await pause.wait(RequestPriority.ENTRY)

    virtual_time.run_virtual(story())
