"""The exchange has a clock of its own: ahead, behind, or days away; windows are judged by it."""

import pytest

from tests.venue.exchange_clients import PERP, control, refused, trading

DAY_MS = 86_400_000


@pytest.mark.parametrize("dialect", ["binance", "binance_spot", "bybit", "okx"])
@pytest.mark.parametrize("offset_ms", [-3 * DAY_MS, -60_000, 60_000, 3 * DAY_MS])
async def test_requests_are_timely_by_the_exchanges_clock(dialect: str, offset_ms: int) -> None:
    """The machine's time is refused; with the exchange's own all is well."""
    async with trading(dialect) as (it, client):
        it.engine.clock_offset_ms = offset_ms
        text = await refused(client.fetch_balance())
        assert any(code in text for code in ("-1021", "10002", "50102"))
        await client.load_time_difference()
        await client.fetch_balance()
        told = await client.fetch_time()
        assert abs(told - it.engine.now_ms()) < 2_000


@pytest.mark.parametrize("dialect", ["binance", "bybit", "okx"])
async def test_what_happens_is_written_at_the_exchanges_time(dialect: str) -> None:
    """Orders and trades of an exchange that is days ahead are of tomorrow."""
    async with trading(dialect) as (it, client):
        now_ms = await control(it, "pass_time", ms=2 * DAY_MS)
        await client.load_time_difference()
        await client.create_order(PERP, "market", "buy", "1")
        [trade] = await client.fetch_my_trades(PERP)
        assert abs(trade["timestamp"] - now_ms) < 5_000


async def test_time_can_jump_while_a_client_is_at_work() -> None:
    """As after a correction of the exchange's clock: the next request is refused."""
    async with trading("binance") as (it, client):
        await client.fetch_balance()
        await control(it, "set_clock", offset_ms=-12_000)
        assert "-1021" in await refused(client.fetch_balance())
        await control(it, "set_clock", offset_ms=12_000)
        assert "-1021" in await refused(client.fetch_balance())
        await control(it, "set_clock", offset_ms=0)
        await client.fetch_balance()


async def test_the_past_can_be_made_older() -> None:
    """Of one account or of all, by the control endpoint."""
    async with trading("binance") as (it, client):
        await client.create_order(PERP, "market", "buy", "0.01")
        before = it.engine.accounts["anna"].trades[0].at_ms
        await control(it, "age", ms=DAY_MS, key="bert")
        assert it.engine.accounts["anna"].trades[0].at_ms == before
        await control(it, "age", ms=DAY_MS)
        [order] = await client.fetch_orders(PERP)
        assert before - order["timestamp"] >= DAY_MS - 1_000
