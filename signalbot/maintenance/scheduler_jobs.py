"""Maintenance jobs of the running daemon: disk check, marker, backups, archiving."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from signalbot.config.settings import Config
from signalbot.domain.errors import LedgerError
from signalbot.domain.timeframe import Ms
from signalbot.ledger.accounts import Accounts
from signalbot.ledger.disk_reserve import DiskReserve
from signalbot.ledger.group_commit import GroupCommit
from signalbot.maintenance.archiving import archive_old_rows
from signalbot.maintenance.backups import backups_in, create_backup
from signalbot.maintenance.disk_monitor import DiskMonitor
from signalbot.maintenance.ledger_identity import (
    check_identity,
    position_of,
    read_marker,
    write_marker,
)
from signalbot.maintenance.thread import run_in_thread
from signalbot.observability.scheduler import Scheduler, run_on_event
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Clock
from signalbot.state_dir import ARCHIVE_FOLDER_NAME, RESERVE_NAME
from signalbot.tasks import SystemClock

log = structlog.get_logger()

_DISK_CHECK_INTERVAL_S = 10.0
_MARKER_INTERVAL_S = 60.0
_ARCHIVE_INTERVAL_S = 21_600.0
_MB = 1 << 20


class MaintenanceJobs:
    """The maintenance jobs of one ledger."""

    def __init__(
        self, config: Config, *, database: GroupCommit, trading_state: TradingState, clock: Clock
    ) -> None:
        self._config = config
        self._database = database
        self._state_dir = config.daemon.state_dir
        self._accounts = Accounts(database)
        self._clock = clock
        self._trading_state = trading_state
        self.disk = DiskMonitor(
            self._state_dir,
            floor_mb=config.daemon.min_free_disk_mb,
            reserve=DiskReserve(self._state_dir / RESERVE_NAME),
            trading_state=trading_state,
            accounts=self._accounts,
            clock=clock,
        )
        database.on_disk_full(self.disk.release_reserve)

    async def start(self) -> None:
        """Check the ledger's identity and the disk space; halt or block entries if they fail.

        Call it before accounts are loaded, so that a halt is in force from the first signal.
        """
        position = await position_of(self._database)
        cause = check_identity(read_marker(self._state_dir), position)
        if cause is not None:
            log.error("ledger.mismatch_found", cause=cause)
            await self._halt(cause)
        await self.disk.check()
        await self.write_marker()

    async def _halt(self, cause: str) -> None:
        """Halt trading, unless it is halted already for a more specific reason."""
        if await self._accounts.halted() is None:
            reason = f"{cause}: compare positions with the exchange, then 'signalbot unhalt'"
            await self._accounts.set_halted(reason, now_ms=self._clock.now_ms())

    async def write_marker(self) -> None:
        """Store the ledger's position in the marker file."""
        with suppress(OSError):  # the disk check reports a full disk
            write_marker(self._state_dir, await position_of(self._database))

    async def create_backup(self) -> None:
        """Make a backup; a failure is logged, and the next one is made on schedule."""
        settings, ledger = self._config.backup, self._database.path
        min_free_bytes = self._config.daemon.min_free_disk_mb * _MB
        now_ms = SystemClock().now_ms()  # real time, also when the daemon runs on simulated time
        try:
            backup = await run_in_thread(
                lambda is_cancelled: create_backup(
                    ledger,
                    settings,
                    now_ms=now_ms,
                    min_free_bytes=min_free_bytes,
                    is_cancelled=is_cancelled,
                )
            )
        except (LedgerError, OSError) as e:
            log.error("backup.failed", directory=str(settings.directory), cause=str(e))
        else:
            log.info("backup.created", path=str(backup.path), bytes=backup.path.stat().st_size)

    async def archive_old_rows(self) -> None:
        """Move rows older than the retention to archives; a failure is logged and loses nothing."""
        keep_ms = self._config.retention.keep_ms
        if keep_ms is None or self._trading_state.disk_low is not None:
            return
        cutoff_ms = Ms(self._clock.now_ms() - keep_ms)
        folder = self._state_dir / ARCHIVE_FOLDER_NAME
        try:
            moved = await archive_old_rows(
                self._database, folder, cutoff_ms=cutoff_ms, clock=self._clock
            )
        except (LedgerError, OSError) as e:
            log.error("archive.failed", folder=str(folder), cause=str(e))
        else:
            if moved:
                log.info("archive.rows_moved", folder=str(folder), rows=moved)

    def is_backup_due(self) -> bool:
        """Whether a backup was missed while the daemon was down."""
        settings = self._config.backup
        if settings.every_ms is None:
            return False
        newest = next((each.at_ms for each in backups_in(settings.directory)), Ms(0))
        return SystemClock().now_ms() - newest > settings.every_ms


@asynccontextmanager
async def run_maintenance(
    config: Config,
    *,
    database: GroupCommit,
    trading_state: TradingState,
    scheduler: Scheduler,
    clock: Clock,
) -> AsyncIterator[None]:
    """Run maintenance for the duration of the block; enter it before trading starts."""
    jobs = MaintenanceJobs(config, database=database, trading_state=trading_state, clock=clock)
    await jobs.start()
    scheduled = {
        "disk": (scheduler.every(_DISK_CHECK_INTERVAL_S), jobs.disk.check),
        "marker": (scheduler.every(_MARKER_INTERVAL_S), jobs.write_marker),
    }
    if config.backup.every_ms is not None:
        due = scheduler.daily(config.backup.every_ms / 1000, at=config.backup.at)
        if jobs.is_backup_due():
            due.set()
        scheduled["backup"] = (due, jobs.create_backup)
    if config.retention.keep_ms is not None:
        archive_due = scheduler.every(_ARCHIVE_INTERVAL_S)
        archive_due.set()
        scheduled["archive"] = (archive_due, jobs.archive_old_rows)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(run_on_event(event, work), name=name)
            for name, (event, work) in scheduled.items()
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await jobs.write_marker()
