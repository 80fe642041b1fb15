"""Rotates the master key. Killed at any step and run again, it loses nothing.

The current key is verified before anything is written; it is copied to ``.bak`` and the new key
written to ``.next`` before the ledger changes in one transaction. Then the new key replaces the
old. So at any time one of the files opens the vault, and the next run, like every command that
opens the vault, finds it.
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
from signalbot.vault import durable_files, master_key
from signalbot.vault.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationResult:
    """Result of a rotation."""

    values: int  #: number of values wrapped with the new key
    previous_path: Path  #: file of the previous key
    is_finished: bool  #: whether an interrupted earlier run was completed first


async def rotate_master_key(store: VaultStore, path: Path, *, now_ms: Ms) -> RotationResult:
    """Generate a new master key at ``path`` and wrap every value with it.

    Raises:
        ConfigError: another rotation is running, or no key file opens the vault.
    """
    with _rotation_lock(path.parent):
        finished = await _finish_previous_run(store, path, now_ms)
        vault = await Vault.open(store, master_key.read_key(path), path=path, now_ms=now_ms)
        await vault.verify()
        _back_up_key(path)
        crash_point("rotate.old_kept")
        key = master_key.generate_key()
        durable_files.create_file(master_key.pending_path(path), master_key.encode_key(key))
        crash_point("rotate.new_written")
        values = await vault.rotate(key)
        crash_point("rotate.locked")
        durable_files.replace_file(master_key.pending_path(path), path)
        crash_point("rotate.new_in_place")
        again = await Vault.open(store, master_key.read_key(path), path=path, now_ms=now_ms)
        await again.verify()
        return RotationResult(
            values=values, previous_path=master_key.previous_path(path), is_finished=finished
        )


async def _finish_previous_run(store: VaultStore, path: Path, now_ms: Ms) -> bool:
    """Complete or undo an interrupted run; return whether it was completed."""
    durable_files.remove_unfinished(path)
    pending, wanted = master_key.pending_path(path), await store.key_id()
    is_ahead = wanted is not None and master_key.key_id_of(pending) == wanted
    if is_ahead:
        _back_up_key(path)
        crash_point("rotate.old_kept_again")
        durable_files.replace_file(pending, path)
        crash_point("rotate.finished")
        return True
    await Vault.open(store, master_key.read_key(path), path=path, now_ms=now_ms)
    if pending.exists():
        durable_files.remove_file(pending)  # unused: the current key opens the vault
        crash_point("rotate.undone")
    return False


def _back_up_key(path: Path) -> None:
    """Copy the key at ``path`` to its ``.bak``; an older backup is renamed, not lost."""
    if not path.exists():
        return
    former, key_id = master_key.previous_path(path), master_key.key_id_of(path)
    if former.exists():
        if master_key.key_id_of(former) == key_id:
            return
        older = master_key.key_id_of(former) or "unreadable"
        durable_files.replace_file(former, former.with_name(f"{former.name}-{older}"))
        crash_point("rotate.older_kept")
    durable_files.create_file(former, path.read_bytes())


@contextmanager
def _rotation_lock(folder: Path) -> Iterator[None]:
    """Allow one rotation at a time in a folder; a killed process leaves no lock behind."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise ConfigError(f"another rotation is running in {folder}: wait until it ends") from None
    finally:
        os.close(descriptor)
