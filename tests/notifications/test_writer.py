"""Each person's day ends by that person's clocks, and is summed up once."""

import asyncio
from dataclasses import replace
from datetime import time
from pathlib import Path

from signalbot.domain.notices import (
    OPERATOR,
    NoticeRules,
    NotificationSettings,
    Recipient,
    TimeSettings,
)
from signalbot.domain.users import StatusBy, UserId, UserStatus
from signalbot.ledger.outbox import NoticeAddress, Outbox
from signalbot.notifications.writer import NoticeWriter
from tests.simulation import Simulation, run_in_virtual_time, user

TOKYO = TimeSettings(daily_summary=time(21), time_zone="Asia/Tokyo")
NEVER = TimeSettings(daily_summary=None, time_zone="Asia/Tokyo")


def _recipient(name: str, own_time: TimeSettings | None = None) -> Recipient:
    urls = (f"json://127.0.0.1/{name}",)
    return Recipient(name=UserId(name), urls=urls, rules=NoticeRules(), time_settings=own_time)


TERMS = NotificationSettings(
    recipients=(_recipient("anna", TOKYO), _recipient("ben"), _recipient("cleo", NEVER)),
    daily_summary=time(8),
    time_zone="America/New_York",
)
USERS = [user(name) for name in ("anna", "ben", "cleo")]


async def _sum_up(w: Simulation, terms: NotificationSettings, *, days: float) -> None:
    """Let days pass without a restart."""
    writer = NoticeWriter(terms, database=w.database, wake_delivery=lambda _: None, clock=w.clock)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(writer.write_summaries())
        await w.clock.sleep(days * 86_400)
        task.cancel()


async def _titles(w: Simulation, name: str) -> list[str]:
    sql = "SELECT title FROM notices WHERE recipient = ? ORDER BY notice_id"
    return [row["title"] for row in await w.database.query(sql, (name,))]


def test_days_end_by_each_ones_own_clocks(tmp_path: Path) -> None:
    """Tokyo at nine in the evening, New York at eight, and never; a restart repeats nothing."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        await _sum_up(w, TERMS, days=1.6)
        await _sum_up(w, TERMS, days=1.4)
        assert await _titles(w, "anna") == [
            "📊 Tue 14 Nov 21:00 to Wed 15 Nov 21:00",
            "📊 Wed 15 Nov 21:00 to Thu 16 Nov 21:00",
            "📊 Thu 16 Nov 21:00 to Fri 17 Nov 21:00",
        ]
        assert await _titles(w, "ben") == [
            "📊 Tue 14 Nov 08:00 to Wed 15 Nov 08:00",
            "📊 Wed 15 Nov 08:00 to Thu 16 Nov 08:00",
            "📊 Thu 16 Nov 08:00 to Fri 17 Nov 08:00",
        ]
        assert await _titles(w, "cleo") == []

    run_in_virtual_time(tmp_path, story, *USERS)


def test_days_without_a_daemon_are_summed_up_together(tmp_path: Path) -> None:
    """From the last day that was, to the last that has ended since."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        await _sum_up(w, TERMS, days=1)
        await w.clock.sleep(3 * 86_400)
        await _sum_up(w, TERMS, days=0.1)
        assert (await _titles(w, "anna"))[1:] == ["📊 Wed 15 Nov 21:00 to Sat 18 Nov 21:00"]
        assert (await _titles(w, "ben"))[1:] == ["📊 Wed 15 Nov 08:00 to Sat 18 Nov 08:00"]

    run_in_virtual_time(tmp_path, story, *USERS)


async def _toggle(
    w: Simulation, name: str, *, by: StatusBy = StatusBy.USER, reason: str = ""
) -> None:
    """Pause an account, or resume one that is paused; and let it be written."""
    account = w.services.control.accounts[UserId(name)]
    is_active = account.user.status is UserStatus.ACTIVE
    status = UserStatus.PAUSED if is_active else UserStatus.ACTIVE
    await w.services.execution.trading_state.set_user_status(account, status, by=by, reason=reason)
    await w.clock.sleep(1)


async def _due(w: Simulation, name: str) -> list[str]:
    """Titles and last lines of what is to be delivered by now."""
    address = NoticeAddress(recipient=UserId(name), place=0)
    waiting = await Outbox(w.database).pending(address, limit=100, now_ms=w.clock.now_ms())
    await Outbox(w.database).mark_delivered(
        [each.notice_id for each in waiting], now_ms=w.clock.now_ms()
    )
    return [f"{each.title} | {each.body.splitlines()[-1]}" for each in waiting]


def test_repeated_pauses_of_a_user_are_merged(tmp_path: Path) -> None:
    """The first at once, then where it stands after ten minutes, and how often it changed."""
    terms = replace(TERMS, recipients=(_recipient("anna"), _recipient(OPERATOR)))

    async def story(w: Simulation) -> None:
        async with asyncio.TaskGroup() as group:
            writer = NoticeWriter(
                terms, database=w.database, wake_delivery=lambda _: None, clock=w.clock
            )
            await writer.begin()
            writing = group.create_task(writer.write_events())
            await _toggle(w, "anna")
            for name in ("anna", OPERATOR):
                [first] = await _due(w, name)
                assert first.startswith("⏸ Account anna paused")
            for _ in range(41):
                await _toggle(w, "anna")
            assert await _due(w, OPERATOR) == []
            await w.clock.sleep(600)
            [second] = await _due(w, OPERATOR)
            assert second == ("▶️ Account anna resumed | It changed 41 times since the last notice.")
            await w.clock.sleep(3_600)
            await _toggle(w, "anna")
            [third] = await _due(w, OPERATOR)
            assert third.startswith("⏸ Account anna paused")
            writing.cancel()

    run_in_virtual_time(tmp_path, story, *USERS)


def test_status_changes_by_operator_or_daemon_are_notified_at_once(tmp_path: Path) -> None:
    """It takes the place of what a user has done and nobody was told of yet."""
    terms = replace(TERMS, recipients=(_recipient("anna"),))

    async def story(w: Simulation) -> None:
        async with asyncio.TaskGroup() as group:
            writer = NoticeWriter(
                terms, database=w.database, wake_delivery=lambda _: None, clock=w.clock
            )
            await writer.begin()
            writing = group.create_task(writer.write_events())
            for _ in range(2):
                await _toggle(w, "anna")
            assert len(await _due(w, "anna")) == 1
            await _toggle(w, "anna", by=StatusBy.OPERATOR, reason="checking @everyone")
            [told] = await _due(w, "anna")
            assert told.startswith("⏸ Account anna paused")
            body = (await w.database.query("SELECT body FROM notices ORDER BY notice_id"))[-1][
                "body"
            ]
            assert "@" not in body
            await w.clock.sleep(3_600)
            assert await _due(w, "anna") == []
            writing.cancel()

    run_in_virtual_time(tmp_path, story, *USERS)
