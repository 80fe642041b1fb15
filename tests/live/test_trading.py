"""A signal becomes a protected position at the exchange, and its end is booked."""

import signal
from decimal import Decimal
from pathlib import Path

import pytest

from tests.live.live_daemon import live
from tests.venue.binance import Binance
from tests.venue.model import Kind, MarginMode
from tests.venue.server import DIALECTS

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_every_user_trades_the_signal_once_and_is_protected(
    tmp_path: Path, dialect: str
) -> None:
    """Entry, stop and target rest at each user's own account; the ledger has the same fills."""
    async with live(tmp_path, "anna", "ben", targets="[1.0]", dialect=dialect) as rig:
        await rig.start()
        await rig.go_long()
        for user in ("anna", "ben"):
            await rig.daemon.wait_for("execution.executed", user_id=user, status="executed")
            assert rig.held(user) == Decimal("0.019")
            assert rig.account(user).leverage[rig.symbol] == 5
            await rig.until(
                lambda: (
                    sorted(each.ask.kind for each in rig.resting(user))  # noqa: B023
                    == [Kind.STOP, Kind.TAKE_PROFIT]
                )
            )
        await rig.until(lambda: len(rig.rows("SELECT * FROM fills")) == 2, what="fills are told")
        await rig.price(49_000)
        for user in ("anna", "ben"):
            await rig.daemon.wait_for("position.closed", user_id=user, reason="STOP_LOSS")
            await rig.until(lambda: not rig.resting(user))  # noqa: B023
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
            await rig.daemon.wait_for("execution.executed", user_id=user, status="executed")
        for user, address in (("anna", "127.0.0.1"), ("ben", "127.0.0.2")):
            calls = [call for call in rig.venue.calls if call.facts.key == rig.key(user)]
            assert {call.address for call in calls} == {address}
        await rig.stop()


async def test_margin_is_read_back_where_the_exchange_has_it(tmp_path: Path) -> None:
    """Without endpoints of their own, modes and leverage are read from the position list."""
    async with live(tmp_path, "anna") as rig:
        assert isinstance(rig.venue.dialect, Binance)
        rig.venue.dialect.is_old = True
        await rig.start()
        await rig.go_long()
        await rig.daemon.wait_for("execution.executed", user_id="anna", status="executed")
        assert rig.account("anna").leverage[rig.symbol] == 5
        assert rig.account("anna").margin_mode[rig.symbol] is MarginMode.ISOLATED
        await rig.stop()


async def test_keys_set_while_it_runs_are_used_at_once(tmp_path: Path) -> None:
    """Ben's account is added by a changed file, then opened with the keys he sets."""
    async with live(tmp_path, "anna") as rig:
        await rig.start()
        rig.configure("anna", "ben")
        rig.daemon.process.send_signal(signal.SIGHUP)
        await rig.daemon.wait_for("config.changed")
        await rig.import_keys("ben")
        await rig.daemon.wait_for("user.credentials_loaded", user_id="ben")
        await rig.command("resume", "ben")  # it was halted for want of a key
        await rig.go_long()
        for user in ("anna", "ben"):
            await rig.daemon.wait_for("execution.executed", user_id=user, status="executed")
            assert rig.held(user) == Decimal("0.019")
        await rig.stop()
