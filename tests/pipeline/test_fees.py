"""Fees paid in an exchange's own coin are part of what a trade has cost."""

from decimal import Decimal
from pathlib import Path

from signalbot.domain.orders import Leg
from signalbot.domain.positions import Position
from signalbot.domain.users import UserId
from tests.fakes.broker import of_leg
from tests.simulation import Simulation, run_in_virtual_time, user

ANNA, BNB = UserId("anna"), "BNB/USDT"
TWO_OF_A_THOUSAND = (Decimal("0.002"), "BNB")


async def _position(w: Simulation) -> Position:
    (position,) = await w.services.storage.trades.open_positions(ANNA)
    return position


def test_a_fee_in_a_third_coin_is_valued_at_its_price(tmp_path: Path) -> None:
    """The price is known: it counts with the booking of the entry."""

    async def story(w: Simulation) -> None:
        w.jump("600", symbol=BNB)
        w.broker("anna").fee = TWO_OF_A_THOUSAND
        await w.send(w.make())
        assert (await _position(w)).fees == Decimal("1.2")

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_fee_waits_for_the_price_of_its_coin(tmp_path: Path) -> None:
    """The position is protected at once; its fee is booked when the coin has a price."""

    async def story(w: Simulation) -> None:
        w.broker("anna").fee = TWO_OF_A_THOUSAND
        await w.send(w.make())
        early = await _position(w)
        assert (early.quantity, early.fees) == (Decimal(10), Decimal(0))
        assert early.protected_at_ms is not None
        w.jump("500", symbol=BNB)
        await w.clock.sleep(15)
        assert (await _position(w)).fees == Decimal(1)
        assert w.services.control.accounts[ANNA].positions[early.symbol].fees == Decimal(1)
        (row,) = await w.database.query("SELECT fee, fee_currency FROM fills")
        assert tuple(row) == ("0.002", "BNB")

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_fee_in_a_coin_without_a_price_is_kept_in_that_coin(tmp_path: Path) -> None:
    """After a quarter of an hour the fill is booked with its coin; the PnL leaves it out."""

    async def story(w: Simulation) -> None:
        w.broker("anna").fee = TWO_OF_A_THOUSAND
        await w.send(w.make())
        await w.clock.sleep(60)
        assert await w.database.query("SELECT 1 FROM fills") == []
        await w.clock.sleep(900)
        assert (await _position(w)).fees == 0
        (row,) = await w.database.query("SELECT fee, fee_currency FROM fills")
        assert tuple(row) == ("0.002", "BNB")

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_fills_are_fetched_once_orders_have_stopped_filling(tmp_path: Path) -> None:
    """They delay no entry of another user, and are fetched at the latest after ten seconds."""
    names = [f"user{number}" for number in range(10)]

    async def story(w: Simulation) -> None:
        for number, name in enumerate(names):
            w.broker(name).fee = TWO_OF_A_THOUSAND
            w.broker(name).delay(of_leg(Leg.ENTRY), 1.5 * number)
        began_ms = w.clock.now_ms()
        await w.send(w.make())
        await w.clock.sleep(5)
        fetched_s = [(w.broker(name).fills_asked_ms[0] - began_ms) // 1000 for name in names]
        assert fetched_s == [10, 11, 13, 14, 15, 15, 15, 15, 15, 15]

    run_in_virtual_time(tmp_path, story, *map(user, names))
