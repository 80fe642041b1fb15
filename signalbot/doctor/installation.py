"""The installation that is examined: its configuration, and what can be told without asking."""

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
    config: Config
    environ: Mapping[str, str]
    pid: int | None  #: of the running daemon
    is_online: bool  #: exchanges may be asked
    now_ms: Ms

    @property
    def state_dir(self) -> Path:
        return self.config.daemon.state_dir

    @property
    def ledger(self) -> Path:
        return self.state_dir / LEDGER_NAME

    @property
    def started_ms(self) -> Ms:
        """When the daemon that runs, or ran last, took the state directory."""
        return Ms(int((self.state_dir / LOCK_NAME).stat().st_mtime * 1000))

    @contextmanager
    def open_ledger(self) -> Iterator[Connection | None]:
        """The ledger; None where there is none that can be read, which is told elsewhere."""
        if not self.ledger.is_file():
            yield None
            return
        with open_ledger(self.ledger) as connection:
            yield connection
