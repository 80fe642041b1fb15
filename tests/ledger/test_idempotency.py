"""What is remembered of answered requests is bounded, and no secret stays in it."""

import asyncio
import sqlite3
from pathlib import Path

from signalbot.control.token_issuer import PREFIX
from signalbot.domain.timeframe import DAY_MS, Ms
from signalbot.ledger.connection import APPLICATION_ID
from signalbot.ledger.database import open_database
from signalbot.ledger.idempotency import MAX_KEYS_PER_AUTHOR, IdempotencyStore
from signalbot.ledger.migrations import migrations
from tests.domain.samples import NOW

SECRET = f"{PREFIX}what-an-older-version-has-kept"


async def test_one_author_has_so_many_keys_a_day_and_takes_none_from_others(
    tmp_path: Path,
) -> None:
    """The next day there is room again; what is known is answered meanwhile."""
    async with open_database(tmp_path / "ledger.db") as database:
        answers = IdempotencyStore(database)

        async def claim(author: str, key: str, *, now_ms: Ms = NOW) -> bool:
            found = await answers.claim(author, key, fingerprint="f", now_ms=now_ms)
            return not found.is_full

        async with asyncio.TaskGroup() as group:
            made = [group.create_task(claim("anna", str(n))) for n in range(MAX_KEYS_PER_AUTHOR)]
        assert all(task.result() for task in made)
        assert not await claim("anna", "one more")
        assert await claim("anna", "0")
        assert await claim("ben", "0")
        assert await claim("anna", "one more", now_ms=Ms(NOW + DAY_MS + 1))


async def test_tokens_that_an_older_version_has_kept_are_gone(tmp_path: Path) -> None:
    """From the ledger, from its free pages, and from the copy that is made before the change."""
    path = tmp_path / "ledger.db"
    _make_old(path)
    async with open_database(path):
        pass
    assert _holding_it(tmp_path) == []


def _make_old(path: Path) -> None:
    """A ledger of the version before, in which tokens are remembered."""
    old = sqlite3.connect(path)
    for number, script in migrations():
        if number < 15:
            old.executescript(f"{script}; PRAGMA user_version = {number};")
    old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    body = f'{{"token": "{SECRET}"}}'
    old.executemany(
        "INSERT INTO answers VALUES ('admin', ?, 'f', 201, ?, 1)",
        [(str(number), body.encode()) for number in range(100)],
    )
    old.commit()
    old.close()
    assert SECRET.encode() in path.read_bytes()


def _holding_it(folder: Path) -> list[Path]:
    """Files that hold the secret; there is a copy of the old ledger among those looked at."""
    assert len(list(folder.glob("ledger.db.before-*"))) == 1
    return [each for each in folder.iterdir() if SECRET.encode() in each.read_bytes()]
