"""Funding is paid by the exchange's clock, and every ledger of the exchanges tells the same."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venue.engine import Engine
from tests.venue.exchange_clients import BTC, PERP, refused, trading, wait
from tests.venue.model import Kind, Market, PositionSide, Refused, Side, Ticket

EIGHT_HOURS_MS, DAY_MS = 28_800_000, 86_400_000


async def test_funding_is_paid_at_every_eight_hours_of_the_clock() -> None:
    """For what is held then, at its own time, by longs to shorts."""
    async with trading("binance") as (it, client):
        it.engine.plan_funding({BTC: Decimal("0.0001")})
        await client.create_order(PERP, "market", "buy", "0.1")
        due = it.engine.next_funding_ms()
        await wait(it, client, 3 * EIGHT_HOURS_MS)
        rows = await client.fapiPrivateGetIncome({"incomeType": "FUNDING_FEE"})
        assert [row["income"] for row in rows] == ["-0.50000000"] * 3
        assert [int(row["time"]) - due for row in rows] == [0, EIGHT_HOURS_MS, 2 * EIGHT_HOURS_MS]
        premium = await client.fapiPublicGetPremiumIndex({"symbol": BTC})
        assert int(premium["nextFundingTime"]) == it.engine.next_funding_ms()


async def test_binance_income_has_windows_and_pages() -> None:
    """Seven days without a start, three months at most, 100 rows a page; ids are told."""
    async with trading("binance") as (it, client):
        it.engine.switches.windows = True
        await client.create_order(PERP, "market", "buy", "0.1")
        it.engine.plan_funding({BTC: Decimal("0.0001")})
        await wait(it, client, 40 * DAY_MS)
        kind = {"incomeType": "FUNDING_FEE"}
        assert len(await client.fapiPrivateGetIncome(kind)) == 21
        start = it.engine.now_ms() - 40 * DAY_MS
        week = await client.fapiPrivateGetIncome({**kind, "startTime": start})
        assert len(week) == 21
        wide = client.fapiPrivateGetIncome(
            {**kind, "startTime": start, "endTime": start + 8 * DAY_MS}
        )
        assert "-4166" in await refused(wide)
        pages = [
            await client.fapiPrivateGetIncome({**kind, "startTime": start, "limit": 10, "page": n})
            for n in (1, 2, 3)
        ]
        assert [len(page) for page in pages] == [10, 10, 1]
        assert len({row["tranId"] for page in pages for row in page}) == 21
        it.engine.age(100 * DAY_MS)
        old = it.engine.now_ms() - 120 * DAY_MS
        assert await client.fapiPrivateGetIncome({**kind, "startTime": old}) == []


async def test_bybits_log_is_of_a_day_and_goes_by_pages() -> None:
    """SETTLEMENT rows: the funding's sign is the account's, the execution's is turned round."""
    async with trading("bybit") as (it, client):
        await client.create_order(PERP, "market", "buy", "0.1")
        it.engine.plan_funding({BTC: Decimal("0.0001")}, every_ms=3_600_000)
        await wait(it, client, 30 * 3_600_000)
        asked = {"accountType": "UNIFIED", "type": "SETTLEMENT", "limit": "20"}
        first = (await client.private_get_v5_account_transaction_log(asked))["result"]
        again = {**asked, "cursor": first["nextPageCursor"]}
        second = (await client.private_get_v5_account_transaction_log(again))["result"]
        assert [len(first["list"]), len(second["list"])] == [20, 4]
        row = first["list"][0]
        assert (row["funding"], row["change"], row["fee"]) == ("-0.50000", "-0.50000", "0")
        asked = {"category": "linear", "execType": "Funding"}
        paid = (await client.private_get_v5_execution_list(asked))["result"]["list"]
        assert {each["execFee"] for each in paid} == {"0.50000"}
        wide = {"startTime": it.engine.now_ms() - 8 * DAY_MS, "endTime": it.engine.now_ms()}
        text = await refused(client.private_get_v5_account_transaction_log(wide))
        assert "10001" in text


async def test_okxs_bills_are_of_a_week_and_its_archive_of_three_months() -> None:
    """Type 8, newest first, a hundred at once, and the next page by bill id."""
    async with trading("okx") as (it, client):
        await client.create_order(PERP, "market", "sell", "10")
        it.engine.plan_funding({"BTC-USDT-SWAP": Decimal("0.0001")})
        await wait(it, client, 50 * DAY_MS)
        week = (await client.private_get_account_bills({"type": "8"}))["data"]
        assert len(week) == 21
        assert {(row["balChg"], row["subType"]) for row in week} == {("0.500000", "174")}
        first = (await client.private_get_account_bills_archive({"type": "8"}))["data"]
        more = {"type": "8", "after": first[-1]["billId"]}
        second = (await client.private_get_account_bills_archive(more))["data"]
        assert [len(first), len(second)] == [100, 50]
        assert first[-1]["ts"] > second[0]["ts"]


MOVES = st.lists(
    st.tuples(
        st.sampled_from(Side), st.integers(1, 30), st.booleans(), st.integers(48_000, 52_000)
    ),
    max_size=20,
)  # fmt: skip


@given(moves=MOVES)
@pytest.mark.parametrize("spot", [False, True])
def test_bookings_add_up_to_every_balance(
    moves: list[tuple[Side, int, bool, int]], spot: bool
) -> None:
    """Whatever is traded and paid, in whatever coin: start + bookings = balance, per coin."""
    lot = Decimal("0.001")
    engine = Engine([Market(id=BTC, base="BTC", is_spot=spot)], later=lambda *_: None)
    engine.set_price(BTC, Decimal(50_000))
    anna = engine.add("anna", coins={"BNB": Decimal(1), "BTC": Decimal(0)})
    for number, (side, lots, in_bnb, price) in enumerate(moves):
        anna.pays_fees_in = "BNB" if in_bnb else ""
        engine.set_price(BTC, Decimal(price))
        try:
            engine.place(anna, Ticket(client_id=str(number), symbol=BTC, side=side, is_spot=spot,
                                      kind=Kind.MARKET, quantity=lots * lot))  # fmt: skip
        except Refused:
            continue
        if not spot:
            engine.pay_funding(BTC, Decimal("0.0001"))
    started = {"USDT": Decimal(10_000), "BNB": Decimal(1), "BTC": Decimal(0)}
    for coin, before in started.items():
        booked = sum((each.change for each in anna.bookings if each.coin == coin), Decimal(0))
        assert abs(before + booked - anna.balance(coin)) < Decimal("1e-18")
        assert anna.balance(coin) >= 0 or not spot
    assert anna.held(BTC, PositionSide.BOTH) == 0 or not spot
