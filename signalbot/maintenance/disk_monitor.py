"""Stops entries while the disk still has room, so that exits can always be recorded."""

import asyncio
from contextlib import suppress
from pathlib import Path

import structlog

from signalbot.domain.errors import LedgerError
from signalbot.ledger.accounts import Accounts
from signalbot.ledger.disk_reserve import DiskReserve
from signalbot.maintenance.disk_space import free_bytes
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Clock

log = structlog.get_logger()

_MB = 1 << 20
_RECOVERY_FACTOR = 1.25  # times the floor: a disk at the edge is told of once, not every minute


class DiskMonitor:
    """Looks at the room where the ledger is; says once that it is low, and once that it is not."""

    def __init__(
        self,
        folder: Path,
        *,
        floor_mb: int,
        reserve: DiskReserve,
        halts: TradingState,
        accounts: Accounts,
        clock: Clock,
    ) -> None:
        self._folder = folder
        self._floor_mb = floor_mb
        self._reserve = reserve
        self._trading_state = halts
        self._accounts = accounts
        self._clock = clock

    async def check(self) -> None:
        """Compare the room with the floor, and keep the reserve filled while there is plenty."""
        free_mb = await asyncio.to_thread(free_bytes, self._folder) // _MB
        if free_mb < self._floor_mb and self._trading_state.disk_low is None:
            await self._stop_entries(free_mb)
        elif free_mb >= self._floor_mb * _RECOVERY_FACTOR:
            if not self._reserve.exists:
                with suppress(OSError):  # there will be more room another time
                    await asyncio.to_thread(self._reserve.fill)
            if self._trading_state.disk_low is not None:
                await self._allow_entries(free_mb)

    def release_reserve(self) -> bool:
        """Give the ledger the room that was set aside; called where it is written, in a thread."""
        released = self._reserve.release()
        if released:
            log.error("disk.reserve_used", path=str(self._reserve.path))
        return released

    async def _stop_entries(self, free_mb: int) -> None:
        reason = (
            f"{self._folder}: {free_mb} MB are free, daemon.min_free_disk_mb is {self._floor_mb}"
        )
        self._trading_state.set_disk_low(reason)
        log.error("disk.low", free_mb=free_mb, floor_mb=self._floor_mb, path=str(self._folder))
        await self._record(reason)

    async def _allow_entries(self, free_mb: int) -> None:
        self._trading_state.set_disk_low(None)
        log.info("disk.recovered", free_mb=free_mb, floor_mb=self._floor_mb)
        await self._record(None)

    async def _record(self, reason: str | None) -> None:
        """Let other processes see it, if that can still be written."""
        with suppress(LedgerError):
            await self._accounts.set_disk_low(reason, now_ms=self._clock.now_ms())
