"""In hedge mode long and short positions of a symbol stand side by side, under rules of its own."""

from decimal import Decimal
from typing import Any

import pytest

from tests.venue.exchange_clients import BTC, PERP, control, refused, trading
from tests.venue.model import Kind, PositionSide, Side, Ticket

DIALECTS = ("binance", "bybit", "okx")


async def hedged(dialect: str, client: Any) -> None:
    """Switch by the exchange's own endpoint."""
    match dialect:
        case "binance":
            await client.fapiPrivatePostPositionSideDual({"dualSidePosition": "true"})
        case "bybit":
            await client.private_post_v5_position_switch_mode(
                {"category": "linear", "symbol": BTC, "mode": 3}
            )
        case _:
            await client.private_post_account_set_position_mode({"posMode": "long_short_mode"})


def order(client: Any, dialect: str, side: str, amount: str, *, closes: bool = False) -> Any:
    """A market order of hedge mode."""
    size = amount if dialect != "okx" else str(Decimal(amount) * 100)
    params: dict[str, Any] = {"hedged": True, "reduceOnly": closes} if closes else {"hedged": True}
    return client.create_order(PERP, "market", side, size, None, params)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_both_sides_are_held_and_closed_for_themselves(dialect: str) -> None:
    """Bought twice, sold short once; each row says its side."""
    async with trading(dialect) as (it, client):
        await hedged(dialect, client)
        await order(client, dialect, "buy", "0.03")
        await order(client, dialect, "sell", "0.01")
        market = it.dialect.market_id("BTC")
        anna = it.engine.accounts["anna"]
        assert anna.held(market, PositionSide.LONG) == Decimal("0.03")
        assert anna.held(market, PositionSide.SHORT) == Decimal("-0.01")
        rows = {each["side"]: each["contracts"] for each in await client.fetch_positions([PERP])}
        scale = 100 if dialect == "okx" else 1
        assert {side: Decimal(str(size)) / scale for side, size in rows.items()} == {
            "long": Decimal("0.03"), "short": Decimal("0.01"),
        }  # fmt: skip
        await order(client, dialect, "sell", "0.03", closes=True)
        assert anna.held(market, PositionSide.LONG) == 0
        assert anna.held(market, PositionSide.SHORT) == Decimal("-0.01")


@pytest.mark.parametrize(
    ("dialect", "code"), [("binance", "-2022"), ("bybit", "110017"), ("okx", "51169")]
)
async def test_a_close_of_more_than_there_is_is_refused(dialect: str, code: str) -> None:
    """It would not turn the position round."""
    async with trading(dialect) as (it, client):
        await hedged(dialect, client)
        await order(client, dialect, "buy", "0.01")
        assert code in await refused(order(client, dialect, "sell", "0.02", closes=True))
        assert it.engine.accounts["anna"].held(it.dialect.market_id("BTC")) == Decimal("0.01")


async def test_binance_refuses_what_does_not_fit_the_mode() -> None:
    """-4060, -4061 both ways, and reduceOnly is not known in hedge mode."""
    async with trading("binance") as (it, client):
        ask = {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
        for side, code in (("LONG", "-4061"), ("UP", "-4060")):
            wrong = client.fapiPrivatePostOrder({**ask, "positionSide": side})
            assert code in await refused(wrong)
        await hedged("binance", client)
        assert "-4061" in await refused(client.fapiPrivatePostOrder(ask))
        both = {**ask, "positionSide": "LONG", "reduceOnly": "true"}
        assert "-1106" in await refused(client.fapiPrivatePostOrder(both))
        assert it.engine.journal.lines == []


@pytest.mark.parametrize(
    ("dialect", "codes"),
    [("binance", ("-4067", "-4068")), ("bybit", ("110028", "110024")), ("okx", ("59000", "59000"))],
)
async def test_the_mode_is_not_switched_under_orders_or_positions(
    dialect: str, codes: tuple[str, str]
) -> None:
    """Neither by the program nor by the owner."""
    async with trading(dialect) as (it, client):
        resting = await client.create_order(PERP, "limit", "buy", "1", "4000")
        assert codes[0] in await refused(hedged(dialect, client))
        await client.cancel_order(resting["id"], PERP)
        await client.create_order(PERP, "market", "buy", "1")
        assert codes[1] in await refused(hedged(dialect, client))
        assert it.engine.accounts["anna"].is_hedged is False


async def test_the_owner_switches_the_mode_behind_the_programs_back() -> None:
    """No event tells of it: the next order is refused."""
    async with trading("binance") as (it, client):
        await control(it, "set_position_mode", key="anna", hedged=True)
        assert "-4061" in await refused(client.create_order(PERP, "market", "buy", "0.01"))


async def test_bybit_switches_single_symbols() -> None:
    """One symbol is hedged, the others are not."""
    async with trading("bybit") as (it, client):
        await hedged("bybit", client)
        text = await refused(client.create_order(PERP, "market", "buy", "0.01"))
        assert "position idx not match position mode" in text
        await client.create_order("ETH/USDT:USDT", "market", "buy", "0.1")
        listed = await client.private_get_v5_position_list({"category": "linear", "symbol": BTC})
        assert [row["positionIdx"] for row in listed["result"]["list"]] == ["1", "2"] or [
            row["positionIdx"] for row in listed["result"]["list"]
        ] == [1, 2]
        assert it.engine.accounts["anna"].hedges("ETHUSDT") is False


async def test_stops_protect_their_own_side() -> None:
    """The journal looks at each side; a stop of the long one does not close the short one."""
    async with trading("binance") as (it, client):
        await hedged("binance", client)
        anna, engine = it.engine.accounts["anna"], it.engine
        for side, way in ((PositionSide.LONG, Side.BUY), (PositionSide.SHORT, Side.SELL)):
            engine.place(anna, Ticket(client_id=side, symbol=BTC, side=way, kind=Kind.MARKET,
                                      quantity=Decimal("0.01"), position_side=side))  # fmt: skip
        engine.place(anna, Ticket(client_id="s", symbol=BTC, side=Side.SELL, kind=Kind.STOP,
                                  quantity=Decimal("0.01"), trigger=Decimal(49_000),
                                  position_side=PositionSide.LONG))  # fmt: skip
        first, second = ({each.symbol: each.until_s for each in engine.journal.exposures("anna")}
                         for _ in range(2))  # fmt: skip
        assert first[f"{BTC}/long"] == second[f"{BTC}/long"], "that stretch is over"
        assert first[f"{BTC}/short"] < second[f"{BTC}/short"], "that one is not"
        engine.set_price(BTC, Decimal(48_900))
        assert anna.held(BTC, PositionSide.LONG) == 0
        assert anna.held(BTC, PositionSide.SHORT) == Decimal("-0.01")
