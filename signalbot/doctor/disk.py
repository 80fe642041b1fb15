"""Whether there is room for the ledger to grow."""

from collections.abc import Iterator

from signalbot.doctor.finding import Finding, good, note, problem
from signalbot.doctor.patient import Patient
from signalbot.keeping.room import free_bytes
from signalbot.ledger.reserve import RESERVE_NAME

_WHAT = "disk"
_MB = 1 << 20
_SCARCE = 3  # times the floor


def examine(patient: Patient) -> Iterator[Finding]:
    folder, floor_mb = patient.state_dir, patient.config.daemon.min_free_disk_mb
    if not folder.is_dir():
        yield note(_WHAT, f"{folder}: there is none yet", "'signalbot run' makes it")
        return
    free_mb = free_bytes(folder) // _MB
    says = f"{free_mb} MB free at {folder}, of which {floor_mb} MB are the floor"
    if free_mb < floor_mb:
        yield problem(_WHAT, f"{says}: nobody enters", "free some room; it recovers by itself")
    elif free_mb < _SCARCE * floor_mb:
        yield note(_WHAT, says, "free some room before entries end")
    else:
        yield good(_WHAT, says)
    if patient.pid is not None and not (folder / RESERVE_NAME).exists():
        yield note(
            _WHAT, "the room set aside for a full disk is used up or was never there",
            "free some room; it is set aside again",
        )  # fmt: skip
