"""Whether the ledger is whole, of this version, and not growing out of hand."""

from collections.abc import Iterator

from signalbot.doctor.finding import Finding, good, note, problem
from signalbot.doctor.patient import Patient
from signalbot.domain.errors import LedgerError
from signalbot.ledger.connection import examine as look_through
from signalbot.ledger.views import open_ledger

_WHAT = "ledger"
_MB = 1 << 20
_LARGE_LOG_MB = 128


def examine(patient: Patient) -> Iterator[Finding]:
    path = patient.ledger
    if not path.is_file():
        yield note(_WHAT, f"{path}: there is none yet", "'signalbot run' creates it")
        return
    try:
        with open_ledger(path) as connection:
            look_through(connection, path)
            version = connection.execute("PRAGMA user_version").fetchone()[0]
    except LedgerError as e:
        yield problem(_WHAT, str(e), "stop the daemon; 'signalbot restore' a backup")
        return
    yield good(_WHAT, f"{path}: {path.stat().st_size // _MB} MB, schema {version}, no damage")
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and (megabytes := log.stat().st_size // _MB) > _LARGE_LOG_MB:
        yield note(
            _WHAT,
            f"its log has grown to {megabytes} MB: something has been reading for very long",
            "end long-running readers; it is emptied within the hour",
        )
