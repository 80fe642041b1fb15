"""Locks everything with another master key. Killed at any step and run again, it loses nothing.

The key in use is read and proven before anything is written; it is kept beside as ``.bak`` and the
new one put on the disk as ``.next`` before the ledger changes, in one transaction. Only then does
the new key take the place of the old. So at every moment a file opens the vault, and the next run,
as every command that opens the vault, finds out which.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from signalbot.domain.errors import ConfigError
from signalbot.domain.timeframe import Ms
from signalbot.ledger.vault_store import VaultStore
from signalbot.tasks import crash_point
from signalbot.vault import master_key
from signalbot.vault.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationResult:
    values: int  #: locked anew
    previous_path: Path  #: where the key before is kept
    is_finished: bool  #: whether a former run was finished before


async def rotate_master_key(store: VaultStore, path: Path, *, now_ms: Ms) -> RotationResult:
    """Make a new master key at ``path`` and lock everything with it.

    Raises:
        ConfigError: another rotation is under way, or no key here opens the vault.
    """
    with _rotation_lock(path.parent):
        finished = await _finish_previous_run(store, path, now_ms)
        vault = await Vault.open(store, master_key.read_key(path), path=path, now_ms=now_ms)
        await vault.verify()
        _back_up_key(path)
        crash_point("rotate.old_kept")
        key = master_key.generate_key()
        master_key.create_file(master_key.pending_path(path), master_key.encode_key(key))
        crash_point("rotate.new_written")
        values = await vault.rotate(key)
        crash_point("rotate.locked")
        master_key.replace_file(master_key.pending_path(path), path)
        crash_point("rotate.new_in_place")
        again = await Vault.open(store, master_key.read_key(path), path=path, now_ms=now_ms)
        await again.verify()
        return RotationResult(
            values=values, previous_path=master_key.previous_path(path), is_finished=finished
        )


async def _finish_previous_run(store: VaultStore, path: Path, now_ms: Ms) -> bool:
    """Finish what a former run has locked, or undo what it has not; whether it was finished."""
    master_key.remove_unfinished(path)
    pending, wanted = master_key.pending_path(path), await store.key_id()
    is_ahead = wanted is not None and master_key.key_id_of(pending) == wanted
    if is_ahead:
        _back_up_key(path)
        crash_point("rotate.old_kept_again")
        master_key.replace_file(pending, path)
        crash_point("rotate.finished")
        return True
    await Vault.open(store, master_key.read_key(path), path=path, now_ms=now_ms)
    if pending.exists():
        master_key.remove_file(pending)  # it opens nothing: the key in place does
        crash_point("rotate.undone")
    return False


def _back_up_key(path: Path) -> None:
    """Have a copy of the key at ``path`` as its ``.bak``; what was there before is kept, too."""
    if not path.exists():
        return
    former, key_id = master_key.previous_path(path), master_key.key_id_of(path)
    if former.exists():
        if master_key.key_id_of(former) == key_id:
            return
        older = master_key.key_id_of(former) or "unreadable"
        master_key.replace_file(former, former.with_name(f"{former.name}-{older}"))
        crash_point("rotate.older_kept")
    master_key.create_file(former, path.read_bytes())


@contextmanager
def _rotation_lock(folder: Path) -> Iterator[None]:
    """Let one rotation at a time work in a folder; a killed one leaves nothing behind."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise ConfigError(f"another rotation is under way in {folder}: let it end") from None
    finally:
        os.close(descriptor)
