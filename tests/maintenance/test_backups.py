"""Backups are consistent, verified and halted, and expire by the configured rules."""

import asyncio
import sqlite3
import stat
from contextlib import closing
from datetime import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.errors import LedgerError
from signalbot.domain.timeframe import Ms
from signalbot.ledger.backup import check_copy, copy_ledger
from signalbot.ledger.database import open_database
from signalbot.maintenance.backups import Backup, backups_in, create_backup, expired
from signalbot.settings.daemon import BackupSettings
from tests.domain.samples import NOW
from tests.ledger.ledger_fixtures import ledger, signal
from tests.maintenance.daemon_process import rows_of

DAY_MS = 86_400_000
INSTANTS = st.lists(st.integers(0, 400 * DAY_MS), unique=True, max_size=60)


def _terms(folder: Path, *, daily: int = 7, weekly: int = 4) -> BackupSettings:
    return BackupSettings(
        directory=folder / "backups",
        every_ms=DAY_MS,
        at=time(3, 30),
        keep_daily=daily,
        keep_weekly=weekly,
    )


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_copy_made_while_the_ledger_is_written_is_one_moment_of_it(tmp_path: Path) -> None:
    """Signals are stored one after the other; the copy has the first so many, and no hole."""
    async with ledger(tmp_path) as opened, asyncio.TaskGroup() as group:
        target, stored = tmp_path / "copy.db", asyncio.Event()

        async def store() -> None:
            for number in range(400):
                await opened.signals.store(signal(str(number), created_at_ms=NOW + number))
                if number == 100:
                    stored.set()

        group.create_task(store())
        await stored.wait()
        await asyncio.to_thread(copy_ledger, opened.database.path, target, as_of_ms=NOW)
    found = sorted(row["created_at_ms"] - NOW for row in rows_of(target, "signals"))
    assert found == list(range(len(found)))
    assert len(found) > 100


async def test_a_copy_is_one_file_for_its_owner_alone(tmp_path: Path) -> None:
    """No log beside it that could be forgotten, no reader but its owner."""
    async with ledger(tmp_path) as opened:
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        copy_ledger(opened.database.path, folder / "copy.db", as_of_ms=NOW)
    assert check_copy(folder / "copy.db") > 0
    assert _names(folder) == ["copy.db"]
    assert stat.S_IMODE((folder / "copy.db").stat().st_mode) == 0o600


async def test_a_copy_is_halted_with_a_reason_and_the_original_is_not(tmp_path: Path) -> None:
    """Opened as the ledger, it blocks entries until an operator resumes."""
    async with ledger(tmp_path) as opened:
        copy_ledger(opened.database.path, tmp_path / "copy.db", as_of_ms=Ms(1_785_555_000_000))
        assert await opened.database.query("SELECT 1 FROM daemon_state WHERE key = 'halted'") == []
    (state,) = rows_of(tmp_path / "copy.db", "daemon_state WHERE key = 'halted'")
    assert "the backup of 2026-08-01 03:30:00 UTC" in state["value"]
    assert "signalbot unhalt" in state["value"]


async def test_a_copy_of_a_copy_keeps_the_date_of_the_first(tmp_path: Path) -> None:
    """What counts is how old the trades in it are."""
    async with ledger(tmp_path) as opened:
        copy_ledger(opened.database.path, tmp_path / "one.db", as_of_ms=NOW)
    copy_ledger(tmp_path / "one.db", tmp_path / "two.db", as_of_ms=Ms(NOW + 9 * DAY_MS))
    state = "daemon_state WHERE key = 'halted'"
    assert rows_of(tmp_path / "one.db", state) == rows_of(tmp_path / "two.db", state)


async def test_a_halt_by_hand_is_remembered_in_the_copy(tmp_path: Path) -> None:
    """The reason has the earlier one beside the new one."""
    async with ledger(tmp_path) as opened:
        await opened.accounts.set_halted("exchange maintenance", now_ms=NOW)
        copy_ledger(opened.database.path, tmp_path / "copy.db", as_of_ms=NOW)
    (state,) = rows_of(tmp_path / "copy.db", "daemon_state WHERE key = 'halted'")
    assert "(halted before: exchange maintenance)" in state["value"]


def test_what_is_no_ledger_is_not_copied(tmp_path: Path) -> None:
    """Another program's database is an error, and leaves no file behind."""
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
    with pytest.raises(LedgerError, match="not a signalbot ledger"):
        copy_ledger(tmp_path / "other.db", tmp_path / "copy.db", as_of_ms=NOW)
    assert _names(tmp_path) == ["other.db"]


async def test_a_damaged_ledger_makes_no_copy_that_looks_good(tmp_path: Path) -> None:
    """A copy that fails its examination never gets its name."""
    async with ledger(tmp_path) as opened:
        for number in range(200):
            await opened.signals.store(signal(str(number)))
        path = opened.database.path
    content = bytearray(path.read_bytes())
    content[-12_288:-4_096] = b"\x5a" * 8_192
    path.write_bytes(content)
    with pytest.raises(LedgerError):
        copy_ledger(path, tmp_path / "copy.db", as_of_ms=NOW)
    assert not (tmp_path / "copy.db").exists()


async def test_a_copy_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    """The daemon does not wait for a backup at shutdown."""
    async with ledger(tmp_path) as opened:
        with pytest.raises(LedgerError, match="cancelled"):
            copy_ledger(
                opened.database.path, tmp_path / "copy.db", as_of_ms=NOW, is_cancelled=lambda: True
            )
    assert _names(tmp_path) == ["signalbot.db"]


async def test_backups_are_named_by_their_time_and_the_old_ones_go(tmp_path: Path) -> None:
    """Ten days, three of them kept; other files stay."""
    terms = _terms(tmp_path, daily=3, weekly=0)
    terms.directory.mkdir()
    (terms.directory / "notes.txt").write_text("mine")
    async with open_database(tmp_path / "signalbot.db") as database:
        for day in range(10):
            create_backup(database.path, terms, now_ms=Ms(day * DAY_MS))
    assert _names(terms.directory) == [
        "notes.txt",
        "signalbot-19700108T000000Z.db",
        "signalbot-19700109T000000Z.db",
        "signalbot-19700110T000000Z.db",
    ]
    assert [each.at_ms // DAY_MS for each in backups_in(terms.directory)] == [9, 8, 7]


async def test_a_backup_never_takes_the_room_that_trading_needs(tmp_path: Path) -> None:
    """It is refused before it begins, with what would be needed."""
    async with open_database(tmp_path / "signalbot.db") as database:
        with pytest.raises(LedgerError, match=r"a backup needs .* MB free"):
            create_backup(database.path, _terms(tmp_path), now_ms=NOW, min_free_bytes=1 << 60)
    assert backups_in(_terms(tmp_path).directory) == []


def _backups(instants: list[int]) -> list[Backup]:
    return [Backup(Ms(each), Path(str(each))) for each in instants]


@given(INSTANTS, st.integers(1, 9), st.integers(0, 9))
def test_the_newest_backup_is_always_kept(instants: list[int], daily: int, weekly: int) -> None:
    """Whatever is configured."""
    gone = {each.at_ms for each in expired(_backups(instants), daily=daily, weekly=weekly)}
    assert not instants or max(instants) not in gone


@given(INSTANTS, st.integers(1, 9), st.integers(0, 9))
def test_no_more_than_the_configured_number_is_kept(
    instants: list[int], daily: int, weekly: int
) -> None:
    """At most one of each day and one of each week."""
    backups = _backups(instants)
    kept = len(backups) - len(expired(backups, daily=daily, weekly=weekly))
    assert kept <= daily + weekly


@given(INSTANTS, st.integers(1, 9), st.integers(0, 9))
def test_what_is_kept_is_kept_again(instants: list[int], daily: int, weekly: int) -> None:
    """Removing what is expired makes nothing else expire."""
    backups = _backups(instants)
    gone = expired(backups, daily=daily, weekly=weekly)
    kept = [each for each in backups if each not in gone]
    assert expired(kept, daily=daily, weekly=weekly) == []


@given(st.integers(1, 9), st.integers(1, 9))
def test_after_a_year_of_days_the_last_days_and_weeks_are_there(daily: int, weekly: int) -> None:
    """So many days in a row, and one of each of so many weeks."""
    backups = _backups([day * DAY_MS for day in range(365)])
    gone = expired(backups, daily=daily, weekly=weekly)
    kept = sorted(each.at_ms // DAY_MS for each in backups if each not in gone)
    assert kept[-daily:] == list(range(365 - daily, 365))
    assert len({(day + 3) // 7 for day in kept}) >= weekly
