"""A restored ledger starts halted, never repeats a trade, and what was there before is kept."""

import shutil
from pathlib import Path

import pytest

from tests.maintenance.daemon_process import BTC, ETH, Daemon, rows_of, wait_for

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]


def _halted(daemon: Daemon) -> str | None:
    _, status = daemon.ask("status")
    halted: str | None = status["halted"]
    return halted


def test_the_daemon_makes_backups_of_its_own_accord(tmp_path: Path, started: list[Daemon]) -> None:
    """Every second here; the former go, the last is good and has today's trade in it."""
    more = '[backup]\nevery = "1s"\nkeep_daily = 1\nkeep_weekly = 0'
    daemon = Daemon.configured(tmp_path, more=more)
    started.append(daemon)
    daemon.start()
    signal_id = daemon.send("LONG", key="one")
    before = daemon.told("backup.created")
    wait_for(lambda: daemon.told("backup.created") >= before + 2, "no backup was made")
    daemon.stop()
    assert daemon.told("backup.failed") == 0
    (backup,) = (daemon.state / "backups").iterdir()
    assert [row["signal_id"] for row in rows_of(backup, "signal_executions")] == [signal_id]


def test_a_folder_that_is_away_costs_a_backup_and_no_trade(
    tmp_path: Path, started: list[Daemon]
) -> None:
    """A file where the folder should be: each failure is logged until it is gone."""
    away = tmp_path / "elsewhere"
    away.write_text("this disk is not mounted")
    daemon = Daemon.configured(tmp_path, more=f'[backup]\ndirectory = "{away}"\nevery = "1s"')
    started.append(daemon)
    daemon.start()
    wait_for(lambda: daemon.told("backup.failed") >= 2, "nobody noticed")
    assert daemon.codes(daemon.send("LONG", key="one")) == ["APPROVED"]
    away.unlink()
    wait_for(lambda: daemon.told("backup.created") >= 1, "no backup was made")
    daemon.stop()
    assert daemon.told("daemon.starting") == 1


def test_a_missed_backup_is_made_soon_after_the_start(daemon: Daemon) -> None:
    """A machine that is off at half past three every night gets its copies, too."""
    daemon.start()
    wait_for(lambda: daemon.told("backup.created") == 1, "no backup was made")
    daemon.stop()
    daemon.start()
    daemon.stop()
    assert daemon.told("backup.created") == 1


def test_restored_from_an_older_copy(daemon: Daemon, tmp_path: Path) -> None:
    """Halted at the start, no old signal is traded again, and it goes on when it may."""
    daemon.start()
    first = daemon.send("LONG", key="one", symbol=BTC)
    copy = tmp_path / "copy.db"
    code, made = daemon.ask("backup", str(copy))
    assert (code, made["backup"]) == (0, str(copy))
    second = daemon.send("LONG", key="two", symbol=ETH)
    refused = daemon.call("restore", str(copy))
    assert refused.code == 1
    assert "another signalbot" in refused.err
    daemon.stop()

    code, done = daemon.ask("restore", str(copy))
    assert code == 0
    former = {row["signal_id"] for row in rows_of(Path(done["former"]), "signals")}
    assert former == {first, second}
    daemon.start()
    assert "this is the backup of" in (_halted(daemon) or "")
    assert daemon.send("LONG", key="one", symbol=BTC) == first
    assert daemon.send("LONG", key="two", symbol=ETH) == second
    assert daemon.codes(second) == ["TRADING_HALTED"]
    assert len(daemon.rows("signal_executions")) == 1
    assert daemon.call("unhalt").code == 0
    third = daemon.send("LONG", key="three", symbol=ETH)
    daemon.stop()
    assert daemon.codes(third) == ["APPROVED"]
    assert daemon.codes(second) == ["TRADING_HALTED"]


def test_an_older_file_that_was_put_there_by_hand_is_noticed(
    daemon: Daemon, tmp_path: Path
) -> None:
    """A plain copy bears no mark; the note beside the ledger knows that it had come further."""
    daemon.start()
    daemon.stop()
    shutil.copy(daemon.ledger, tmp_path / "old.db")
    daemon.start()
    daemon.send("LONG", key="one")
    daemon.stop()
    shutil.copy(tmp_path / "old.db", daemon.ledger)
    daemon.start()
    assert "older than the last one used" in (_halted(daemon) or "")
    assert daemon.codes(daemon.send("LONG", key="one")) == ["TRADING_HALTED"]
    daemon.stop()


def test_a_ledger_that_vanished_is_noticed(daemon: Daemon) -> None:
    """An empty one in its place would enter anew what is open at the exchange already."""
    daemon.start()
    daemon.stop()
    daemon.ledger.unlink()
    daemon.start()
    assert "a different ledger was used in this state directory" in (_halted(daemon) or "")
    daemon.stop()


def test_an_ordinary_restart_is_not_halted(daemon: Daemon) -> None:
    """Nor is one after a kill."""
    daemon.start()
    daemon.send("LONG", key="one")
    assert daemon.process is not None
    daemon.process.kill()
    daemon.process.wait()
    daemon.start()
    assert _halted(daemon) is None
    assert daemon.codes(daemon.send("LONG", key="two", symbol=ETH)) == ["APPROVED"]
    daemon.stop()


def test_what_is_no_ledger_is_not_restored(daemon: Daemon, tmp_path: Path) -> None:
    """The ledger that is there stays as it is."""
    daemon.start()
    daemon.stop()
    before = daemon.ledger.read_bytes()
    (tmp_path / "song.txt").write_text("la la la" * 1000)
    refused = daemon.call("restore", str(tmp_path / "song.txt"))
    assert (refused.code, daemon.ledger.read_bytes()) == (1, before)
    assert "song.txt" in refused.err
