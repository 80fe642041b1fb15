"""Checks the integrity, the schema version and the write-ahead log of the ledger."""

from collections.abc import Iterator

from signalbot.doctor.finding import Finding, note, passed, problem
from signalbot.doctor.installation import Installation
from signalbot.domain.errors import LedgerError
from signalbot.ledger.connection import check_integrity
from signalbot.ledger.views import open_ledger

NAME = "ledger"
ORDER = 40
_MB = 1 << 20
_LARGE_WAL_MB = 128


def check(installation: Installation) -> Iterator[Finding]:
    path = installation.ledger
    if not path.is_file():
        yield note(NAME, f"{path} does not exist yet", "'signalbot run' creates it")
        return
    try:
        with open_ledger(path) as connection:
            check_integrity(connection, path)
            version = connection.execute("PRAGMA user_version").fetchone()[0]
    except LedgerError as e:
        yield problem(NAME, str(e), "stop the daemon; 'signalbot restore' a backup")
        return
    yield passed(NAME, f"{path}: {path.stat().st_size // _MB} MB, schema {version}, no damage")
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and (megabytes := log.stat().st_size // _MB) > _LARGE_WAL_MB:
        yield note(
            NAME,
            f"its write-ahead log has {megabytes} MB: a reader has been open for very long",
            "end long-running readers; the log is emptied within the hour",
        )
