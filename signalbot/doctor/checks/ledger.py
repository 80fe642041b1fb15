"""Whether the ledger is whole, of this version, and not growing out of hand."""

from collections.abc import Iterator

from signalbot.doctor.finding import Finding, note, passed, problem
from signalbot.doctor.installation import Installation
from signalbot.domain.errors import LedgerError
from signalbot.ledger.connection import check_integrity as look_through
from signalbot.ledger.views import open_ledger

_CHECK = "ledger"
_MB = 1 << 20
_LARGE_WAL_MB = 128


def check(installation: Installation) -> Iterator[Finding]:
    path = installation.ledger
    if not path.is_file():
        yield note(_CHECK, f"{path}: there is none yet", "'signalbot run' creates it")
        return
    try:
        with open_ledger(path) as connection:
            look_through(connection, path)
            version = connection.execute("PRAGMA user_version").fetchone()[0]
    except LedgerError as e:
        yield problem(_CHECK, str(e), "stop the daemon; 'signalbot restore' a backup")
        return
    yield passed(_CHECK, f"{path}: {path.stat().st_size // _MB} MB, schema {version}, no damage")
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and (megabytes := log.stat().st_size // _MB) > _LARGE_WAL_MB:
        yield note(
            _CHECK,
            f"its log has grown to {megabytes} MB: something has been reading for very long",
            "end long-running readers; it is emptied within the hour",
        )
