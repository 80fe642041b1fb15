"""The claim: of any number of concurrent attempts exactly one wins."""

import asyncio
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from signalbot.domain.errors import LedgerError
from signalbot.domain.orders import Leg
from signalbot.domain.signals import Signal
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.connection import connect_writer
from signalbot.ledger.database import open_database
from signalbot.ledger.executions import ClaimResult
from signalbot.ledger.sql import queries
from tests.domain.samples import ANNA, NOW
from tests.ledger.ledger_fixtures import (
    BEN,
    Ledger,
    approved,
    count,
    intent,
    ledger,
    parts_of,
    pending,
    signal,
)

TRIES = 200


async def _claim(
    of: Ledger, signal: Signal, user_id: UserId = ANNA, *, at_ms: int = NOW + 1
) -> ClaimResult:
    return await of.executions.claim(
        pending(signal, user_id, at_ms=at_ms), approved(signal, user_id), [intent(signal, user_id)]
    )


async def _claims_at_once(
    ledgers: list[Ledger], signal: Signal, tries: int
) -> Counter[ClaimResult]:
    """What came of ``tries`` claims that were all under way together, spread over ``ledgers``."""
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_claim(ledgers[number % len(ledgers)], signal))
            for number in range(tries)
        ]
    return Counter(task.result() for task in tasks)


async def test_of_two_hundred_claims_at_once_one_wins(tmp_path: Path) -> None:
    """All from one daemon: one execution, one decision, one order."""
    async with ledger(tmp_path) as books:
        await books.signals.store(signal())
        outcome = await _claims_at_once([books], signal(), TRIES)
        assert outcome == {ClaimResult.WON: 1, ClaimResult.DUPLICATE: TRIES - 1}
        for table in ("signal_executions", "decisions", "orders"):
            assert await count(books.database, table) == 1


async def test_it_does_not_matter_how_many_connections_they_come_from(tmp_path: Path) -> None:
    """Four ledgers open on one file, each with writer and reader of its own."""
    async with ledger(tmp_path) as books, AsyncExitStack() as stack:
        await books.signals.store(signal())
        others = [
            parts_of(await stack.enter_async_context(open_database(books.database.path)))
            for _ in range(3)
        ]
        outcome = await _claims_at_once([books, *others], signal(), TRIES)
        assert outcome == {ClaimResult.WON: 1, ClaimResult.DUPLICATE: TRIES - 1}
        assert await count(books.database, "signal_executions") == 1


async def test_the_statement_alone_decides_between_threads(tmp_path: Path) -> None:
    """Eight threads with plain connections of their own, twenty-five signals: one winner each."""
    signals = [signal(str(number)) for number in range(25)]
    async with ledger(tmp_path) as books:
        for each in signals:
            await books.signals.store(each)
        path = books.database.path
    start = Barrier(8)

    def race(_: int) -> list[str]:
        with closing(connect_writer(path)) as connection:
            start.wait()
            return [each.signal_id for each in signals if _wins(connection, each)]

    with ThreadPoolExecutor(8) as pool:
        won = [signal_id for each in pool.map(race, range(8)) for signal_id in each]
    assert sorted(won) == sorted(each.signal_id for each in signals)


def _wins(connection: sqlite3.Connection, of: Signal) -> bool:
    execution = pending(of)
    values = {name: getattr(execution, name) for name in execution.__dataclass_fields__}
    sql = queries("executions")["claim_execution"]
    return connection.execute(sql, values).fetchone() is not None


async def test_every_user_has_a_claim_of_their_own(tmp_path: Path) -> None:
    """One user acting on a signal takes nothing from the others."""
    users = [UserId(f"user{number}") for number in range(50)]
    async with ledger(tmp_path, users) as books:
        await books.signals.store(signal())
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_claim(books, signal(), each)) for each in users]
        assert {task.result() for task in tasks} == {ClaimResult.WON}
        executions = await books.executions.executions(signal().signal_id)
        assert {each.user_id for each in executions} == set(users)


async def test_a_claim_outlives_the_daemon(tmp_path: Path) -> None:
    """After a restart the right is still taken."""
    async with ledger(tmp_path) as books:
        await books.signals.store(signal())
        assert await _claim(books, signal()) is ClaimResult.WON
    async with ledger(tmp_path) as books:
        assert await _claim(books, signal()) is ClaimResult.DUPLICATE
        assert await books.executions.has_user_executed(signal().signal_id, ANNA)
        assert not await books.executions.has_user_executed(signal().signal_id, BEN)


@pytest.mark.parametrize(
    ("late_ms", "outcome"),
    [(-1, ClaimResult.WON), (0, ClaimResult.NOT_ACTIVE), (60_000, ClaimResult.NOT_ACTIVE)],
)
async def test_no_claim_wins_once_the_time_is_over(
    tmp_path: Path, late_ms: int, outcome: ClaimResult
) -> None:
    """Even if the signal is not marked expired yet."""
    async with ledger(tmp_path) as books:
        await books.signals.store(signal())
        at_ms = signal().expires_at_ms + late_ms
        assert await _claim(books, signal(), at_ms=at_ms) is outcome
        won = outcome is ClaimResult.WON
        assert await count(books.database, "orders") == won
        assert await count(books.database, "decisions") == won


async def test_no_claim_wins_on_an_expired_or_a_withdrawn_signal(tmp_path: Path) -> None:
    """Whatever time the claim believes it is."""
    async with ledger(tmp_path) as books:
        for key in ("expired", "withdrawn"):
            await books.signals.store(signal(key))
        assert await books.signals.cancel(signal("withdrawn").signal_id, now_ms=NOW)
        await books.signals.expire(signal().expires_at_ms)
        assert await _claim(books, signal("expired")) is ClaimResult.NOT_ACTIVE
        assert await _claim(books, signal("withdrawn")) is ClaimResult.NOT_ACTIVE


async def test_a_signal_that_is_not_stored_cannot_be_claimed(tmp_path: Path) -> None:
    """There is nothing to act on."""
    async with ledger(tmp_path) as books:
        assert await _claim(books, signal("unheard of")) is ClaimResult.NOT_ACTIVE


async def test_a_claim_in_time_persists(tmp_path: Path) -> None:
    """The signal's end takes nothing back, and a second attempt is still a duplicate."""
    async with ledger(tmp_path) as books:
        await books.signals.store(signal())
        assert await _claim(books, signal()) is ClaimResult.WON
        assert await books.signals.cancel(signal().signal_id, now_ms=NOW)
        assert await _claim(books, signal()) is ClaimResult.DUPLICATE
        assert await _claim(books, signal(), BEN) is ClaimResult.NOT_ACTIVE


async def test_a_withdrawal_overtakes_the_claims_that_wait(tmp_path: Path) -> None:
    """Both are queued at once: claims after the withdrawal fail."""
    async with ledger(tmp_path) as books:
        await books.signals.store(signal())
        async with asyncio.TaskGroup() as group:
            claimed = group.create_task(_claim(books, signal()))
            group.create_task(books.signals.cancel(signal().signal_id, now_ms=NOW))
        assert claimed.result() is ClaimResult.NOT_ACTIVE
        assert await count(books.database, "signal_executions") == 0


async def test_execution_decision_and_intents_are_taken_together_or_not_at_all(
    tmp_path: Path,
) -> None:
    """An order that cannot be stored leaves no unused claim behind."""
    async with ledger(tmp_path) as books:
        await books.signals.store(signal())
        broken = replace(intent(signal(), leg=Leg.STOP_LOSS), user_id=UserId("nobody"))
        with pytest.raises(LedgerError, match="FOREIGN KEY"):
            await books.executions.claim(
                pending(signal()), approved(signal()), [intent(signal()), broken]
            )
        for table in ("signal_executions", "decisions", "orders"):
            assert await count(books.database, table) == 0
        assert await _claim(books, signal()) is ClaimResult.WON


async def test_what_was_claimed_can_be_read_back(tmp_path: Path) -> None:
    """The pending row, as it was written, in doubt until it is settled."""
    async with ledger(tmp_path) as books:
        await books.signals.store(signal())
        await _claim(books, signal())
        key = (signal().signal_id, ANNA)
        assert await books.executions.execution(*key) == pending(signal())
        assert await books.executions.unresolved_executions(ANNA) == [pending(signal())]
        assert await books.executions.unresolved_executions(BEN) == []
        (order,) = await books.trades.orders_of_signal(*key)
        assert order.request == intent(signal())
        assert order.updated_at_ms == Ms(NOW)
