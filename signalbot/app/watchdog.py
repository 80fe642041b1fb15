"""Reports status and liveness to systemd's service manager and watchdog."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog

from signalbot.app.services import Services
from signalbot.observability.health import HealthSnapshot, StreamHealth, failures
from signalbot.observability.loop_lag import LoopLag
from signalbot.observability.systemd import SystemdNotifier
from signalbot.tasks import background

log = structlog.get_logger()

_STATUS_INTERVAL_S = 10.0


class Watchdog:
    """Pings systemd's watchdog while event loop, ledger, feed and reconciliation are alive."""

    def __init__(self, services: Services, *, lag: LoopLag, systemd: SystemdNotifier) -> None:
        self._services = services
        self._lag = lag
        self._systemd = systemd
        self._last_failures: Sequence[str] = ()

    async def run(self) -> None:
        """Ping three times per watchdog interval, at least every 10 s, until cancelled."""
        limit_s = self._systemd.watchdog_s
        every_s = _STATUS_INTERVAL_S if limit_s is None else min(_STATUS_INTERVAL_S, limit_s / 3)
        while True:
            self._ping()
            await self._services.clock.sleep(every_s * float(self._services.config.speed))

    def status_line(self) -> str:
        """The status line of ``systemctl status``."""
        accounts = self._services.control.accounts.values()
        positions = sum(len(account.positions) for account in accounts)
        closes = [
            stream.last_open_ms + stream.key.timeframe.ms
            for stream in self._services.market_data.feed.streams.values()
            if stream.last_open_ms is not None
        ]
        last = f"{datetime.fromtimestamp(max(closes) / 1000, UTC):%F %H:%M} UTC" if closes else "-"
        exchanges = self._services.market_data.exchanges
        unreachable = [name for name, each in exchanges.items() if each.outages()]
        line = f"{len(accounts)} users, {positions} open positions, last candle {last}"
        return f"{line}, no response from {', '.join(unreachable)}" if unreachable else line

    def failures(self) -> list[str]:
        """One sentence for each part of the daemon that has stopped."""
        return list(failures(self._health_snapshot(), speed=float(self._services.config.speed)))

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
        now_ms, feed = self._services.clock.now_ms(), self._services.market_data.feed
        sources = ((key, feed.source(key)) for key in feed.streams)
        return HealthSnapshot(
            lag_s=self._lag.worst_s,
            commit_wait_s=self._services.storage.database.waiting_s,
            reconcile_age_s=(now_ms - self._services.control.sync.oldest_comparison_ms()) / 1000,
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
    """Report to systemd for the duration of the block, then report the stop."""
    async with background({"loop lag": lag.run, "watchdog": watchdog.run}):
        try:
            yield
        finally:
            systemd.notify("STOPPING=1", "STATUS=finishing current work")
