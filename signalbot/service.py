"""The daemon as systemd sees it: ready, its status in a line, a sign of life while it lives."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog

from signalbot.app import App
from signalbot.ledger.database import Database
from signalbot.ops.health import Signs, Watched, troubles
from signalbot.ops.lag import LoopLag
from signalbot.ops.systemd import Systemd
from signalbot.ports import Clock

log = structlog.get_logger()

_STATUS_EVERY_S = 10.0


class Pulse:
    """Feeds the watchdog of systemd while every part of the daemon is alive, and only then."""

    def __init__(
        self, app: App, *, database: Database, lag: LoopLag, systemd: Systemd, clock: Clock
    ) -> None:
        self._app = app
        self._database = database
        self._lag = lag
        self._systemd = systemd
        self._clock = clock
        self._told: Sequence[str] = ()

    async def run(self) -> None:
        """Say how things are, three times as often as systemd wants to hear it, until cancelled."""
        limit_s = self._systemd.watchdog_s
        every_s = _STATUS_EVERY_S if limit_s is None else min(_STATUS_EVERY_S, limit_s / 3)
        while True:
            self._beat()
            await self._clock.sleep(every_s * float(self._app.config.speed))

    def status(self) -> str:
        """What ``systemctl status`` shows."""
        accounts = self._app.accounts.values()
        positions = sum(len(account.positions) for account in accounts)
        closes = [
            stream.last_open_ms + stream.key.timeframe.ms
            for stream in self._app.feed.streams.values()
            if stream.last_open_ms is not None
        ]
        last = f"{datetime.fromtimestamp(max(closes) / 1000, UTC):%F %H:%M} UTC" if closes else "-"
        away = [name for name, each in self._app.exchanges.items() if each.away()]
        said = f"{len(accounts)} users, {positions} open positions, last candle {last}"
        return f"{said}, no answer from {', '.join(away)}" if away else said

    def troubles(self) -> list[str]:
        """What has stopped, one sentence each."""
        return list(troubles(self._signs(), speed=float(self._app.config.speed)))

    def _beat(self) -> None:
        found = self.troubles()
        if found:
            if not self._told:
                log.error("watchdog.withheld", troubles=found)
            self._systemd.tell(f"STATUS=not well: {'; '.join(found)}")
        else:
            if self._told:
                log.info("watchdog.resumed")
            self._systemd.tell("WATCHDOG=1", f"STATUS={self.status()}")
        self._told = found

    def _signs(self) -> Signs:
        now_ms, feed = self._clock.now_ms(), self._app.feed
        sources = ((key, feed.source(key)) for key in feed.streams)
        return Signs(
            lag_s=self._lag.worst_s,
            commit_waits_s=self._database.waiting_s,
            reconciled_s=(now_ms - self._app.sync.oldest_look_ms()) / 1000,
            streams={
                str(key): Watched(
                    looked_s=(now_ms - source.looked_ms) / 1000,
                    timeframe_s=key.timeframe.ms / 1000,
                )
                for key, source in sources
                if source is not None
            },
        )


@asynccontextmanager
async def told(pulse: Pulse, lag: LoopLag, systemd: Systemd) -> AsyncIterator[None]:
    """Tell systemd how the daemon is, and at the end that it stops."""
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(lag.run(), name="loop lag"),
            group.create_task(pulse.run(), name="pulse"),
        ]
        try:
            yield
        finally:
            systemd.tell("STOPPING=1", "STATUS=finishing what is under way")
            for task in tasks:
                task.cancel()
