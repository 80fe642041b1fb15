"""``[backup]`` and ``[retention]``: copies of the ledger, and archiving of old rows."""

from datetime import time
from pathlib import Path
from typing import Annotated

from pydantic import Field

from signalbot.config.locate import resolve_within
from signalbot.config.number_types import Duration, Number
from signalbot.config.section import Section
from signalbot.config.validators import Text, TimeOfDay
from signalbot.settings.daemon import BackupSettings, RetentionSettings

_MIN_BACKUP_INTERVAL_MS = 1_000
_MIN_RETENTION_MS = 7 * 86_400_000


class BackupSection(Section):
    """Backups of the ledger, made while the daemon runs."""

    directory: Text = Field(
        default="backups", description="Folder of the backups; relative to the state directory."
    )
    every_ms: Annotated[int | None, Duration(least_ms=_MIN_BACKUP_INTERVAL_MS, or_none=True)] = (
        Field(
            default="1d",
            alias="every",
            validate_default=True,
            description='Interval between backups; "none" for never.',
        )
    )
    at: TimeOfDay = Field(
        default="03:30", validate_default=True, description="Time of day, in UTC, of one of them."
    )
    keep_daily: Annotated[int, Number(kind=int, at_least=1, at_most=366)] = Field(
        default=7, description="Days of which the newest backup is kept."
    )
    keep_weekly: Annotated[int, Number(kind=int, at_least=0, at_most=520)] = Field(
        default=4, description="Weeks of which the newest backup is kept."
    )


class RetentionSection(Section):
    """Archiving of old signals, decisions, runs and events; trades stay in the ledger."""

    keep_ms: Annotated[int | None, Duration(least_ms=_MIN_RETENTION_MS, or_none=True)] = Field(
        default="90d",
        alias="keep",
        validate_default=True,
        description='Age at which they move to monthly archives; "none" for never.',
    )


def backup_settings(table: BackupSection, state_dir: Path) -> BackupSettings:
    """Convert ``[backup]`` to settings; its directory is relative to ``state_dir``."""
    at: time = table.at
    return BackupSettings(
        directory=resolve_within(state_dir, table.directory),
        every_ms=table.every_ms,
        at=at,
        keep_daily=table.keep_daily,
        keep_weekly=table.keep_weekly,
    )


def retention_settings(table: RetentionSection) -> RetentionSettings:
    """Convert ``[retention]`` to settings."""
    return RetentionSettings(keep_ms=table.keep_ms)
