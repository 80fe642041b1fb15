"""Process limits: enough open files, and protected memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.api_daemon import daemon

SCRIPT = """
import ctypes, resource
from signalbot.observability.process_limits import protect_memory, raise_open_file_limit
print(raise_open_file_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))
protect_memory()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), *resource.getrlimit(resource.RLIMIT_CORE))
"""


def _output(limits: str) -> list[str]:
    """What ``SCRIPT`` prints in a process that began with these limits."""
    done = subprocess.run(
        ["sh", "-c", f'{limits}; exec "$@"', "sh", sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ("ulimit -S -n 64; ulimit -H -n 4096", "4096 4096 4096"),
        ("ulimit -n 256", "256 256 256"),
    ],
)
def test_as_many_files_may_be_open_as_the_kernel_lets_us(limits: str, expected: str) -> None:
    """The soft limit is raised to the hard one, and never lowered."""
    assert _output(limits)[0] == expected


def test_no_core_file_is_left_and_no_other_process_looks_in() -> None:
    """Whatever the shell has allowed."""
    assert _output("ulimit -S -c unlimited 2>/dev/null")[1] == "0 0 0"


@pytest.mark.process
@pytest.mark.timeout(120)
def test_a_daemon_that_is_started_by_hand_has_done_so(tmp_path: Path) -> None:
    """Without systemd, too."""
    with daemon(tmp_path) as running:
        assert running.process is not None
        limits = Path(f"/proc/{running.process.pid}/limits").read_text()
        [core] = [line for line in limits.splitlines() if line.startswith("Max core file size")]
        assert core.split()[4:6] == ["0", "0"]
        [files] = [line for line in limits.splitlines() if line.startswith("Max open files")]
        soft, hard = files.split()[3:5]
        assert soft == hard or int(soft) == 65_536
