"""Old rows move to readable archives without loss, and stay visible."""

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.errors import LedgerError
from signalbot.domain.signals import Signal
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.ledger import views
from signalbot.ledger.archive import reader as archive_reader
from signalbot.ledger.archive.files import ArchivedRow, append_rows, archive_path, read_rows
from signalbot.ledger.executions import ClaimResult
from signalbot.ledger.signals import RunOutcome, StrategyRun
from signalbot.maintenance.archiving import archive_old_rows
from signalbot.tasks import SystemClock
from tests.domain.samples import ANNA, NOW
from tests.ledger.ledger_fixtures import (
    BEN,
    Ledger,
    approved,
    intent,
    ledger,
    pending,
    signal,
    skipped,
)

DAY_MS = 86_400_000
CUTOFF = Ms(NOW + 45 * DAY_MS)
CLOCK = SystemClock()


def _signal(key: str, day: int) -> Signal:
    return replace(signal(key, created_at_ms=NOW + day * DAY_MS), price=Decimal(7))


def _run(of: Signal | None, day: int) -> StrategyRun:
    return StrategyRun(
        strategy="trend",
        symbol="BTC/USDT:USDT",
        timeframe=Timeframe.M5,
        candle_close_ms=Ms(NOW + day * DAY_MS),
        started_at_ms=Ms(NOW + day * DAY_MS + 5),
        duration_ms=2,
        drift_ms=5,
        outcome=RunOutcome.NO_SIGNAL if of is None else RunOutcome.SIGNAL,
        signal_id=None if of is None else of.signal_id,
        subscribers=2,
    )


@asynccontextmanager
async def history(folder: Path) -> AsyncIterator[Ledger]:
    """Ninety days with a signal each; Anna executed every tenth, Ben none."""
    async with ledger(folder) as opened:
        for day in range(90):
            made = _signal(str(day), day)
            await opened.signals.store(made, _run(made, day))
            await opened.signals.record_decision(skipped(made, BEN, DecisionCode.SYMBOL_FILTERED))
            if day % 10:
                await opened.signals.record_decision(
                    skipped(made, ANNA, DecisionCode.OUTSIDE_HOURS)
                )
            else:
                execution = pending(made, at_ms=made.created_at_ms + 1)
                claim = await opened.executions.claim(execution, approved(made), [intent(made)])
                assert claim is ClaimResult.WON
        await opened.signals.expire(Ms(NOW + 91 * DAY_MS))
        yield opened


async def _count(opened: Ledger, table: str) -> int:
    return int((await opened.database.query(f"SELECT count(*) AS n FROM {table}"))[0]["n"])


async def _all(opened: Ledger, table: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await opened.database.query(f"SELECT * FROM {table}")]


def archived_lines(folder: Path) -> list[dict[str, Any]]:
    """Everything in the archives, read as any program would read it."""
    return [
        json.loads(line)
        for path in sorted((folder / "archive").iterdir())
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]


def _archived(folder: Path, table: str) -> list[dict[str, Any]]:
    return [line[table] for line in archived_lines(folder) if table in line]


async def _archive(opened: Ledger, folder: Path, cutoff_ms: Ms = CUTOFF) -> int:
    return await archive_old_rows(
        opened.database, folder / "archive", cutoff_ms=cutoff_ms, clock=CLOCK
    )


async def test_what_is_old_leaves_and_what_trades_need_stays(tmp_path: Path) -> None:
    """Executed signals stay beside their executions; orders and executions are never touched."""
    async with history(tmp_path) as opened:
        before = {table: await _all(opened, table) for table in ("signal_executions", "orders")}
        await _archive(opened, tmp_path)
        assert {table: await _all(opened, table) for table in before} == before
        assert await _count(opened, "signals") == 45 + 5
        assert await _count(opened, "decisions") == 2 * 45
        assert await _count(opened, "strategy_runs") == 45
        assert await opened.database.query("PRAGMA foreign_key_check") == []


async def test_every_row_is_in_the_ledger_or_in_an_archive(tmp_path: Path) -> None:
    """Each row exactly once, with unchanged columns."""
    async with history(tmp_path) as opened:
        before = {
            table: await _all(opened, table)
            for table in ("signals", "decisions", "strategy_runs", "events")
        }
        moved = await _archive(opened, tmp_path)
        for table, rows in before.items():
            left, gone = await _all(opened, table), _archived(tmp_path, table)
            stays_too = [row for row in gone if row in left]
            assert table == "signals" or not stays_too
            both = [*left, *(row for row in gone if row not in stays_too)]
            assert sorted(map(str, both)) == sorted(map(str, rows)), table
    assert len(archived_lines(tmp_path)) == moved


async def test_archives_are_monthly(tmp_path: Path) -> None:
    """Each row is in the file of its month."""
    async with history(tmp_path) as opened:
        await _archive(opened, tmp_path)
    names = sorted(path.name for path in (tmp_path / "archive").iterdir())
    assert names == ["2023-11.jsonl.gz", "2023-12.jsonl.gz"]


async def test_moving_again_moves_nothing(tmp_path: Path) -> None:
    """Idempotent: the second time everything is where it belongs."""
    async with history(tmp_path) as opened:
        await _archive(opened, tmp_path)
        lines = archived_lines(tmp_path)
        assert await _archive(opened, tmp_path) == 0
    assert archived_lines(tmp_path) == lines


async def test_archives_grow_as_time_goes_by(tmp_path: Path) -> None:
    """Moved day by day or at once, the archives hold the same."""
    (tmp_path / "slow").mkdir()
    (tmp_path / "fast").mkdir()
    async with history(tmp_path / "slow") as slow, history(tmp_path / "fast") as fast:
        for day in range(0, 50, 7):
            await _archive(slow, tmp_path / "slow", Ms(NOW + day * DAY_MS))
        await _archive(fast, tmp_path / "fast", Ms(NOW + 49 * DAY_MS))
    for table in ("signals", "decisions", "strategy_runs"):
        made = [sorted(map(str, _archived(tmp_path / each, table))) for each in ("slow", "fast")]
        assert made[0] == made[1], table


@pytest.mark.parametrize(
    "selection",
    [
        views.Selection(),
        views.Selection(limit=10),
        views.Selection(limit=60),
        views.Selection(user="anna"),
        views.Selection(user="ben", limit=70),
        views.Selection(since_ms=Ms(NOW + 20 * DAY_MS), until_ms=Ms(NOW + 60 * DAY_MS)),
        views.Selection(status="EXPIRED", symbol="BTC/*", strategy="trend"),
        views.Selection(status="ACTIVE"),
    ],
)
async def test_listings_are_the_same_before_and_after(
    tmp_path: Path, selection: views.Selection
) -> None:
    """Listings are independent of where the rows are."""
    async with history(tmp_path) as opened:
        with views.open_ledger(opened.database.path) as connection:
            before = archive_reader.signals(connection, selection)
        await _archive(opened, tmp_path)
        with views.open_ledger(opened.database.path) as connection:
            assert archive_reader.signals(connection, selection) == before


async def test_every_story_is_the_same_before_and_after(tmp_path: Path) -> None:
    """Who decided what on a signal, and why: of signals that moved, and of those that stayed."""
    async with history(tmp_path) as opened:
        ids = [row["signal_id"] for row in await _all(opened, "signals")]
        with views.open_ledger(opened.database.path) as connection:
            before = {each: views.signal_outcomes(connection, each) for each in ids}
        await _archive(opened, tmp_path)
        with views.open_ledger(opened.database.path) as connection:
            assert views.signal_ids(connection, prefix="sig_", limit=1000) == sorted(ids)
            for each in ids:
                with archive_reader.open_with_archived(connection, each) as whole:
                    assert views.signal_outcomes(whole, each) == before[each]
                assert archive_reader.signal(connection, each) is not None


async def test_a_signal_that_moved_cannot_come_again(tmp_path: Path) -> None:
    """The same event a year later is no new signal."""
    async with history(tmp_path) as opened:
        await _archive(opened, tmp_path)
        assert not await opened.signals.store(_signal("1", 1))
        assert await opened.signals.store(_signal("new", 91))


async def test_an_active_signal_never_moves(tmp_path: Path) -> None:
    """Whatever its age: it can still be executed."""
    async with ledger(tmp_path) as opened:
        await opened.signals.store(_signal("1", 1))
        await _archive(opened, tmp_path)
        assert await _count(opened, "signals") == 1


async def test_the_newest_run_of_each_stream_stays(tmp_path: Path) -> None:
    """So that a strategy that was off for a year knows where it stood, and its signal with it."""
    async with ledger(tmp_path) as opened:
        made = _signal("1", 1)
        await opened.signals.store(made, _run(made, 1))
        await opened.signals.expire(CUTOFF)
        await _archive(opened, tmp_path)
        assert await _count(opened, "strategy_runs") == await _count(opened, "signals") == 1


async def test_a_ledger_that_does_not_know_of_its_archives_adds_nothing_twice(
    tmp_path: Path,
) -> None:
    """As after a kill between writing and deleting, or after a backup was restored."""
    (tmp_path / "first").mkdir()
    async with history(tmp_path / "first") as opened:
        await _archive(opened, tmp_path / "first")
    lines = archived_lines(tmp_path / "first")
    (tmp_path / "first" / "archive").rename(tmp_path / "archive")
    async with history(tmp_path) as opened:
        await _archive(opened, tmp_path)
        assert await _count(opened, "decisions") == 2 * 45
    assert sorted(map(str, archived_lines(tmp_path))) == sorted(map(str, lines))


async def test_a_torn_end_is_cut_off_and_written_anew(tmp_path: Path) -> None:
    """A kill in the middle of a write leaves half a part; the rows are still in the ledger."""
    async with history(tmp_path) as opened:
        await _archive(opened, tmp_path, Ms(NOW + 10 * DAY_MS))
        path = archive_path(tmp_path / "archive", "2023-11")
        with path.open("ab") as file:
            file.write(gzip.compress(b"half a part of many rows" * 99)[:-20])
        await _archive(opened, tmp_path)
        assert await _count(opened, "decisions") == 2 * 45
    assert len(_archived(tmp_path, "decisions")) == 2 * 45


async def test_a_lost_archive_stops_the_move_and_no_row_is_deleted(tmp_path: Path) -> None:
    """The file was removed: it is logged, and the ledger keeps its rows."""
    async with history(tmp_path) as opened:
        await _archive(opened, tmp_path, Ms(NOW + 10 * DAY_MS))
        archive_path(tmp_path / "archive", "2023-11").unlink()
        before = await _all(opened, "decisions")
        with pytest.raises(LedgerError, match="restore the whole file"):
            await _archive(opened, tmp_path)
        assert await _all(opened, "decisions") == before
        with (
            views.open_ledger(opened.database.path) as connection,
            pytest.raises(LedgerError, match="cannot read this archive"),
        ):
            archive_reader.signals(connection, views.Selection())


ROWS = st.lists(
    st.builds(
        ArchivedRow,
        st.sampled_from(["signals", "decisions"]),
        st.fixed_dictionaries({"id": st.integers(), "reason": st.text(), "price": st.none()}),
    ),
    unique_by=ArchivedRow.to_line,
    max_size=12,
)


@given(st.lists(ROWS, max_size=5), st.data())
def test_an_archive_holds_each_row_once_wherever_one_was_killed(
    tmp_path_factory: pytest.TempPathFactory, portions: list[list[ArchivedRow]], data: st.DataObject
) -> None:
    """Portions are added; after some the note of it is lost, or the end is torn, and it is tried
    again: in the end every portion is there once."""
    path, confirmed = tmp_path_factory.mktemp("a") / "2026-08.jsonl.gz", 0
    expected: list[bytes] = []
    for portion in portions:
        fresh = [row for row in portion if row.to_line() not in expected]
        size = append_rows(path, fresh, confirmed=confirmed)
        if data.draw(st.booleans()):
            with path.open("r+b") as file:
                file.truncate(data.draw(st.integers(confirmed, size)))
            size = append_rows(path, fresh, confirmed=confirmed)
        confirmed = size
        expected += [row.to_line() for row in fresh]
    found = [row.to_line() for row in read_rows(path, confirmed=confirmed)] if portions else []
    assert found == expected
