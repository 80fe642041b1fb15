"""Spot: coins, what holds them, fees in what was bought, sizes by value, least values, dust."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venue.engine import Engine
from tests.venue.exchange_clients import SPOT, control, refused, trading
from tests.venue.model import Kind, Market, Refused, Side, Ticket
from tests.venue.server import Venue

DIALECTS = ("binance_spot", "bybit", "okx")


def pair(it: Venue) -> str:
    """The engine's name of the pair."""
    return next(each.id for each in it.engine.markets.values() if each.is_spot)


def is_spot(dialect: str) -> bool:
    """Whether its pairs have to be listed beside the perpetuals."""
    return dialect != "binance_spot"


async def coins(client: Any) -> tuple[Any, Any]:
    """What is free and what is used of BTC."""
    balance = (await client.fetch_balance()).get("BTC") or {"free": 0, "used": 0}
    return Decimal(balance["free"]), Decimal(balance["used"] or 0)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_fee_of_a_purchase_is_paid_in_the_bought_coin(dialect: str) -> None:
    """Less comes in than was bought: what is left over is dust below the grid."""
    async with trading(dialect, spot=is_spot(dialect)) as (it, client):
        order = await client.create_order(SPOT, "market", "buy", "0.01")
        [trade] = await client.fetch_my_trades(SPOT)
        assert trade["order"] == order["id"]
        assert (trade["fee"]["currency"], Decimal(trade["fee"]["cost"])) == (
            "BTC", Decimal("0.00001"),
        )  # fmt: skip
        assert await coins(client) == (Decimal("0.00999"), 0)
        too_much = client.create_order(SPOT, "market", "sell", "0.01", None, {"banAmend": True})
        text = await refused(too_much)
        assert any(code in text for code in ("insufficient balance", "170131", "51008"))
        await client.create_order(SPOT, "market", "sell", "0.00999")
        assert it.engine.accounts["anna"].balance("BTC") == 0
        sold = max(await client.fetch_my_trades(SPOT), key=lambda each: int(each["id"]))
        assert sold["fee"]["currency"] == "USDT"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_resting_orders_hold_their_coins(dialect: str) -> None:
    """Sales their coins, purchases what they may spend; cancelling gives it back."""
    async with trading(dialect, spot=is_spot(dialect)) as (it, client):
        await client.create_order(SPOT, "market", "buy", "0.01")
        sale = await client.create_order(SPOT, "limit", "sell", "0.004", "60000")
        assert await coins(client) == (Decimal("0.00599"), Decimal("0.004"))
        await client.create_order(SPOT, "limit", "buy", "0.1", "40000")
        held = await control(it, "balances", key="anna")
        assert Decimal(held["USDT"]["locked"]) == 4_000
        await client.cancel_order(sale["id"], SPOT)
        assert await coins(client) == (Decimal("0.00999"), 0)
        text = await refused(client.create_order(SPOT, "limit", "buy", "0.2", "40000"))
        assert any(code in text for code in ("insufficient balance", "170131", "51008"))


@pytest.mark.parametrize(
    ("dialect", "params", "holds"),
    [
        ("binance_spot", {"stopLossPrice": "49000"}, True),
        ("bybit", {"triggerPrice": "49000", "orderFilter": "tpslOrder"}, True),
        ("bybit", {"triggerPrice": "49000", "orderFilter": "StopOrder"}, False),
        ("okx", {"stopLossPrice": "49000"}, False),
    ],
)
async def test_some_stops_hold_their_coins_and_some_do_not(
    dialect: str, params: dict[str, str], holds: bool
) -> None:
    """Where they do not, the coins can be gone when it triggers: the stop fails."""
    async with trading(dialect, spot=is_spot(dialect)) as (it, client):
        await client.create_order(SPOT, "market", "buy", "0.01")
        kind, price = ("limit", "48000") if dialect == "binance_spot" else ("market", None)
        if dialect == "bybit":
            ask = {"category": "spot", "symbol": "BTCUSDT", "side": "Sell", "orderType": "Market",
                   "qty": "0.009", **params}  # fmt: skip
            await client.private_post_v5_order_create(ask)
        else:
            await client.create_order(SPOT, kind, "sell", "0.009", price, params)
        assert await coins(client) == (
            (Decimal("0.00099"), Decimal("0.009")) if holds else (Decimal("0.00999"), 0)
        )
        anna = it.engine.accounts["anna"]
        if holds:
            with pytest.raises(Refused):
                it.engine.sell_by_hand("anna", pair(it), Decimal("0.009"))
        else:
            it.engine.sell_by_hand("anna", pair(it), Decimal("0.009"))
        it.engine.set_price(pair(it), Decimal(48_500))
        [stop] = [each for each in anna.orders.values() if each.ask.trigger is not None]
        assert not stop.is_open
        sold = [each for each in anna.trades if each.side is Side.SELL]
        assert sum(each.quantity for each in sold) == Decimal("0.009")
        assert anna.balance("BTC") == Decimal("0.00099")
        if dialect == "okx":
            asked = {"ordType": "conditional", "algoId": str(stop.id)}
            row = (await client.private_get_trade_orders_algo_history(asked))["data"][0]
            assert (row["state"], row["failCode"]) == ("order_failed", "51008")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_purchase_can_name_what_it_spends(dialect: str) -> None:
    """It buys what that is worth on the pair's grid, and spends no more."""
    async with trading(dialect, spot=is_spot(dialect)) as (it, client):
        it.engine.set_price(pair(it), Decimal(60_123))
        await client.create_market_buy_order_with_cost(SPOT, "100")
        anna = it.engine.accounts["anna"]
        spent, [trade] = 10_000 - anna.wallet, anna.trades
        assert Decimal(99) < spent <= 100
        assert trade.quantity % it.engine.markets[pair(it)].lot == 0


@pytest.mark.parametrize(
    ("dialect", "code"), [("binance_spot", "NOTIONAL"), ("bybit", "170140"), ("okx", "51020")]
)
async def test_what_is_worth_too_little_cannot_be_traded(dialect: str, code: str) -> None:
    """Neither bought nor sold: it stays in the account."""
    async with trading(dialect, spot=is_spot(dialect)) as (it, client):
        it.engine.accounts["anna"].coins["BTC"] = Decimal("0.00003")
        tiny = "0.000009" if dialect == "okx" else "0.00003"
        assert code in await refused(client.create_order(SPOT, "limit", "sell", tiny, "51000"))


async def test_a_coin_of_its_own_can_pay_binances_fees() -> None:
    """With a discount, as long as there is enough; then the bought coin pays again."""
    async with trading("binance_spot") as (it, client):
        anna = it.engine.accounts["anna"]
        anna.coins["BNB"], anna.pays_fees_in = Decimal("0.001"), "BNB"
        order = await client.create_order(SPOT, "market", "buy", "0.01")
        assert order["fee"]["currency"] == "BNB"
        assert Decimal(order["fee"]["cost"]) == Decimal("0.000625")
        assert anna.balance("BTC") == Decimal("0.01")
        again = await client.create_order(SPOT, "market", "buy", "0.01")
        assert again["fee"]["currency"] == "BTC"
    async with trading("binance") as (it, client):
        anna = it.engine.accounts["anna"]
        anna.coins["BNB"] = Decimal(1)
        await client.fapiPrivatePostFeeBurn({"feeBurn": "true"})
        await client.create_order("BTC/USDT:USDT", "market", "buy", "0.01")
        [trade] = await client.fetch_my_trades("BTC/USDT:USDT")
        assert (trade["fee"]["currency"], Decimal(trade["fee"]["cost"])) == (
            "BNB", Decimal("0.000375"),
        )  # fmt: skip
        assert anna.wallet == 10_000


async def test_makers_and_takers_pay_what_the_exchange_says() -> None:
    """Rates can be changed by the control endpoint, rebates included."""
    async with trading("bybit", spot=True) as (it, client):
        await control(it, "fees", spot_maker_fee="-0.0001", spot_taker_fee="0.002")
        await client.create_order(SPOT, "limit", "buy", "0.01", "49000")
        it.engine.set_price(pair(it), Decimal(48_900))
        await client.create_order(SPOT, "market", "buy", "0.01")
        taken, made = await client.fetch_my_trades(SPOT)
        if made["takerOrMaker"] == "taker":
            taken, made = made, taken
        assert (made["fee"]["currency"], Decimal(made["fee"]["cost"])) == (
            "USDT", Decimal("-0.049"),
        )  # fmt: skip
        assert (taken["fee"]["currency"], Decimal(taken["fee"]["cost"])) == (
            "BTC", Decimal("0.00002"),
        )  # fmt: skip


async def test_two_orders_of_a_list_hold_their_coins_once() -> None:
    """Binance's OCO: one works, the other expires; cancelling one ends both."""
    async with trading("binance_spot") as (it, client):
        await client.create_order(SPOT, "market", "buy", "0.01")
        ask = {
            "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.009", "aboveType": "LIMIT_MAKER",
            "abovePrice": "52000", "belowType": "STOP_LOSS_LIMIT", "belowStopPrice": "48000",
            "belowPrice": "47900", "belowTimeInForce": "GTC",
        }  # fmt: skip
        placed = await client.private_post_orderlist_oco(ask)
        assert await coins(client) == (Decimal("0.00099"), Decimal("0.009"))
        await client.cancel_order(str(placed["orders"][0]["orderId"]), SPOT)
        assert await coins(client) == (Decimal("0.00999"), 0)
        await client.private_post_orderlist_oco(ask)
        it.engine.set_price("BTCUSDT", Decimal(52_100))
        states = [each["info"]["status"] for each in await client.fetch_orders(SPOT)]
        assert states == ["FILLED", "CANCELED", "CANCELED", "FILLED", "EXPIRED"]


async def test_a_replacement_may_half_fail() -> None:
    """The old order is gone and there is no new one: HTTP 409."""
    async with trading("binance_spot") as (it, client):
        old = await client.create_order(SPOT, "limit", "buy", "0.01", "40000")
        ask = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
               "quantity": "5", "price": "40000", "cancelReplaceMode": "STOP_ON_FAILURE",
               "cancelOrderId": old["id"]}  # fmt: skip
        assert "-2021" in await refused(client.private_post_order_cancelreplace(ask))
        assert it.engine.accounts["anna"].open == {}


async def test_bybit_finds_spot_stops_only_under_their_own_filter() -> None:
    """Cancelling without a filter knows plain orders only; with a wrong side it waits upwards."""
    async with trading("bybit", spot=True) as (it, client):
        await client.create_order(SPOT, "market", "buy", "0.01")
        ask = {"category": "spot", "symbol": "BTCUSDT", "side": "Sell", "orderType": "Market",
               "qty": "0.009", "triggerPrice": "51000", "orderFilter": "tpslOrder"}  # fmt: skip
        placed = (await client.private_post_v5_order_create(ask))["result"]
        named = {"category": "spot", "symbol": "BTCUSDT", "orderId": placed["orderId"]}
        assert "170213" in await refused(client.private_post_v5_order_cancel(named))
        it.engine.set_price(pair(it), Decimal(45_000))
        assert it.engine.accounts["anna"].open, "meant as a stop, it waits for a rising price"
        await client.private_post_v5_order_cancel({**named, "orderFilter": "tpslOrder"})
        assert it.engine.accounts["anna"].open == {}


async def test_okx_trades_less_than_was_asked_for() -> None:
    """A market order of more than there is becomes one of what there is, and answers as usual."""
    async with trading("okx", spot=True) as (it, client):
        await client.create_order(SPOT, "market", "buy", "0.01")
        order = await client.create_order(SPOT, "market", "sell", "0.05")
        told = await client.fetch_order(order["id"], SPOT)
        assert (told["status"], Decimal(told["filled"])) == ("closed", Decimal("0.00999"))
        assert it.engine.accounts["anna"].balance("BTC") == 0


@pytest.mark.parametrize("dialect", ["bybit", "okx"])
async def test_a_limit_purchase_can_bring_its_stop_along(dialect: str) -> None:
    """It is of what is left after the fee; at Bybit a market purchase cannot."""
    async with trading(dialect, spot=True) as (it, client):
        symbol, anna = pair(it), it.engine.accounts["anna"]
        if dialect == "bybit":
            ask: dict[str, Any] = {
                "category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit",
                "qty": "0.01", "price": "49000", "stopLoss": "48000",
            }  # fmt: skip
            market = {**ask, "orderType": "Market", "marketUnit": "baseCoin"}
            assert "170130" in await refused(client.private_post_v5_order_create(market))
            await client.private_post_v5_order_create(ask)
        else:
            attached = [{"attachAlgoClOrdId": "s1", "slTriggerPx": "48000", "slOrdPx": "-1"}]
            params = {"attachAlgoOrds": attached}
            await client.create_order(SPOT, "limit", "buy", "0.01", "49000", params)
        it.engine.set_price(symbol, Decimal(48_900))
        assert it.engine.journal.unprotected_s("anna") < 0.5
        [stop] = anna.open.values()
        assert (stop.ask.quantity, stop.ask.trigger) == (Decimal("0.00999"), Decimal(48_000))
        assert await coins(client) == (
            (0, Decimal("0.00999")) if dialect == "bybit" else (Decimal("0.00999"), 0)
        )
        it.engine.set_price(symbol, Decimal(47_900))
        assert anna.balance("BTC") == 0


async def test_what_spot_has_bought_is_unprotected_until_stops_cover_it() -> None:
    """But for dust: what is below the grid needs no stop."""
    async with trading("binance_spot") as (it, client):
        await client.create_order(SPOT, "market", "buy", "0.01")
        assert it.engine.journal.unprotected_s("anna") > 0
        stop = {"stopLossPrice": "49000"}
        await client.create_order(SPOT, "limit", "sell", "0.00999", "48900", stop)
        first = it.engine.journal.unprotected_s("anna")
        assert it.engine.journal.unprotected_s("anna") == first


async def test_okxs_trigger_orders_trade_what_there_is() -> None:
    """ "If your balance is lower [...] based on your current balance": unlike stops they shrink."""
    async with trading("okx", spot=True) as (it, client):
        await client.create_order(SPOT, "market", "buy", "0.01")
        params = {"triggerPrice": "49000"}
        await client.create_order(SPOT, "market", "sell", "0.009", None, params)
        it.engine.sell_by_hand("anna", pair(it), Decimal("0.005"))
        it.engine.set_price(pair(it), Decimal(48_900))
        assert it.engine.accounts["anna"].balance("BTC") == 0


@pytest.mark.parametrize("dialect", ["bybit", "okx"])
async def test_spot_and_perpetuals_share_a_wallet_but_no_lists(dialect: str) -> None:
    """What spot holds is no margin; orders and trades are told by kind."""
    async with trading(dialect, spot=True) as (it, client):
        perpetual = "BTC/USDT:USDT"
        await client.create_order(SPOT, "limit", "buy", "0.2", "49000")
        await client.create_order(perpetual, "market", "buy", "1" if dialect == "okx" else "0.01")
        free = Decimal((await client.fetch_balance())["USDT"]["free"])
        assert free < 200
        assert [each["symbol"] for each in await client.fetch_open_orders(SPOT)] == [SPOT]
        assert await client.fetch_open_orders(perpetual) == []
        assert [each["symbol"] for each in await client.fetch_my_trades(perpetual)] == [perpetual]
        assert await client.fetch_my_trades(SPOT) == []
        assert len(it.engine.accounts["anna"].open) == 1


MOVES = st.lists(
    st.tuples(
        st.sampled_from(Side), st.integers(1, 60), st.sampled_from((None, 49_000, 50_000, 51_000)),
        st.booleans(), st.integers(48_500, 51_500),
    ),
    max_size=25,
)  # fmt: skip


@given(moves=MOVES)
def test_nothing_is_ever_sold_that_is_not_there(
    moves: list[tuple[Side, int, int | None, bool, int]],
) -> None:
    """Whatever is placed, whatever waits without holding: no balance goes below zero."""
    engine = Engine([Market(id="P", base="BTC", is_spot=True)], later=lambda *_: None)
    engine.set_price("P", Decimal(50_000))
    anna = engine.add("anna", coins={"BTC": Decimal("0.02")})
    for number, (side, lots, price, waits, moved) in enumerate(moves):
        limit = None if price is None else Decimal(price)
        kind = Kind.STOP if waits else Kind.MARKET if limit is None else Kind.LIMIT
        trigger = Decimal(moved) if waits else None
        ask = Ticket(
            client_id=str(number), symbol="P", side=side, kind=kind, is_spot=True, price=limit,
            quantity=lots * Decimal("0.001"), trigger=trigger, holds=bool(number % 2),
        )  # fmt: skip
        with suppress(Refused):
            engine.place(anna, ask)
        engine.set_price("P", Decimal(moved))
        for coin in ("BTC", "USDT"):
            assert anna.balance(coin) >= 0
            assert engine.locked(anna, coin) >= 0
        assert all(order.is_open for order in anna.open.values())
