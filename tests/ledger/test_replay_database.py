"""The ledger of a replay: the same tables, no thread, nothing promised on power loss."""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from signalbot.domain.errors import LedgerError
from signalbot.ledger.database import open_database, open_replay_database

INSERT = "INSERT INTO daemon_state (key, value) VALUES (?, 'x')"


async def test_it_needs_no_thread(tmp_path: Path) -> None:
    """So a replay takes the same turns every time."""
    before = threading.active_count()
    async with open_replay_database(tmp_path / "a.db") as database:
        await database.execute(INSERT, ("a",))
        assert threading.active_count() <= before  # those of tests before may end meanwhile


async def test_its_reader_sees_what_is_not_committed_yet(tmp_path: Path) -> None:
    """The next decision rests on the last."""
    async with open_replay_database(tmp_path / "a.db") as database:
        for number in range(10):
            await database.execute(INSERT, (f"{number}",))
            (row,) = await database.query("SELECT count(*) AS n FROM daemon_state")
            assert row["n"] == number + 1


async def test_it_reads_writes_without_a_waiter(tmp_path: Path) -> None:
    """A write without an answer comes before the read that follows it."""
    async with open_replay_database(tmp_path / "a.db") as database:
        database.write_later(lambda c: c.execute(INSERT, ("a",)))
        assert len(await database.query("SELECT * FROM daemon_state")) == 1


async def test_a_sqlite_failure_is_a_ledger_error(tmp_path: Path) -> None:
    """With the file and the cause, awaited or not."""
    async with open_replay_database(tmp_path / "a.db") as database:
        await database.execute(INSERT, ("a",))
        with pytest.raises(LedgerError, match=r"a\.db: UNIQUE constraint failed"):
            await database.execute(INSERT, ("a",))
        with pytest.raises(LedgerError, match=r"a\.db: UNIQUE constraint failed"):
            database.write_later(lambda c: c.execute(INSERT, ("a",)))
        with pytest.raises(LedgerError, match=r"a\.db: cannot read"):
            await database.query("SELECT * FROM nothing")


async def test_it_can_be_kept(tmp_path: Path) -> None:
    """Everything is in the file once it is closed, in one file, as a daemon's ledger would be."""
    path = tmp_path / "a.db"
    async with open_replay_database(path) as database:
        for number in range(600):
            await database.execute(INSERT, (f"{number}",))
        database.write_later(lambda c: c.execute(INSERT, ("last",)))
    assert os.listdir(tmp_path) == [path.name]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM daemon_state").fetchone() == (601,)
    async with open_database(path) as database:
        assert len(await database.query("SELECT * FROM daemon_state")) == 601


async def test_it_is_kept_even_if_the_replay_fails(tmp_path: Path) -> None:
    """What had happened until then can be looked at."""

    async def fail() -> None:
        async with open_replay_database(tmp_path / "a.db") as database:
            await database.execute(INSERT, ("a",))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        assert connection.execute("SELECT key FROM daemon_state").fetchall() == [("a",)]


async def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    """With an error that names it, as for a ledger that lasts."""
    path = tmp_path / "notes.txt"
    path.write_text("Buy low, sell high. " * 100)
    with pytest.raises(LedgerError, match=r"notes\.txt"):
        async with open_replay_database(path):
            pass
    assert path.read_text().startswith("Buy low")
