"""Blocks entries before the disk is full, so that exits can always be recorded."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import structlog

from signalbot.domain.errors import LedgerError
from signalbot.ledger.accounts import Accounts
from signalbot.ledger.disk_reserve import DiskReserve
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Clock

log = structlog.get_logger()

_MB = 1 << 20
_RECOVERY_FACTOR = 1.25  # times the floor: free space around the floor is reported once


def free_bytes(path: Path) -> int:
    """The space that the daemon's user can still write on the disk of ``path``.

    Raises:
        OSError: the disk cannot be read.
    """
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


class DiskMonitor:
    """Compares the free space of the ledger's disk with a floor; blocks and allows entries."""

    def __init__(
        self,
        folder: Path,
        *,
        floor_mb: int,
        reserve: DiskReserve,
        trading_state: TradingState,
        accounts: Accounts,
        clock: Clock,
    ) -> None:
        self._folder = folder
        self._floor_mb = floor_mb
        self._reserve = reserve
        self._trading_state = trading_state
        self._accounts = accounts
        self._clock = clock

    async def check(self) -> None:
        """Compare the free space with the floor, and fill the reserve above it."""
        free_mb = await asyncio.to_thread(free_bytes, self._folder) // _MB
        if free_mb < self._floor_mb and self._trading_state.disk_low is None:
            await self._stop_entries(free_mb)
        elif free_mb >= self._floor_mb * _RECOVERY_FACTOR:
            if not self._reserve.exists:
                with suppress(OSError):  # the next check tries again
                    await asyncio.to_thread(self._reserve.fill)
            if self._trading_state.disk_low is not None:
                await self._allow_entries(free_mb)

    def release_reserve(self) -> bool:
        """Free the reserve for the ledger, from the writer's thread; False without a reserve."""
        released = self._reserve.release()
        if released:
            log.error("disk.reserve_used", path=str(self._reserve.path))
        return released

    async def _stop_entries(self, free_mb: int) -> None:
        reason = (
            f"{self._folder}: {free_mb} MB free, below daemon.min_free_disk_mb = {self._floor_mb}"
        )
        self._trading_state.set_disk_low(reason)
        log.error("disk.low", free_mb=free_mb, floor_mb=self._floor_mb, path=str(self._folder))
        await self._record(reason)

    async def _allow_entries(self, free_mb: int) -> None:
        self._trading_state.set_disk_low(None)
        log.info("disk.recovered", free_mb=free_mb, floor_mb=self._floor_mb)
        await self._record(None)

    async def _record(self, reason: str | None) -> None:
        """Store the state for other processes, if the disk still allows it."""
        with suppress(LedgerError):
            await self._accounts.set_disk_low(reason, now_ms=self._clock.now_ms())
