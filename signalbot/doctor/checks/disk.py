"""Whether there is room for the ledger to grow."""

from collections.abc import Iterator

from signalbot.doctor.finding import Finding, note, passed, problem
from signalbot.doctor.installation import Installation
from signalbot.maintenance.disk_space import free_bytes
from signalbot.state_dir import RESERVE_NAME

_CHECK = "disk"
_MB = 1 << 20
_WARN_FACTOR = 3  # times the floor


def check(installation: Installation) -> Iterator[Finding]:
    folder, floor_mb = installation.state_dir, installation.config.daemon.min_free_disk_mb
    if not folder.is_dir():
        yield note(_CHECK, f"{folder}: there is none yet", "'signalbot run' makes it")
        return
    free_mb = free_bytes(folder) // _MB
    result = f"{free_mb} MB free at {folder}, of which {floor_mb} MB are the floor"
    if free_mb < floor_mb:
        yield problem(_CHECK, f"{result}: nobody enters", "free some room; it recovers by itself")
    elif free_mb < _WARN_FACTOR * floor_mb:
        yield note(_CHECK, result, "free some room before entries end")
    else:
        yield passed(_CHECK, result)
    if installation.pid is not None and not (folder / RESERVE_NAME).exists():
        yield note(
            _CHECK, "the room set aside for a full disk is used up or was never there",
            "free some room; it is set aside again",
        )  # fmt: skip
