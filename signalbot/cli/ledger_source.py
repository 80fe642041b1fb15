"""Opens the ledger for reading commands and translates their options into a selection."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from signalbot.cli.errors import not_found
from signalbot.cli.options import Since
from signalbot.config.locate import find_config, state_dir_of
from signalbot.domain.errors import LedgerError
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.ledger.views import (
    Connection,
    Selection,
    ledger_time,
    open_ledger,
    strategy_names,
    user_ids,
)
from signalbot.state_dir import LEDGER_NAME


def ledger_path(config: Path | None, ledger: Path | None) -> Path:
    """Return the ledger given directly, else the one of the configuration.

    Raises:
        ConfigError: there is no configuration, or it has no state directory.
    """
    if ledger is not None:
        return ledger
    return state_dir_of(find_config(config, os.environ), os.environ) / LEDGER_NAME


@dataclass(frozen=True, slots=True)
class LedgerReader:
    """An open ledger and its current time."""

    connection: Connection
    is_live: bool  #: a daemon's ledger, where time passes; else a file such as a replay's

    def now_ms(self) -> Ms:
        """Return the ledger's time: the last event of a file, at least the clock for a daemon.

        A fast simulation's time is ahead of the clock.
        """
        at = ledger_time(self.connection)
        if at.last_ms is None:
            return at.clock_ms
        return max(at.last_ms, at.clock_ms) if self.is_live else at.last_ms

    def select(
        self,
        *,
        user: str | None = None,
        strategy: str | None = None,
        symbol: str | None = None,
        status: str | None = None,
        mode: str | None = None,
        since: Since | None = None,
        limit: int = 0,
    ) -> Selection:
        """Return the selected rows, and one more than ``limit`` to detect that there are more.

        Raises:
            NotFound: the ledger has no such user or strategy.
        """
        if user is not None:
            self.check_user(user)
        if strategy is not None and strategy not in (names := strategy_names(self.connection)):
            raise not_found("strategy", strategy, names)
        return Selection(
            user=user,
            strategy=strategy,
            symbol=symbol,
            status=status,
            mode=mode,
            since_ms=self._begin(since),
            limit=limit + 1 if limit else None,
        )

    def check_user(self, user: str) -> None:
        """Check that the ledger contains ``user``.

        Raises:
            NotFound: it does not; the message has similar names.
        """
        names = user_ids(self.connection)
        if user not in names:
            raise not_found("user", user, names)

    def _begin(self, since: Since | None) -> Ms:
        if since is None:
            return EPOCH
        return Ms(self.now_ms() - since.ago_ms) if since.at_ms is None else since.at_ms


@contextmanager
def open_reader(config: Path | None, ledger: Path | None) -> Iterator[LedgerReader]:
    """Open the ledger of these options for reading.

    Raises:
        LedgerError: there is no ledger, or it cannot be read.
    """
    path = ledger_path(config, ledger)
    if ledger is None and not path.exists():
        raise LedgerError(f"{path}: no ledger yet; 'signalbot run' creates it")
    with open_ledger(path) as connection:
        yield LedgerReader(connection, is_live=ledger is None)
