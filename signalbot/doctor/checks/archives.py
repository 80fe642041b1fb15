"""Whether the archives hold everything that has left the ledger."""

from collections.abc import Iterator

from signalbot.doctor.finding import Finding, passed, problem
from signalbot.doctor.installation import Installation
from signalbot.ledger.archive.batches import archives
from signalbot.ledger.archive.files import archive_path
from signalbot.state_dir import ARCHIVE_FOLDER_NAME

_CHECK = "archives"
_FIX = "put the whole file back from your copy of the archives"


def check(installation: Installation) -> Iterator[Finding]:
    with installation.open_ledger() as connection:
        recorded = [] if connection is None else archives(connection)
    found = []
    for each in recorded:
        path = archive_path(installation.state_dir / ARCHIVE_FOLDER_NAME, each.month)
        if not path.exists():
            found.append(problem(_CHECK, f"{path} is gone, with {each.rows} rows", _FIX))
        elif path.stat().st_size < each.size:
            found.append(problem(_CHECK, f"{path} has been cut short", _FIX))
    if recorded and not found:
        found.append(
            passed(_CHECK, f"{len(recorded)} months, {sum(each.rows for each in recorded)} rows")
        )
    yield from found
