"""The daemon as systemd sees it: ready, its status in a line, a sign of life while it lives."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog

from signalbot.app.composition import App
from signalbot.ledger.database import Database
from signalbot.observability.health import HealthSnapshot, StreamHealth, failures
from signalbot.observability.loop_lag import LoopLag
from signalbot.observability.systemd import SystemdNotifier
from signalbot.ports import Clock

log = structlog.get_logger()

_STATUS_INTERVAL_S = 10.0


class Watchdog:
    """Feeds the watchdog of systemd while every part of the daemon is alive, and only then."""

    def __init__(
        self, app: App, *, database: Database, lag: LoopLag, systemd: SystemdNotifier, clock: Clock
    ) -> None:
        self._app = app
        self._database = database
        self._lag = lag
        self._systemd = systemd
        self._clock = clock
        self._last_failures: Sequence[str] = ()

    async def run(self) -> None:
        """Say how things are, three times as often as systemd wants to hear it, until cancelled."""
        limit_s = self._systemd.watchdog_s
        every_s = _STATUS_INTERVAL_S if limit_s is None else min(_STATUS_INTERVAL_S, limit_s / 3)
        while True:
            self._ping()
            await self._clock.sleep(every_s * float(self._app.config.speed))

    def status_line(self) -> str:
        """What ``systemctl status`` shows."""
        accounts = self._app.accounts.values()
        positions = sum(len(account.positions) for account in accounts)
        closes = [
            stream.last_open_ms + stream.key.timeframe.ms
            for stream in self._app.feed.streams.values()
            if stream.last_open_ms is not None
        ]
        last = f"{datetime.fromtimestamp(max(closes) / 1000, UTC):%F %H:%M} UTC" if closes else "-"
        unreachable = [name for name, each in self._app.exchanges.items() if each.outages()]
        line = f"{len(accounts)} users, {positions} open positions, last candle {last}"
        return f"{line}, no answer from {', '.join(unreachable)}" if unreachable else line

    def failures(self) -> list[str]:
        """What has stopped, one sentence each."""
        return list(failures(self._health_snapshot(), speed=float(self._app.config.speed)))

    def _ping(self) -> None:
        found = self.failures()
        if found:
            if not self._last_failures:
                log.error("watchdog.ping_withheld", troubles=found)
            self._systemd.notify(f"STATUS=not well: {'; '.join(found)}")
        else:
            if self._last_failures:
                log.info("watchdog.ping_resumed")
            self._systemd.notify("WATCHDOG=1", f"STATUS={self.status_line()}")
        self._last_failures = found

    def _health_snapshot(self) -> HealthSnapshot:
        now_ms, feed = self._clock.now_ms(), self._app.feed
        sources = ((key, feed.source(key)) for key in feed.streams)
        return HealthSnapshot(
            lag_s=self._lag.worst_s,
            commit_wait_s=self._database.waiting_s,
            reconcile_age_s=(now_ms - self._app.sync.oldest_comparison_ms()) / 1000,
            streams={
                str(key): StreamHealth(
                    last_checked_s=(now_ms - source.checked_at_ms) / 1000,
                    timeframe_s=key.timeframe.ms / 1000,
                )
                for key, source in sources
                if source is not None
            },
        )


@asynccontextmanager
async def notifying_systemd(
    watchdog: Watchdog, lag: LoopLag, systemd: SystemdNotifier
) -> AsyncIterator[None]:
    """Tell systemd how the daemon is, and at the end that it stops."""
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(lag.run(), name="loop lag"),
            group.create_task(watchdog.run(), name="pulse"),
        ]
        try:
            yield
        finally:
            systemd.notify("STOPPING=1", "STATUS=finishing what is under way")
            for task in tasks:
                task.cancel()
