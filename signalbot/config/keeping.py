"""What is kept, where and for how long: backups of the ledger, and its own past."""

from datetime import time
from pathlib import Path
from typing import Annotated

from pydantic import Field

from signalbot.config.locate import within
from signalbot.config.numbers import Number, Span
from signalbot.config.table import Table
from signalbot.config.terms import BackupTerms, RetentionTerms
from signalbot.config.words import Text, TimeOfDay

_LEAST_BACKUP_MS = 1_000
_LEAST_RETENTION_MS = 7 * 86_400_000


class BackupTable(Table):
    """Copies of the ledger that the daemon makes while it runs."""

    directory: Text = Field(
        default="backups", description="Where they go; relative to the state directory."
    )
    every_ms: Annotated[int | None, Span(least_ms=_LEAST_BACKUP_MS, or_none=True)] = Field(
        default="1d",
        alias="every",
        validate_default=True,
        description='How often one is made; "none" for never.',
    )
    at: TimeOfDay = Field(
        default="03:30", validate_default=True, description="A time of day, in UTC, of one of them."
    )
    keep_daily: Annotated[int, Number(kind=int, at_least=1, at_most=366)] = Field(
        default=7, description="The newest of each of so many days is kept,"
    )
    keep_weekly: Annotated[int, Number(kind=int, at_least=0, at_most=520)] = Field(
        default=4, description="and the newest of each of so many weeks."
    )


class RetentionTable(Table):
    """What becomes of old signals, decisions, runs and events; trades stay in the ledger."""

    keep_ms: Annotated[int | None, Span(least_ms=_LEAST_RETENTION_MS, or_none=True)] = Field(
        default="90d",
        alias="keep",
        validate_default=True,
        description='Age at which they move to monthly archives; "none" for never.',
    )


def backup_terms(table: BackupTable, state_dir: Path) -> BackupTerms:
    """What the ``[backup]`` of a file whose state is in ``state_dir`` comes to."""
    at: time = table.at
    return BackupTerms(
        directory=within(state_dir, table.directory),
        every_ms=table.every_ms,
        at=at,
        keep_daily=table.keep_daily,
        keep_weekly=table.keep_weekly,
    )


def retention_terms(table: RetentionTable) -> RetentionTerms:
    return RetentionTerms(keep_ms=table.keep_ms)
