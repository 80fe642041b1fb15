"""The installation to check: configuration, environment and state directory."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from signalbot.config.settings import Config
from signalbot.domain.timeframe import Ms
from signalbot.ledger.views import Connection, open_ledger
from signalbot.state_dir import LEDGER_NAME, LOCK_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What every check reads; opening it has no side effects."""

    config: Config
    environ: Mapping[str, str]
    pid: int | None  #: of the running daemon; None without one
    is_online: bool  #: whether exchanges may be contacted
    now_ms: Ms

    @property
    def state_dir(self) -> Path:
        return self.config.daemon.state_dir

    @property
    def ledger(self) -> Path:
        return self.state_dir / LEDGER_NAME

    @property
    def started_ms(self) -> Ms:
        """When the running or last daemon locked the state directory."""
        return Ms(int((self.state_dir / LOCK_NAME).stat().st_mtime * 1000))

    @contextmanager
    def open_ledger(self) -> Iterator[Connection | None]:
        """Open the ledger read-only; None without a ledger file.

        Raises:
            LedgerError: it cannot be read; the ledger check reports why.
        """
        if not self.ledger.is_file():
            yield None
            return
        with open_ledger(self.ledger) as connection:
            yield connection
