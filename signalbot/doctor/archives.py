"""Whether the archives hold everything that has left the ledger."""

from collections.abc import Iterator

from signalbot.doctor.finding import Finding, good, problem
from signalbot.doctor.patient import Patient
from signalbot.ledger.archive import FOLDER_NAME, path_of
from signalbot.ledger.leaving import archives

_WHAT = "archives"
_CURE = "put the whole file back from your copy of the archives"


def examine(patient: Patient) -> Iterator[Finding]:
    with patient.reading() as connection:
        known = [] if connection is None else archives(connection)
    found = []
    for each in known:
        path = path_of(patient.state_dir / FOLDER_NAME, each.month)
        if not path.exists():
            found.append(problem(_WHAT, f"{path} is gone, with {each.rows} rows", _CURE))
        elif path.stat().st_size < each.size:
            found.append(problem(_WHAT, f"{path} has been cut short", _CURE))
    if known and not found:
        found.append(good(_WHAT, f"{len(known)} months, {sum(each.rows for each in known)} rows"))
    yield from found
