"""A key that may withdraw does not trade, unless its owner has said that it may."""

import json
from pathlib import Path

import pytest

from tests.live.live_daemon import LiveFixture, live

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


def _standing(rig: LiveFixture, user: str) -> tuple[str, str, str]:
    [row] = rig.rows(f"SELECT * FROM users WHERE user_id = '{user}'")
    return row["status"], row["status_by"], row["status_reason"]


def _decisions(rig: LiveFixture) -> dict[str, str]:
    return {row["user_id"]: row["code"] for row in rig.rows("SELECT * FROM decisions")}


async def test_a_key_that_may_withdraw_makes_no_trade(tmp_path: Path) -> None:
    """It is looked at before anything is entered; others trade, and an exit goes on."""
    async with live(tmp_path, "anna", "ben") as rig:
        rig.account("anna").can_withdraw = True
        await rig.start()
        status, by, reason = _standing(rig, "anna")
        assert (status, by) == ("HALTED", "key")
        assert "may withdraw" in reason
        assert "keys set anna" in reason
        await rig.go_long()
        await rig.until(lambda: len(_decisions(rig)) == 2)
        assert _decisions(rig) == {"anna": "TRADING_HALTED", "ben": "APPROVED"}
        await rig.until(lambda: rig.is_covered("ben"))
        assert rig.held("anna") == 0
        [event] = rig.rows("SELECT * FROM events WHERE kind = 'user.halted'")
        assert event["user_id"] == "anna"
        assert json.loads(event["detail"])["reason"] == reason
        code, out = await rig.ask("resume", "anna")
        assert code != 0
        assert "may withdraw" in out
        assert _standing(rig, "anna")[0] == "HALTED"


async def test_another_key_ends_the_halt(tmp_path: Path) -> None:
    """Stored while the daemon runs; one that may withdraw, too, does not."""
    async with live(tmp_path, "anna", "ben") as rig:
        rig.account("anna").can_withdraw = True
        await rig.start()
        assert _standing(rig, "anna")[0] == "HALTED"
        keys = json.dumps(rig.venue.credentials(rig.key("anna")))
        out = await rig.command("keys", "set", "anna", stdin=keys)
        assert "may withdraw" in out
        assert _standing(rig, "anna")[0] == "HALTED"
        rig.account("anna").can_withdraw = False
        out = await rig.command("keys", "set", "anna", stdin=keys)
        assert "the running daemon uses them" in out
        assert _standing(rig, "anna")[0] == "ACTIVE"
        await rig.go_long()
        await rig.until(lambda: rig.is_covered("anna"))


async def test_who_was_halted_for_want_of_a_key_trades_once_there_is_one(tmp_path: Path) -> None:
    """As the reason of the halt says."""
    async with live(tmp_path, "anna", "ben") as rig:
        await rig.command("keys", "delete", "anna")
        await rig.start()
        status, by, reason = _standing(rig, "anna")
        assert (status, by) == ("HALTED", "key")
        assert "signalbot keys set anna" in reason
        await rig.import_keys("anna")
        assert _standing(rig, "anna")[0] == "ACTIVE"
        await rig.go_long()
        await rig.until(lambda: rig.is_covered("anna"))


async def test_a_pause_is_not_ended_by_a_key(tmp_path: Path) -> None:
    """What somebody has set by hand stays until it is ended by hand."""
    async with live(tmp_path, "anna") as rig:
        await rig.start()
        await rig.command("pause", "anna", "--reason", "holiday")
        await rig.import_keys("anna")
        assert _standing(rig, "anna") == ("PAUSED", "operator", "holiday")


async def test_its_owner_may_allow_it(tmp_path: Path) -> None:
    """Knowing what it means."""
    async with live(tmp_path, "anna") as rig:
        config = tmp_path / "config.toml"
        text = config.read_text().replace(
            "leverage = 5", "leverage = 5\nallow_withdrawal_keys = true"
        )
        config.write_text(text)
        rig.account("anna").can_withdraw = True
        await rig.start()
        await rig.go_long()
        await rig.until(lambda: rig.is_covered("anna"))
