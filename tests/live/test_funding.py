"""What positions pay or receive as funding is part of what they earn."""

import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from tests.live.live_daemon import LiveFixture, live
from tests.venue.server import DIALECTS

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

HOUR_MS = 3_600_000
EIGHT_HOURS_MS = 8 * HOUR_MS


def _nine_hours_pass(rig: LiveFixture) -> int:
    """Everything so far was nine hours ago; the instant of funding since then."""
    rig.venue.engine.age(9 * HOUR_MS)
    connection = sqlite3.connect(rig.folder / "state" / "signalbot.db")
    with connection:
        connection.execute(f"UPDATE positions SET opened_at_ms = opened_at_ms - {9 * HOUR_MS}")
        connection.execute(f"UPDATE funding_due SET covered_ms = covered_ms - {9 * HOUR_MS}")
        connection.execute(f"UPDATE orders SET intended_at_ms = intended_at_ms - {9 * HOUR_MS}")
    connection.close()
    return rig.venue.engine.now_ms() // EIGHT_HOURS_MS * EIGHT_HOURS_MS


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_funding_paid_while_the_daemon_was_down_is_booked_once(
    tmp_path: Path, dialect: str
) -> None:
    """Of the position that paid it, read twice, and part of its net."""
    async with live(tmp_path, "anna", dialect=dialect) as rig:
        await rig.start()
        await rig.go_long()
        await rig.daemon.wait_for("execution.executed", user_id="anna", status="executed")
        await rig.fills_told("anna")
        await rig.stop()
        paid_ms = _nine_hours_pass(rig)
        rig.venue.engine.pay_funding(rig.symbol, Decimal("0.001"), at_ms=paid_ms)
        (income,) = [e for e in rig.account("anna").bookings if e.kind == "FUNDING_FEE"]
        await rig.start()
        await rig.daemon.wait_for("funding.booked", user_id="anna")
        await rig.stop()
        await rig.start()
        await rig.price(49_000)
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="STOP_LOSS")
        await rig.fills_told("anna")
        await rig.stop()
        (position,) = rig.rows("SELECT * FROM positions")
        (event,) = rig.rows("SELECT * FROM events WHERE kind = 'funding.booked'")
        assert income.change < 0
        assert Decimal(position["funding"]) == income.change
        assert event["position_id"] == position["position_id"]


async def test_funding_of_a_position_that_closed_meanwhile_is_booked(tmp_path: Path) -> None:
    """The exchange's list is asked for after the close as well."""
    async with live(tmp_path, "anna") as rig:
        await rig.start()
        await rig.go_long()
        await rig.daemon.wait_for("execution.executed", user_id="anna", status="executed")
        await rig.fills_told("anna")
        await rig.stop()
        paid_ms = _nine_hours_pass(rig)
        rig.venue.engine.pay_funding(rig.symbol, Decimal("-0.002"), at_ms=paid_ms)
        await rig.price(49_000)  # the stop fires with nobody there
        await rig.start()
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="STOP_LOSS")
        await rig.daemon.wait_for("funding.booked", user_id="anna")
        await rig.stop()
        (position,) = rig.rows("SELECT * FROM positions")
        assert Decimal(position["funding"]) > 0
        assert position["status"] == "CLOSED"
