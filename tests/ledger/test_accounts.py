"""Users and subscriptions come from the configuration; their statuses persist."""

from dataclasses import replace
from pathlib import Path

import pytest

from signalbot.domain.timeframe import Ms
from signalbot.domain.users import Mode, Origin, SubscriptionStatus, UserId, UserStatus
from signalbot.ledger.accounts import PersistedStatus
from tests.domain.samples import ANNA, NOW, POSITION
from tests.ledger.ledger_fixtures import BEN, STRATEGY, Ledger, ledger, signal, subscription, user

CLEO = UserId("cleo")


async def _sync(books: Ledger, *users: UserId, at_ms: int = NOW + 9) -> PersistedStatus:
    return await books.accounts.sync(
        users=[user(each) for each in users],
        strategies=[STRATEGY],
        subscriptions=[subscription(each) for each in users],
        now_ms=Ms(at_ms),
    )


async def _status(books: Ledger, table: str, key: str) -> tuple[str, int]:
    name = {"users": "user_id", "strategies": "name", "subscriptions": "subscription_id"}[table]
    (row,) = await books.database.query(
        f"SELECT status, updated_at_ms FROM {table} WHERE {name} = ?", (key,)
    )
    return row["status"], row["updated_at_ms"]


async def test_who_is_new_is_active(tmp_path: Path) -> None:
    """Users and subscriptions alike, and no halt."""
    async with ledger(tmp_path) as books:
        assert await _sync(books, ANNA, BEN) == PersistedStatus(
            users={ANNA: (UserStatus.ACTIVE, ""), BEN: (UserStatus.ACTIVE, "")},
            subscriptions={
                "anna/trend": SubscriptionStatus.ACTIVE,
                "ben/trend": SubscriptionStatus.ACTIVE,
            },
            halted=None,
            orphaned_positions={},
        )


@pytest.mark.parametrize("status", [UserStatus.PAUSED, UserStatus.HALTED])
async def test_a_status_set_by_hand_outlives_restarts(tmp_path: Path, status: UserStatus) -> None:
    """With its reason, however often the daemon starts."""
    async with ledger(tmp_path) as books:
        await books.accounts.set_user_status(ANNA, status, reason="bad keys", now_ms=Ms(NOW + 1))
    for _ in range(2):
        async with ledger(tmp_path) as books:
            standing = await _sync(books, ANNA, BEN)
            assert standing.users[ANNA] == (status, "bad keys")
            assert standing.users[BEN] == (UserStatus.ACTIVE, "")


async def test_a_changed_user_keeps_its_status(tmp_path: Path) -> None:
    """Another mode in the file does not lift a halt."""
    async with ledger(tmp_path) as books:
        await books.accounts.set_user_status(
            ANNA, UserStatus.HALTED, reason="loss", now_ms=Ms(NOW + 1)
        )
        standing = await books.accounts.sync(
            users=[replace(user(ANNA), mode=Mode.LIVE)],
            strategies=[STRATEGY],
            subscriptions=[subscription(ANNA)],
            now_ms=Ms(NOW + 2),
        )
        assert standing.users[ANNA] == (UserStatus.HALTED, "loss")
        (row,) = await books.database.query("SELECT mode FROM users WHERE user_id = 'anna'")
        assert row["mode"] == "live"


@pytest.mark.parametrize("status", [SubscriptionStatus.PAUSED, SubscriptionStatus.CANCELLED])
async def test_a_paused_subscription_outlives_restarts_and_a_cancelled_one_is_taken_up_again(
    tmp_path: Path, status: SubscriptionStatus
) -> None:
    """What the file still names is wanted."""
    async with ledger(tmp_path) as books:
        await books.accounts.set_subscription_status(ANNA, "trend", status, now_ms=Ms(NOW + 1))
    async with ledger(tmp_path) as books:
        standing = await _sync(books, ANNA, BEN)
        expected = (
            SubscriptionStatus.PAUSED
            if status is SubscriptionStatus.PAUSED
            else SubscriptionStatus.ACTIVE
        )
        assert standing.subscriptions["anna/trend"] is expected
        assert standing.subscriptions["ben/trend"] is SubscriptionStatus.ACTIVE


async def test_what_the_file_no_longer_names_is_marked_never_deleted(tmp_path: Path) -> None:
    """Its history stays readable."""
    async with ledger(tmp_path) as books:
        standing = await books.accounts.sync(
            users=[user(ANNA)], strategies=[], subscriptions=[], now_ms=Ms(NOW + 5)
        )
        assert standing.users[BEN] == (UserStatus.REMOVED, "")
        assert standing.users[ANNA] == (UserStatus.ACTIVE, "")
        assert await _status(books, "users", "ben") == ("REMOVED", NOW + 5)
        assert await _status(books, "strategies", "trend") == ("REMOVED", NOW + 5)
        assert await _status(books, "subscriptions", "anna/trend") == ("CANCELLED", NOW + 5)


async def test_what_is_marked_already_keeps_the_time_it_left(tmp_path: Path) -> None:
    """Later starts do not touch it."""
    async with ledger(tmp_path) as books:
        await _sync(books, ANNA, at_ms=NOW + 5)
        await _sync(books, ANNA, at_ms=NOW + 99)
        assert await _status(books, "users", "ben") == ("REMOVED", NOW + 5)
        assert await _status(books, "subscriptions", "ben/trend") == ("CANCELLED", NOW + 5)


async def test_who_comes_back_is_active_again(tmp_path: Path) -> None:
    """Without the reason of long ago."""
    async with ledger(tmp_path) as books:
        await books.accounts.set_user_status(
            BEN, UserStatus.HALTED, reason="bad keys", now_ms=Ms(NOW + 1)
        )
        await _sync(books, ANNA, at_ms=NOW + 5)
        standing = await _sync(books, ANNA, BEN, at_ms=NOW + 9)
        assert standing.users[BEN] == (UserStatus.ACTIVE, "")
        assert standing.subscriptions["ben/trend"] is SubscriptionStatus.ACTIVE
        assert await _status(books, "users", "ben") == ("ACTIVE", NOW + 9)
        assert await _status(books, "subscriptions", "ben/trend") == ("ACTIVE", NOW + 9)


async def test_definitions_that_are_gone_are_retired_whatever_their_origin(tmp_path: Path) -> None:
    """The API's definitions are handed in with the file's."""
    async with ledger(tmp_path) as books:
        await books.accounts.sync(
            users=[user(ANNA), replace(user(CLEO), origin=Origin.API)],
            strategies=[STRATEGY],
            subscriptions=[replace(subscription(CLEO), origin=Origin.API)],
            now_ms=Ms(NOW + 1),
        )
        standing = await _sync(books, ANNA)
        assert standing.users[ANNA] == (UserStatus.ACTIVE, "")
        assert standing.users[CLEO][0] is UserStatus.REMOVED
        assert standing.subscriptions["cleo/trend"] is SubscriptionStatus.CANCELLED
        assert standing.users[BEN][0] is UserStatus.REMOVED


async def test_an_unchanged_user_is_not_written_again(tmp_path: Path) -> None:
    """A thousand users cost a restart nothing."""
    async with ledger(tmp_path) as books:
        await _sync(books, ANNA, BEN, at_ms=NOW + 99)
        assert await _status(books, "users", "anna") == ("ACTIVE", NOW)


async def test_a_halt_of_all_outlives_restarts_until_it_is_lifted(tmp_path: Path) -> None:
    """With its reason."""
    async with ledger(tmp_path) as books:
        await books.accounts.set_halted("flash crash", now_ms=NOW)
    async with ledger(tmp_path) as books:
        assert (await _sync(books, ANNA)).halted == "flash crash"
        await books.accounts.set_halted(None, now_ms=NOW)
    async with ledger(tmp_path) as books:
        assert (await _sync(books, ANNA)).halted is None


async def test_positions_of_removed_users_are_reported(tmp_path: Path) -> None:
    """After a start without them these positions are not managed."""
    async with ledger(tmp_path) as books:
        await books.signals.store(signal())
        await books.trades.save_position(POSITION)
        assert (await _sync(books, ANNA, BEN)).orphaned_positions == {}
        assert (await _sync(books, BEN)).orphaned_positions == {ANNA: 1}
