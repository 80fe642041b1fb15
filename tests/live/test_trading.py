"""A signal becomes a protected position at the exchange, and its end is booked."""

import signal
from decimal import Decimal
from pathlib import Path

import pytest

from tests.live.rig import SYMBOL, live

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


async def test_every_user_trades_the_signal_once_and_is_protected(tmp_path: Path) -> None:
    """Entry, stop and target rest at each user's own account; the ledger has the same fills."""
    async with live(tmp_path, "anna", "ben", targets="[1.0]") as rig:
        await rig.start()
        await rig.go_long()
        for user in ("anna", "ben"):
            await rig.daemon.wait_for("execution.settled", user_id=user, status="executed")
            holder = rig.holder(user)
            assert holder.position[SYMBOL] == Decimal("0.019")
            assert holder.leverage[SYMBOL] == 5
            await rig.until(
                lambda: (
                    sorted(o.kind for o in holder.orders.values() if o.is_open)  # noqa: B023
                    == ["stop", "take_profit"]
                )
            )
        await rig.until(lambda: len(rig.rows("SELECT * FROM fills")) == 2, what="fills are told")
        await rig.price(49_000)
        for user in ("anna", "ben"):
            await rig.daemon.wait_for("position.closed", user_id=user, reason="STOP_LOSS")
            holder = rig.holder(user)
            await rig.until(lambda: not any(o.is_open for o in holder.orders.values()))  # noqa: B023
        await rig.until(lambda: len(rig.rows("SELECT * FROM fills")) == 4, what="fills are told")
        await rig.stop()
        for position in rig.rows("SELECT * FROM positions"):
            assert position["status"] == "CLOSED"
            assert Decimal(position["fees"]) > 0


async def test_an_account_leaves_by_its_own_address(tmp_path: Path) -> None:
    """Ben has a local address of his own, and with it a request budget of his own."""
    async with live(tmp_path, "anna", "ben") as rig:
        file = rig.folder / "config.toml"
        text = file.read_text().replace(
            "[users.ben.account]\n", '[users.ben.account]\negress = "127.0.0.2"\n'
        )
        file.write_text(text)
        await rig.start()
        await rig.go_long()
        for user in ("anna", "ben"):
            await rig.daemon.wait_for("execution.settled", user_id=user, status="executed")
        addresses = {
            key.rpartition("-")[2]: seen for key, seen in rig.venue.addresses.items() if key
        }
        assert addresses == {"anna": {"127.0.0.1"}, "ben": {"127.0.0.2"}}
        await rig.stop()


async def test_margin_is_read_back_where_the_exchange_has_it(tmp_path: Path) -> None:
    """Without endpoints of their own, modes and leverage are read from the position list."""
    async with live(tmp_path, "anna") as rig:
        rig.venue.is_old = True
        await rig.start()
        await rig.go_long()
        await rig.daemon.wait_for("execution.settled", user_id="anna", status="executed")
        assert rig.holder("anna").leverage[SYMBOL] == 5
        assert rig.holder("anna").margin[SYMBOL] == "ISOLATED"
        await rig.stop()


async def test_keys_set_while_it_runs_are_used_at_once(tmp_path: Path) -> None:
    """Ben's account is added by a changed file, then opened with the keys he sets."""
    async with live(tmp_path, "anna") as rig:
        await rig.start()
        rig.configure("anna", "ben")
        rig.daemon.process.send_signal(signal.SIGHUP)
        await rig.daemon.wait_for("config.changed")
        await rig.keys("ben")
        await rig.daemon.wait_for("user.unlocked", user_id="ben")
        await rig.command("resume", "ben")  # it was halted for want of a key
        await rig.go_long()
        for user in ("anna", "ben"):
            await rig.daemon.wait_for("execution.settled", user_id=user, status="executed")
            assert rig.holder(user).position[SYMBOL] == Decimal("0.019")
        await rig.stop()
