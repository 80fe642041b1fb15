"""The daemon's keeping: it watches the disk, makes backups and tidies up, beside the trading."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from signalbot.config.terms import Config
from signalbot.domain.errors import LedgerError
from signalbot.domain.timeframe import Ms
from signalbot.keeping.archiving import archive_past
from signalbot.keeping.backups import back_up, backups_in
from signalbot.keeping.disk import DiskWatch
from signalbot.keeping.lineage import doubt, read_note, stand_of, write_note
from signalbot.keeping.threads import beside
from signalbot.ledger.accounts import Accounts
from signalbot.ledger.archive import FOLDER_NAME
from signalbot.ledger.group_commit import GroupCommit
from signalbot.ledger.reserve import RESERVE_NAME, Reserve
from signalbot.ops.bells import Bells, whenever
from signalbot.pipeline.halt import Halts
from signalbot.ports import Clock
from signalbot.tasks import SystemClock

log = structlog.get_logger()

_LOOK_EVERY_S = 10.0
_NOTE_EVERY_S = 60.0
_ARCHIVE_EVERY_S = 21_600.0
_MB = 1 << 20


class Keeper:
    """What is to be kept of one ledger, and how."""

    def __init__(
        self, config: Config, *, database: GroupCommit, halts: Halts, clock: Clock
    ) -> None:
        self._config = config
        self._database = database
        self._state_dir = config.daemon.state_dir
        self._accounts = Accounts(database)
        self._clock = clock
        self._halts = halts
        self.disk = DiskWatch(
            self._state_dir,
            floor_mb=config.daemon.min_free_disk_mb,
            reserve=Reserve(self._state_dir / RESERVE_NAME),
            halts=halts,
            accounts=self._accounts,
            clock=clock,
        )
        database.when_full(self.disk.use_reserve)

    async def begin(self) -> None:
        """See that the ledger is the one that ran last, and that there is room; else stop entries.

        The halt is written before accounts are loaded, so that it is in force when they are.
        """
        stand = await stand_of(self._database)
        cause = doubt(read_note(self._state_dir), stand)
        if cause is not None:
            log.error("ledger.doubted", cause=cause)
            await self._halt(cause)
        await self.disk.look()
        await self.note()

    async def _halt(self, cause: str) -> None:
        """A halt that is there already, such as a backup's own, says more."""
        if await self._accounts.halted() is None:
            reason = f"{cause}: compare positions with the exchange, then 'signalbot unhalt'"
            await self._accounts.set_halted(reason, now_ms=self._clock.now_ms())

    async def note(self) -> None:
        """Remember how far the ledger has come."""
        with suppress(OSError):  # a full disk is told of elsewhere
            write_note(self._state_dir, await stand_of(self._database))

    async def back_up(self) -> None:
        """Make a backup; one that fails is told of, and the next is made in its turn."""
        terms, ledger = self._config.backup, self._database.path
        room = self._config.daemon.min_free_disk_mb * _MB
        now_ms = SystemClock().now_ms()  # by the calendar, even where simulated time runs ahead
        try:
            made = await beside(
                lambda stop: back_up(ledger, terms, now_ms=now_ms, min_free_bytes=room, stop=stop)
            )
        except (LedgerError, OSError) as e:
            log.error("backup.failed", directory=str(terms.directory), cause=str(e))
        else:
            log.info("backup.made", path=str(made.path), bytes=made.path.stat().st_size)

    async def archive(self) -> None:
        """Move what is older than is to be kept; what cannot be moved stays, and is told of."""
        keep_ms = self._config.retention.keep_ms
        if keep_ms is None or self._halts.disk_low is not None:
            return
        cutoff_ms = Ms(self._clock.now_ms() - keep_ms)
        folder = self._state_dir / FOLDER_NAME
        try:
            moved = await archive_past(
                self._database, folder, cutoff_ms=cutoff_ms, clock=self._clock
            )
        except (LedgerError, OSError) as e:
            log.error("archive.failed", folder=str(folder), cause=str(e))
        else:
            if moved:
                log.info("archive.moved", folder=str(folder), rows=moved)

    def is_backup_due(self) -> bool:
        """Whether one was missed while the daemon was away."""
        terms = self._config.backup
        if terms.every_ms is None:
            return False
        newest = next((each.at_ms for each in backups_in(terms.directory)), Ms(0))
        return SystemClock().now_ms() - newest > terms.every_ms


@asynccontextmanager
async def keeping(
    config: Config, *, database: GroupCommit, halts: Halts, bells: Bells, clock: Clock
) -> AsyncIterator[None]:
    """Keep the ledger for the duration of the block; enter it before anybody trades."""
    keeper = Keeper(config, database=database, halts=halts, clock=clock)
    await keeper.begin()
    chores = {
        "disk": (bells.every(_LOOK_EVERY_S), keeper.disk.look),
        "note": (bells.every(_NOTE_EVERY_S), keeper.note),
    }
    if config.backup.every_ms is not None:
        due = bells.daily(config.backup.every_ms / 1000, at=config.backup.at)
        if keeper.is_backup_due():
            due.set()
        chores["backup"] = (due, keeper.back_up)
    if config.retention.keep_ms is not None:
        tidy = bells.every(_ARCHIVE_EVERY_S)
        tidy.set()
        chores["archive"] = (tidy, keeper.archive)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(whenever(bell, work), name=name)
            for name, (bell, work) in chores.items()
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await keeper.note()
