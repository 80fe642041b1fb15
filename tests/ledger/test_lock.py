"""One daemon per state directory, without any cleanup after a crash."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from signalbot.domain.errors import LedgerError, LedgerLocked
from signalbot.ledger.lock import hold, owner_pid
from signalbot.state_dir import LOCK_NAME

HOLDER = """
import sys
from pathlib import Path
from signalbot.ledger.lock import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def _another_daemon(state_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A second process that owns ``state_dir`` until it ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(state_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_second_daemon_fails_with_the_process_id_of_the_first(tmp_path: Path) -> None:
    """The message names the directory, the process, and what to do."""
    with _another_daemon(tmp_path) as daemon:
        assert owner_pid(tmp_path) == daemon.pid
        message = f"{tmp_path}: .*process {daemon.pid}.*state_dir"
        with pytest.raises(LedgerLocked, match=message), hold(tmp_path):
            pass
        assert owner_pid(tmp_path) == daemon.pid


def test_a_killed_daemon_holds_nothing(tmp_path: Path) -> None:
    """The kernel lets go of the lock with the process; its file may stay."""
    with _another_daemon(tmp_path) as daemon:
        daemon.send_signal(signal.SIGKILL)
        assert daemon.wait() == -signal.SIGKILL
        assert (tmp_path / LOCK_NAME).exists()
        assert owner_pid(tmp_path) is None
        with hold(tmp_path):
            assert owner_pid(tmp_path) is not None


def test_within_one_process_too_only_one_may_hold_it(tmp_path: Path) -> None:
    """A second daemon is a second daemon, wherever it runs."""
    with hold(tmp_path), pytest.raises(LedgerLocked), hold(tmp_path):
        pass
    with hold(tmp_path):
        pass


def test_the_lock_is_free_again_after_an_error(tmp_path: Path) -> None:
    """Whatever ended the daemon."""
    with pytest.raises(ZeroDivisionError), hold(tmp_path):
        raise ZeroDivisionError
    assert owner_pid(tmp_path) is None


def test_a_missing_directory_has_no_owner(tmp_path: Path) -> None:
    """The check creates nothing."""
    assert owner_pid(tmp_path / "none") is None
    assert owner_pid(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_directories_are_locked_each_for_itself(tmp_path: Path) -> None:
    """Two daemons live side by side; each directory is made where it is missing."""
    with hold(tmp_path / "a" / "state"), hold(tmp_path / "b" / "state"):
        assert owner_pid(tmp_path / "a" / "state") == owner_pid(tmp_path / "b" / "state")


def test_a_longer_process_id_leaves_nothing_behind(tmp_path: Path) -> None:
    """The id of the owner before, however long, is not mixed into the new one."""
    (tmp_path / LOCK_NAME).write_text("123456789012345\n")
    with hold(tmp_path):
        owner = owner_pid(tmp_path)
        assert (tmp_path / LOCK_NAME).read_text() == f"{owner}\n"


def test_locked_is_a_ledger_error() -> None:
    """Callers that handle ledger errors handle this one."""
    assert issubclass(LedgerLocked, LedgerError)
