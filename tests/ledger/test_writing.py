"""The one writer: many writes share a commit, each keeps its own result and its own failure."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event, Timer

import pytest

from signalbot.domain.errors import LedgerError
from signalbot.ledger.connection import connect_writer
from signalbot.ledger.database import Database, open_database

MANY = 300


def _insert(key: str) -> Callable[[sqlite3.Connection], str]:
    def work(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO daemon_state (key, value) VALUES (?, 'x')", (key,))
        return key

    return work


def _insert_then_fail(key: str) -> Callable[[sqlite3.Connection], None]:
    def work(connection: sqlite3.Connection) -> None:
        _insert(key)(connection)
        raise ZeroDivisionError(key)

    return work


async def _keys(database: Database) -> set[str]:
    return {row["key"] for row in await database.query("SELECT key FROM daemon_state")}


async def test_many_writers_share_few_commits(tmp_path: Path) -> None:
    """Writes that arrive during a commit are committed together."""
    async with open_database(tmp_path / "a.db") as database:
        before = database.commits
        async with asyncio.TaskGroup() as group:
            for number in range(MANY):
                group.create_task(database.write(_insert(f"{number}")))
        assert len(await _keys(database)) == MANY
        assert 1 <= database.commits - before <= MANY / 10


async def test_the_first_of_many_does_not_wait_for_the_last(tmp_path: Path) -> None:
    """The first caller continues while the others are still being written."""
    first_is_done = Event()

    def last(_: sqlite3.Connection) -> bool:
        return first_is_done.wait(10)

    async with open_database(tmp_path / "a.db") as database, asyncio.TaskGroup() as group:
        first = group.create_task(database.write(_insert("first")))
        for number in range(MANY):
            group.create_task(database.write(_insert(f"{number}")))
        final = group.create_task(database.write(last))
        assert await first == "first"
        first_is_done.set()
        assert await final


async def test_writes_one_after_the_other_each_have_a_commit(tmp_path: Path) -> None:
    """A write returns only after its own."""
    async with open_database(tmp_path / "a.db") as database:
        for number in range(5):
            before = database.commits
            await database.write(_insert(f"{number}"))
            assert database.commits == before + 1


async def test_a_write_that_is_waited_for_does_not_wait_for_company(tmp_path: Path) -> None:
    """Only writes without a waiter may be delayed; fifty delays would be noticeable."""
    async with open_database(tmp_path / "a.db") as database:
        now_s = asyncio.get_running_loop().time
        before_s = now_s()
        for number in range(50):
            await database.write(_insert(f"{number}"))
        assert now_s() - before_s < 2


async def test_a_finished_write_is_visible_to_all_connections(tmp_path: Path) -> None:
    """By the reader, and by another connection."""
    async with open_database(tmp_path / "a.db") as database:
        with closing(sqlite3.connect(tmp_path / "a.db")) as other:
            for number in range(20):
                await database.write(_insert(f"{number}"))
                assert f"{number}" in await _keys(database)
                assert other.execute("SELECT count(*) FROM daemon_state").fetchone() == (
                    number + 1,
                )


async def test_results_return_to_their_callers_and_writes_keep_their_order(tmp_path: Path) -> None:
    """First in, first out."""
    done: list[int] = []

    def work(number: int) -> Callable[[sqlite3.Connection], int]:
        def note(_: sqlite3.Connection) -> int:
            done.append(number)
            return number * number

        return note

    async with open_database(tmp_path / "a.db") as database:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(database.write(work(number))) for number in range(MANY)]
        assert [task.result() for task in tasks] == [number * number for number in range(MANY)]
        assert done == list(range(MANY))


async def test_a_low_priority_write_runs_after_all_others(tmp_path: Path) -> None:
    """What a stop waits for is not kept up by a thousand claims; patient ones keep their order."""
    done: list[str] = []

    def work(name: str) -> Callable[[sqlite3.Connection], None]:
        return lambda _: done.append(name)

    async with open_database(tmp_path / "a.db") as database:
        async with asyncio.TaskGroup() as group:
            for number in range(MANY):
                group.create_task(database.write(work(f"claim {number}"), low_priority=True))
            await asyncio.sleep(0)
            for number in range(2):
                group.create_task(database.write(work(f"booking {number}")))
        bookings = [place for place, name in enumerate(done) if name.startswith("booking")]
        assert bookings[1] == bookings[0] + 1 < MANY / 2  # behind a commit that had begun
        claims = [name for name in done if name.startswith("claim")]
        assert claims == [f"claim {number}" for number in range(MANY)]


async def test_flushing_waits_for_low_priority_writes_too(tmp_path: Path) -> None:
    """Everything queued by then is committed."""
    async with open_database(tmp_path / "a.db") as database:
        claims = [
            asyncio.create_task(database.write(_insert(f"{number}"), low_priority=True))
            for number in range(MANY)
        ]
        await asyncio.sleep(0)
        await database.flush()
        assert len(await _keys(database)) == MANY
        await asyncio.gather(*claims)


async def test_writes_on_a_full_disk_succeed_in_the_freed_reserve(tmp_path: Path) -> None:
    """However long it takes: a repeated write reports only its final result."""
    connections: list[sqlite3.Connection] = []

    def release() -> bool:
        connections[0].execute("PRAGMA max_page_count = 1000000")
        return True

    def large(key: str) -> Callable[[sqlite3.Connection], str]:
        def work(connection: sqlite3.Connection) -> str:
            time.sleep(0.005)
            connection.execute(
                "INSERT INTO daemon_state (key, value) VALUES (?, ?)", (key, "x" * 9_000)
            )
            return key

        return work

    keys = [f"large {number}" for number in range(20)]
    async with open_database(tmp_path / "a.db") as database:
        database.on_disk_full(release)
        await database.write(connections.append)
        await database.write(lambda c: c.execute("PRAGMA max_page_count = 1").fetchall())
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            tasks = [group.create_task(database.write(large(key))) for key in keys]
        assert [task.result() for task in tasks] == keys
        assert await _keys(database) >= set(keys)


async def test_a_failing_write_undoes_only_itself(tmp_path: Path) -> None:
    """Its neighbours in the same commit stay, once each, and its error is its own."""
    async with open_database(tmp_path / "a.db") as database:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_outcome(database, _insert_then_fail(f"bad {number}")))
                if number % 7 == 3
                else group.create_task(_outcome(database, _insert(f"good {number}")))
                for number in range(50)
            ]
        for number, task in enumerate(tasks):
            assert task.result() == (
                f"bad {number}" if number % 7 == 3 else f"good {number}"
            )  # fmt: skip
        good = {f"good {number}" for number in range(50) if number % 7 != 3}
        assert await _keys(database) == good


async def _outcome(database: Database, work: Callable[[sqlite3.Connection], object]) -> object:
    try:
        return await database.write(work)
    except ZeroDivisionError as e:
        return e.args[0]


async def test_a_sqlite_failure_is_a_ledger_error_and_the_ledger_continues(
    tmp_path: Path,
) -> None:
    """The same key twice: refused, with the file and the cause; the next write succeeds."""
    async with open_database(tmp_path / "a.db") as database:
        await database.write(_insert("a"))
        with pytest.raises(LedgerError, match=r"a\.db: UNIQUE constraint failed"):
            await database.write(_insert("a"))
        await database.write(_insert("b"))
        assert await _keys(database) == {"a", "b"}


async def test_cancelling_the_caller_does_not_stop_the_write(tmp_path: Path) -> None:
    """The write is done; only its result is lost."""
    async with open_database(tmp_path / "a.db") as database:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(database.write(_insert(f"{n}"))) for n in range(10)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
        assert [task.cancelled() for task in tasks] == [True, False] * 5
        await database.flush()
        assert len(await _keys(database)) == 10


async def test_a_write_without_a_waiter_is_committed_with_the_next(tmp_path: Path) -> None:
    """In their order, in one commit."""
    async with open_database(tmp_path / "a.db") as database:
        before = database.commits
        for number in range(20):
            database.write_later(_insert(f"later {number}"))
        await database.write(_insert("now"))
        assert len(await _keys(database)) == 21
        assert database.commits == before + 1


async def test_a_write_without_a_waiter_is_committed_after_a_short_delay(tmp_path: Path) -> None:
    """Even when no other write comes."""
    async with open_database(tmp_path / "a.db") as database:
        database.write_later(_insert("alone"))
        for _ in range(500):
            if await _keys(database):
                break
            await asyncio.sleep(0.01)
        assert await _keys(database) == {"alone"}


async def test_closing_commits_what_is_still_queued(tmp_path: Path) -> None:
    """A clean shutdown loses no write."""
    async with open_database(tmp_path / "a.db") as database:
        for number in range(MANY):
            database.write_later(_insert(f"{number}"))
    async with open_database(tmp_path / "a.db") as database:
        assert len(await _keys(database)) == MANY


async def test_a_closed_ledger_refuses_to_write(tmp_path: Path) -> None:
    """Awaited or not."""
    async with open_database(tmp_path / "a.db") as database:
        pass
    with pytest.raises(LedgerError, match="closed"):
        await database.write(_insert("late"))
    with pytest.raises(LedgerError, match="closed"):
        database.write_later(_insert("late"))


async def test_a_failed_write_without_a_waiter_stops_the_daemon(tmp_path: Path) -> None:
    """No caller would see the failure, and the ledger would lack rows."""
    stopped = False
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 - the block is what is stopped
        async with open_database(tmp_path / "a.db") as database:
            database.write_later(_insert("a"))
            database.write_later(_insert("a"))
            try:
                await asyncio.sleep(5)
            except asyncio.CancelledError:
                stopped = True
                raise
    assert stopped
    assert caught.group_contains(LedgerError, match="UNIQUE")


async def test_the_reader_cannot_write(tmp_path: Path) -> None:
    """Not by mistake, and not through a query."""
    async with open_database(tmp_path / "a.db") as database:
        await database.write(_insert("a"))
        with pytest.raises(LedgerError, match="readonly"):
            await database.query("DELETE FROM daemon_state")
        with pytest.raises(LedgerError, match="readonly"):
            await database.read(_insert("b"))
        assert await _keys(database) == {"a"}


async def test_a_write_waits_while_another_program_holds_the_file(tmp_path: Path) -> None:
    """A backup or an editor may take long; no write fails or is lost."""
    path = tmp_path / "a.db"
    async with open_database(path) as database:
        with closing(connect_writer(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            timer = Timer(0.2, lambda: other.execute("COMMIT"))
            timer.start()
            await database.write(_insert("patient"))
            timer.join()
        assert await _keys(database) == {"patient"}


async def test_execute_gives_the_rows_a_statement_returns(tmp_path: Path) -> None:
    """One statement, one transaction."""
    async with open_database(tmp_path / "a.db") as database:
        rows = await database.execute(
            "INSERT INTO daemon_state (key, value) VALUES ('a', '1'), ('b', '2') RETURNING key"
        )
        assert [row["key"] for row in rows] == ["a", "b"]


async def test_a_checkpoint_empties_the_log_into_the_file(tmp_path: Path) -> None:
    """So that a copy of the file alone is a whole ledger."""
    path = tmp_path / "a.db"
    async with open_database(path) as database:
        await database.write(_insert("a"))
        log = path.with_name("a.db-wal")
        assert log.stat().st_size > 0
        await database.checkpoint()
        assert log.stat().st_size == 0
