"""Each person's day ends by that person's clocks, and is summed up once."""

import asyncio
from datetime import time
from pathlib import Path

from signalbot.domain.notices import LocalTime, NoticeRules, NotifyTerms, Recipient
from signalbot.domain.users import UserId
from signalbot.notify.clerk import Clerk
from tests.world import World, play, user

TOKYO = LocalTime(daily_summary=time(21), time_zone="Asia/Tokyo")
NEVER = LocalTime(daily_summary=None, time_zone="Asia/Tokyo")


def _told(name: str, own_time: LocalTime | None = None) -> Recipient:
    urls = (f"json://127.0.0.1/{name}",)
    return Recipient(name=UserId(name), urls=urls, rules=NoticeRules(), own_time=own_time)


TERMS = NotifyTerms(
    recipients=(_told("anna", TOKYO), _told("ben"), _told("cleo", NEVER)),
    daily_summary=time(8),
    time_zone="America/New_York",
)
USERS = [user(name) for name in ("anna", "ben", "cleo")]


async def _sum_up(w: World, terms: NotifyTerms, *, days: float) -> None:
    """Let days pass, as one life of the daemon."""
    clerk = Clerk(terms, database=w.database, ring=lambda _: None, clock=w.clock)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(clerk.sum_up_daily())
        await w.clock.sleep(days * 86_400)
        task.cancel()


async def _titles(w: World, name: str) -> list[str]:
    sql = "SELECT title FROM notices WHERE recipient = ? ORDER BY notice_id"
    return [row["title"] for row in await w.database.query(sql, (name,))]


def test_days_end_by_each_ones_own_clocks(tmp_path: Path) -> None:
    """Tokyo at nine in the evening, New York at eight, and never; a restart repeats nothing."""

    async def story(w: World) -> None:
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

    play(tmp_path, story, *USERS)


def test_days_without_a_daemon_are_summed_up_together(tmp_path: Path) -> None:
    """From the last day that was, to the last that has ended since."""

    async def story(w: World) -> None:
        await w.send(w.make())
        await _sum_up(w, TERMS, days=1)
        await w.clock.sleep(3 * 86_400)
        await _sum_up(w, TERMS, days=0.1)
        assert (await _titles(w, "anna"))[1:] == ["📊 Wed 15 Nov 21:00 to Sat 18 Nov 21:00"]
        assert (await _titles(w, "ben"))[1:] == ["📊 Wed 15 Nov 08:00 to Sat 18 Nov 08:00"]

    play(tmp_path, story, *USERS)
