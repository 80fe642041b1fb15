"""Checks the free space for the ledger."""

from collections.abc import Iterator

from signalbot.doctor.finding import Finding, note, passed, problem
from signalbot.doctor.installation import Installation
from signalbot.maintenance.disk_monitor import free_bytes
from signalbot.state_dir import RESERVE_NAME

NAME = "disk"
ORDER = 50
_MB = 1 << 20
_WARN_FACTOR = 3  # times the floor


def check(installation: Installation) -> Iterator[Finding]:
    folder, floor_mb = installation.state_dir, installation.config.daemon.min_free_disk_mb
    if not folder.is_dir():
        yield note(NAME, f"{folder} does not exist yet", "'signalbot run' creates it")
        return
    free_mb = free_bytes(folder) // _MB
    result = f"{free_mb} MB free at {folder}, with a floor of {floor_mb} MB"
    if free_mb < floor_mb:
        yield problem(
            NAME, f"{result}: entries are blocked", "free some space; entries resume automatically"
        )
    elif free_mb < _WARN_FACTOR * floor_mb:
        yield note(NAME, result, "free some space before entries are blocked")
    else:
        yield passed(NAME, result)
    if installation.pid is not None and not (folder / RESERVE_NAME).exists():
        yield note(
            NAME, "the disk reserve is used up or was never created",
            "free some space; the reserve is created again",
        )  # fmt: skip
