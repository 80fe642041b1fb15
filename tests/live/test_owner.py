"""What the owner and the exchange do to an account themselves is seen, booked and told once."""

import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from tests.live.live_daemon import LiveFixture, live
from tests.venue.matching import Fills
from tests.venue.model import Kind
from tests.venue.server import DIALECTS

pytestmark = [pytest.mark.process, pytest.mark.timeout(150)]

HELD = Decimal("0.019")


async def _long(rig: LiveFixture, user: str = "anna") -> None:
    """The user holds a protected position whose fills are booked."""
    await rig.start()
    await rig.go_long()
    await rig.daemon.wait_for("execution.executed", user_id=user, status="executed")
    await rig.until(lambda: rig.is_covered(user), what="the stop rests")
    await rig.fills_told(user)


def _an_hour_passes(rig: LiveFixture) -> None:
    """What was read of the account's settings was read an hour ago."""
    connection = sqlite3.connect(rig.folder / "state" / "signalbot.db")
    with connection:
        connection.execute("UPDATE account_settings SET checked_at_ms = checked_at_ms - 3600000")
    connection.close()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_part_closed_by_hand_leaves_a_stop_of_the_rest(
    tmp_path: Path, dialect: str
) -> None:
    """Booked with its price and fee; the position goes on, smaller."""
    async with live(tmp_path, "anna", dialect=dialect) as rig:
        await _long(rig)
        rig.venue.engine.close_by_hand(rig.key("anna"), rig.symbol, Decimal("0.009"))
        await rig.daemon.wait_for("position.reduced", user_id="anna")
        await rig.until(lambda: rig.is_covered("anna"), what="the stop is of the rest")
        await rig.fills_told("anna")
        (position,) = rig.rows("SELECT * FROM positions")
        assert position["status"] == "OPEN"
        assert Decimal(position["quantity"]) == Decimal("0.01")
        assert Decimal(position["exit_quantity"]) == Decimal("0.009")
        await rig.stop()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_of_an_order_that_turns_the_position_round_only_our_part_is_booked(
    tmp_path: Path, dialect: str
) -> None:
    """What is beyond it is the owner's: told once, across a restart too, and waited for."""
    async with live(tmp_path, "anna", dialect=dialect) as rig:
        await _long(rig)
        rig.venue.engine.close_by_hand(rig.key("anna"), rig.symbol, Decimal("0.05"))
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="EXTERNAL")
        await rig.daemon.wait_for("position.mismatch_found", user_id="anna", exchange="SHORT 0.031")
        (position,) = rig.rows("SELECT * FROM positions")
        assert position["exit_quantity"] == "0.019"
        await rig.go_short()
        await rig.daemon.wait_for("decision.skipped", user_id="anna", code="SYMBOL_IN_DOUBT")
        await rig.stop()
        await rig.start()
        assert rig.held("anna") == Decimal("-0.031"), "what is the owner's is left alone"
        rig.venue.engine.close_by_hand(rig.key("anna"), rig.symbol)
        await rig.daemon.wait_for("position.mismatch_resolved", user_id="anna")
        await rig.stop()
        told = rig.rows("SELECT * FROM events WHERE kind = 'position.mismatch_found'")
        assert len(told) == 1
        assert not rig.rows("SELECT * FROM position_mismatches")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_deleveraging_is_no_liquidation(tmp_path: Path, dialect: str) -> None:
    """A part taken by the exchange leaves a stop of the rest; the user goes on trading."""
    async with live(tmp_path, "anna", dialect=dialect) as rig:
        await _long(rig)
        rig.venue.engine.deleverage(rig.key("anna"), rig.symbol, Decimal("0.009"))
        await rig.daemon.wait_for("position.deleveraged", user_id="anna")
        await rig.until(lambda: rig.is_covered("anna"), what="the stop is of the rest")
        rig.venue.engine.deleverage(rig.key("anna"), rig.symbol)
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="DELEVERAGING")
        await rig.until(lambda: not rig.resting("anna"), what="the stop is gone")
        await rig.fills_told("anna")
        await rig.stop()
        (user,) = rig.rows("SELECT * FROM users")
        assert user["status"] == "ACTIVE"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_liquidation_halts_its_user(tmp_path: Path, dialect: str) -> None:
    """Booked as what it was; nothing is entered until somebody has looked."""
    async with live(tmp_path, "anna", dialect=dialect) as rig:
        await _long(rig)
        rig.venue.engine.liquidate(rig.key("anna"), rig.symbol)
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="LIQUIDATION")
        await rig.daemon.wait_for("user.halted", user_id="anna")
        await rig.fills_told("anna")
        await rig.stop()
        assert not rig.resting("anna")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_hedge_mode_switched_on_later_stops_entries(tmp_path: Path, dialect: str) -> None:
    """Found by the order that it refuses, at the latest; the user is halted with the reason."""
    async with live(tmp_path, "anna", dialect=dialect) as rig:
        await rig.start()
        account = rig.account("anna")
        symbol = rig.symbol if dialect == "bybit" else ""
        rig.venue.engine.set_position_mode(account, hedged=True, symbol=symbol)
        await rig.go_long()
        await rig.daemon.wait_for("user.halted", user_id="anna")
        (user,) = rig.rows("SELECT * FROM users")
        assert "hedge" in user["status_reason"]
        assert rig.held("anna") == 0
        await rig.stop()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_leverage_that_the_owner_has_raised_is_put_back_before_an_entry(
    tmp_path: Path, dialect: str
) -> None:
    """Nothing is entered at a leverage that the user's file does not say."""
    async with live(tmp_path, "anna", dialect=dialect) as rig:
        await _long(rig)
        await rig.price(49_000)
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="STOP_LOSS")
        await rig.stop()
        _an_hour_passes(rig)
        rig.venue.engine.set_leverage(rig.account("anna"), rig.symbol, 50)
        await rig.start()
        rig.go_on_from_now()
        await rig.candle(49_900)
        await rig.go_long()
        await rig.until(lambda: rig.held("anna"), what="it is long")
        assert rig.account("anna").leverage[rig.symbol] == 5
        await rig.stop()


async def test_the_last_fill_says_why_a_position_closed(tmp_path: Path) -> None:
    """A target and then the stop filled while no daemon ran: it was the stop."""
    async with live(tmp_path, "anna", targets="[1.0, 9.0]") as rig:
        await _long(rig)
        await rig.until(lambda: len(rig.resting("anna", Kind.TAKE_PROFIT)) == 2)
        await rig.stop()
        await rig.price(51_900)
        await rig.price(49_000)
        assert rig.held("anna") == 0
        await rig.start()
        closed = await rig.daemon.wait_for("position.closed", user_id="anna")
        assert closed["reason"] in ("STOP_LOSS", "BREAK_EVEN")
        await rig.fills_told("anna")
        await rig.stop()
        (position,) = rig.rows("SELECT * FROM positions")
        assert position["targets_hit"] == 1


async def test_a_target_that_ends_after_a_part_rests_again_for_the_rest(tmp_path: Path) -> None:
    """The exchange cancels what it could not fill; what is left still wants to leave there."""
    async with live(tmp_path, "anna", targets="[1.0]") as rig:
        await _long(rig)
        await rig.until(lambda: len(rig.resting("anna", Kind.TAKE_PROFIT)) == 1)
        rig.venue.engine.plan_fills(
            Fills(
                shares=(Decimal("0.5"),),
                pause_s=0.5,
                expires=True,
                leg="target",
                key=rig.key("anna"),
            )
        )
        await rig.price(51_900)
        await rig.until(lambda: 0 < rig.held("anna") < HELD, what="a part has left")
        await rig.until(lambda: rig.is_covered("anna"), what="the stop is of the rest")
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="TAKE_PROFIT")
        await rig.until(lambda: not rig.resting("anna"))
        await rig.stop()
