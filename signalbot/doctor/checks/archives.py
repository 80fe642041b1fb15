"""Checks that the archives hold all rows that were moved out of the ledger."""

from collections.abc import Iterator

from signalbot.doctor.finding import Finding, passed, problem
from signalbot.doctor.installation import Installation
from signalbot.ledger.archive.batches import archives
from signalbot.ledger.archive.files import archive_path
from signalbot.state_dir import ARCHIVE_FOLDER_NAME

NAME = "archives"
ORDER = 70
_FIX = "restore the file from your copy of the archives"


def check(installation: Installation) -> Iterator[Finding]:
    with installation.open_ledger() as connection:
        recorded = [] if connection is None else archives(connection)
    found = []
    for each in recorded:
        path = archive_path(installation.state_dir / ARCHIVE_FOLDER_NAME, each.month)
        if not path.exists():
            found.append(problem(NAME, f"{path} is missing, with {each.rows} rows", _FIX))
        elif path.stat().st_size < each.size:
            found.append(problem(NAME, f"{path} is truncated", _FIX))
    if recorded and not found:
        found.append(
            passed(NAME, f"{len(recorded)} months, {sum(each.rows for each in recorded)} rows")
        )
    yield from found
