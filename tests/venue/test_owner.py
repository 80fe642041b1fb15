"""What the owner does in the app and a second bot on the same account: nobody tells the program."""

from decimal import Decimal

import pytest

from tests.venue.exchange_clients import BTC, PERP, control, trading
from tests.venue.model import Kind, Side, Ticket


@pytest.mark.parametrize(
    ("quantity", "left"),
    [("0.004", "0.006"), (None, "0"), ("0.01", "0"), ("0.025", "-0.015")],
)
async def test_the_owner_closes_a_part_all_or_more_than_there_is(
    quantity: str | None, left: str
) -> None:
    """Beyond the position it turns round: the stop of the program is on the wrong side then."""
    async with trading("binance") as (it, client):
        await client.create_order(PERP, "market", "buy", "0.01")
        body = {} if quantity is None else {"quantity": quantity}
        order = await control(it, "close_by_hand", key="anna", symbol=BTC, **body)
        assert order["client_id"].startswith("web_")
        assert it.engine.accounts["anna"].held(BTC) == Decimal(left)
        assert it.engine.journal.entries_accepted("anna").keys() == {
            line.client_id for line in it.engine.journal.lines
            if line.origin == "api" and line.deed == "accepted"
        }  # fmt: skip


async def test_orders_of_the_owner_and_of_a_second_bot_rest_beside_the_programs() -> None:
    """They are in every list, and in the journal under their origin."""
    async with trading("binance") as (it, client):
        mine = await client.create_order(PERP, "limit", "buy", "0.01", "40000")
        common = {"key": "anna", "symbol": BTC, "side": "sell", "kind": "limit"}
        await control(it, "place_foreign", **common, quantity="0.02", price="60000")
        await control(it, "place_other", **common, quantity="0.03", price="61000")
        listed = {each["clientOrderId"]: each for each in await client.fetch_open_orders(PERP)}
        assert len(listed) == 3
        origins = [line.origin.value for line in it.engine.journal.of("anna")]
        assert origins == ["api", "hand", "bot"]
        assert it.engine.journal.entries_accepted("anna") == {mine["clientOrderId"]: 1}
        stop = await control(
            it, "place_other", key="anna", symbol=BTC, side="sell", kind="stop", trigger="45000",
            quantity="0.01", reduce_only=True,
        )  # fmt: skip
        assert stop["trigger"] == "45000"
        it.engine.set_price(BTC, Decimal(60_500))
        assert it.engine.accounts["anna"].held(BTC) == Decimal("-0.02")


async def test_the_owner_cancels_and_moves_the_programs_orders() -> None:
    """A stop can be gone, or somewhere else, without a word."""
    async with trading("binance") as (it, client):
        await client.create_order(PERP, "market", "buy", "0.02")
        for price in ("49000", "48000"):
            stop = {"stopLossPrice": price, "reduceOnly": True}
            await client.create_order(PERP, "market", "sell", "0.01", None, stop)
        first, second = it.engine.accounts["anna"].open.values()
        await control(it, "cancel_by_hand", key="anna", order_id=first.id)
        await control(it, "amend_by_hand", key="anna", order_id=second.id, trigger="40000")
        [left] = await client.fetch_open_orders(PERP, None, None, {"trigger": True})
        assert left["triggerPrice"] == "40000"


async def test_the_owner_moves_money() -> None:
    """Out of the account, in whatever coin; the ledger tells."""
    async with trading("binance") as (it, client):
        await control(it, "transfer", key="anna", amount="-9000")
        await control(it, "transfer", key="anna", amount="2", coin="BNB")
        assert (await client.fetch_balance())["USDT"]["total"] == "1000.00000000"
        rows = await client.fapiPrivateGetIncome({"incomeType": "TRANSFER"})
        assert [(row["asset"], row["income"]) for row in rows] == [
            ("USDT", "-9000.00000000"), ("BNB", "2.00000000"),
        ]  # fmt: skip


async def test_a_second_bot_uses_an_id_that_the_program_may_want() -> None:
    """Ids are the account's: whoever comes second is refused."""
    async with trading("bybit") as (it, client):
        ask = Ticket(client_id="e1", symbol=BTC, side=Side.BUY, kind=Kind.MARKET,
                     quantity=Decimal("0.01"))  # fmt: skip
        it.engine.place_other("anna", ask)
        with pytest.raises(Exception, match="110072"):
            await client.create_order(PERP, "market", "buy", "0.01", None, {"clientOrderId": "e1"})


async def test_okx_may_take_an_id_again_once_its_order_has_ended() -> None:
    """Unique "among the clOrdIds of all pending orders", when a test reads it so.

    The dialect takes an id once for good otherwise; a repeat makes a second position here.
    """
    async with trading("okx") as (it, client):
        await control(it, "switch", reuses_client_ids=True)
        for _ in range(2):
            await client.create_order(PERP, "market", "buy", "1", None, {"clientOrderId": "e1"})
        assert it.engine.journal.entries_accepted("anna") == {"e1": 2}
