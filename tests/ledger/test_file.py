"""The ledger's file: created, set up, examined, migrated; and what is refused."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from signalbot.domain.errors import LedgerError
from signalbot.ledger.connection import APPLICATION_ID, connect_reader, connect_writer
from signalbot.ledger.database import open_database
from signalbot.ledger.migrations import _apply, migrations
from tests.domain.samples import ANNA, NOW
from tests.ledger.ledger_fixtures import approved, intent, ledger, pending, signal

NEWEST = migrations()[-1][0]
OLDER = [number for number, _ in migrations()[:-1]]


@contextmanager
def _plain(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def _pragma(path: Path, name: str) -> object:
    with _plain(path) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


def _names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def _open(path: Path) -> None:
    async with open_database(path):
        pass


def _older_ledger(path: Path, version: int) -> None:
    """A ledger as the signalbot of schema ``version`` left it, with one user in it."""
    with _plain(path) as connection:
        for number, script in migrations():
            if number <= version:
                connection.executescript(script)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute(
            "INSERT INTO users (user_id, mode, exchange, leverage, margin_mode, paper_balance,"
            " status, status_reason, origin, updated_at_ms) VALUES ('anna', 'paper', 'sim', 1,"
            " 'isolated', '10000', 'HALTED', 'by hand', 'config', 1)"
        )


async def test_an_empty_file_becomes_a_ledger_of_the_newest_schema(tmp_path: Path) -> None:
    """Marked as ours, and no copy is kept of nothing."""
    path = tmp_path / "new" / "signalbot.db"
    await _open(path)
    assert _pragma(path, "user_version") == NEWEST
    assert _pragma(path, "application_id") == APPLICATION_ID
    assert _names(path.parent) == ["signalbot.db"]


async def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    """The same schema, the same rows."""
    path = tmp_path / "signalbot.db"
    async with ledger(tmp_path) as books:
        await books.signals.store(signal())
    with _plain(path) as connection:
        before = list(connection.iterdump())
    await _open(path)
    with _plain(path) as connection:
        assert list(connection.iterdump()) == before


def test_migrations_are_numbered_without_a_gap() -> None:
    """From 0001 on."""
    assert [number for number, _ in migrations()] == list(range(1, NEWEST + 1))


@pytest.mark.parametrize("version", OLDER)
async def test_an_older_ledger_is_brought_up_to_date_and_a_copy_is_kept(
    tmp_path: Path, version: int
) -> None:
    """Rows stay, and the copy allows a return to the older version."""
    path = tmp_path / "signalbot.db"
    _older_ledger(path, version)
    await _open(path)
    assert _pragma(path, "user_version") == NEWEST
    copy = tmp_path / f"signalbot.db.before-{NEWEST:04}"
    assert _pragma(copy, "user_version") == version
    for file in (path, copy):
        with _plain(file) as connection:
            rows = connection.execute("SELECT user_id, status, status_reason FROM users").fetchall()
            assert rows == [("anna", "HALTED", "by hand")]


@pytest.mark.parametrize("version", OLDER)
async def test_every_way_to_the_newest_schema_ends_at_the_same(
    tmp_path: Path, version: int
) -> None:
    """Migrated or new, tables and indexes are the same."""
    _older_ledger(tmp_path / "old.db", version)
    await _open(tmp_path / "old.db")
    await _open(tmp_path / "new.db")
    schemas = []
    for name in ("old.db", "new.db"):
        with _plain(tmp_path / name) as connection:
            schemas.append(connection.execute("SELECT sql FROM sqlite_schema").fetchall())
    assert sorted(map(str, schemas[0])) == sorted(map(str, schemas[1]))


def test_a_migration_is_applied_whole_or_not_at_all(tmp_path: Path) -> None:
    """One that fails halfway leaves the version and the tables as they were."""
    path = tmp_path / "a.db"
    with closing(connect_writer(path)) as connection:
        with pytest.raises(LedgerError, match="migration 0007 failed"):
            _apply(connection, 7, "CREATE TABLE half (a); CREATE TABLE broken (")
        assert not connection.in_transaction
        assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 0


async def test_a_ledger_of_a_newer_signalbot_is_refused(tmp_path: Path) -> None:
    """Its rows may have unknown meanings; the message has both versions."""
    path = tmp_path / "signalbot.db"
    await _open(path)
    with _plain(path) as connection:
        connection.execute(f"PRAGMA user_version = {NEWEST + 1}")
    with pytest.raises(
        LedgerError, match=f"schema {NEWEST + 1} .* newer signalbot; this one knows {NEWEST}"
    ):
        await _open(path)
    assert _pragma(path, "user_version") == NEWEST + 1


async def test_a_database_of_another_program_is_refused_and_keeps_its_tables(
    tmp_path: Path,
) -> None:
    """However much it looks like one of ours."""
    path = tmp_path / "photos.db"
    with _plain(path) as connection:
        connection.execute("CREATE TABLE users (user_id TEXT)")
    with pytest.raises(LedgerError, match=r"photos\.db: not a signalbot ledger"):
        await _open(path)
    with _plain(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("users",)]


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """And not touched."""
    path = tmp_path / "notes.txt"
    path.write_text("Buy low, sell high. " * 100)
    with pytest.raises(LedgerError, match=r"notes\.txt"):
        await _open(path)
    assert path.read_text().startswith("Buy low")


async def test_a_ledger_that_cannot_be_opened_is_an_error_with_its_path(tmp_path: Path) -> None:
    """A folder of that name is in the way."""
    (tmp_path / "signalbot.db").mkdir()
    with pytest.raises(LedgerError, match=r"signalbot\.db: cannot open"):
        await _open(tmp_path / "signalbot.db")


async def _written(folder: Path) -> Path:
    """A closed ledger of some thirty pages."""
    async with ledger(folder) as books:
        for number in range(30):
            each = replace(signal(str(number)), reason="crossed " * 300)
            await books.signals.store(each)
            await books.executions.claim(pending(each), approved(each), [intent(each)])
        return books.database.path


async def test_a_damaged_ledger_is_refused_wherever_the_damage_is(tmp_path: Path) -> None:
    """Flipped bits at the head of any page: tables, indexes, the schema, the file itself."""
    path = await _written(tmp_path)
    content = path.read_bytes()
    size = int.from_bytes(content[16:18], "big")
    assert len(content) > 20 * size
    for start in range(0, len(content), size):
        damaged = bytearray(content)
        for place in range(start, start + 8):
            damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        with pytest.raises(LedgerError, match=r"signalbot\.db"):
            await _open(path)
    path.write_bytes(content)
    await _open(path)


async def test_an_index_that_disagrees_with_its_table_is_refused(tmp_path: Path) -> None:
    """Each is well-formed by itself; a query through the index would miss what is active."""
    path = await _written(tmp_path)
    with _plain(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        changed = connection.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, 'ACTIVE', 'EXPIRED')"
            " WHERE name = 'signals_active'"
        )
        assert changed.rowcount == 1
    with pytest.raises(LedgerError, match=r"damaged: .*signals_active.*restore a backup"):
        await _open(path)


async def test_a_ledger_cut_short_is_refused(tmp_path: Path) -> None:
    """As a full disk or a broken copy leaves it."""
    path = await _written(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(LedgerError, match=r"signalbot\.db"):
        await _open(path)


async def test_rows_that_point_at_missing_rows_are_refused(tmp_path: Path) -> None:
    """Rows that others refer to were deleted manually."""
    path = await _written(tmp_path)
    with _plain(path) as connection:
        connection.execute("DELETE FROM users WHERE user_id = ?", (ANNA,))
    with pytest.raises(LedgerError, match="refers to rows that are missing"):
        await _open(path)


def test_the_writer_is_durable_and_keeps_references(tmp_path: Path) -> None:
    """Every pragma is read back: SQLite ignores in silence what it cannot honour."""
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
    with closing(connect_writer(tmp_path / "a.db")) as connection:
        for name, value in expected.items():
            assert connection.execute(f"PRAGMA {name}").fetchone()[0] == value


def test_a_reader_only_reads(tmp_path: Path) -> None:
    """And does not create what is not there."""
    with pytest.raises(sqlite3.OperationalError):
        connect_reader(tmp_path / "a.db")
    connect_writer(tmp_path / "a.db").close()
    with closing(connect_reader(tmp_path / "a.db")) as connection:
        assert connection.execute("PRAGMA query_only").fetchone()[0] == 1
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("CREATE TABLE a (b)")


@pytest.mark.parametrize("name", ["a b.db", "100%.db", "what?.db", "no#1.db", "%20.db", "a&b=c.db"])
async def test_any_name_of_a_file_will_do(tmp_path: Path, name: str) -> None:
    """Whatever it means in a URI."""
    await _open(tmp_path / name)
    assert _names(tmp_path) == [name]


async def test_only_the_owner_can_read_the_ledger(tmp_path: Path) -> None:
    """Neither the file nor what lies beside it while it is open, nor the copy of an older one."""
    path = tmp_path / "state" / "signalbot.db"
    path.parent.mkdir()
    _older_ledger(path, 1)
    path.chmod(0o600)
    async with open_database(path) as database:
        await database.execute("UPDATE users SET updated_at_ms = ?", (NOW,))
        files = list(path.parent.iterdir())
        assert len(files) == (4 if OLDER else 3)
        assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    fresh = tmp_path / "fresh" / "signalbot.db"
    async with open_database(fresh) as database:
        await database.flush()
        files = list(fresh.parent.iterdir())
        assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    assert stat.S_IMODE(fresh.parent.stat().st_mode) == 0o700
