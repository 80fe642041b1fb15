"""The isolation report matches what a probe can do on this machine."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from signalbot.sandbox.isolation_check import PROBE, check_isolation

UNCONFINED = """
import sys
path, source = sys.argv[1:]
import types
module = types.ModuleType("probe")
module.__file__ = path
exec(compile(open(path).read(), path, "exec"), module.__dict__)
print(*(name for name, attempt in module.ATTEMPTS.items() if not module.succeeds(attempt)))
"""
REFUSING = """
import ctypes, os, sys
from signalbot.sandbox.isolation_check import check_isolation
nice = int(sys.argv[1])
if nice:
    os.setpriority(os.PRIO_PROCESS, 0, nice)
    os.sched_setscheduler(0, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
class Step(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8),
                ("value", ctypes.c_uint32)]
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("steps", ctypes.POINTER(Step))]
steps = (Step * 4)(Step(0x20, 0, 0, 0), Step(0x15, 0, 1, 141), Step(0x06, 0, 0, 0x00050001),
                   Step(0x06, 0, 0, 0x7FFF0000))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(4, steps)), 0, 0) == 0
print(*(each.holds for each in check_isolation() if each.what == "priority"))
"""


def test_the_probe_gets_through_with_everything_where_nothing_holds_it(tmp_path: Path) -> None:
    """Else its failing inside would prove nothing."""
    home = tmp_path / "strategies"
    home.mkdir()
    (tmp_path / "outside.txt").write_text("outside")
    (home / "own.txt").write_text("own")
    (home / "probe.py").write_text(PROBE)
    done = subprocess.run(
        [sys.executable, "-c", UNCONFINED, str(home / "probe.py"), PROBE],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) <= {"gains"}  # a container may have seen to that already


def test_everything_that_is_promised_is_measured() -> None:
    """Each in a sentence that an operator understands."""
    found = {each.what: each for each in check_isolation()}
    assert found.keys() == {
        "files", "truncation", "network", "calls", "privileges", "priority",
    }  # fmt: skip
    for each in found.values():
        assert each.result.startswith("a strategy file ")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the number of setpriority is another")
@pytest.mark.parametrize(("nice", "holds"), [(0, "False"), (-5, "True")])
def test_a_lower_priority_is_claimed_only_where_there_is_one(nice: int, holds: str) -> None:
    """Under a filter like the unit's: by the daemon's own priority, which is not inherited."""
    if nice < 0 and os.geteuid() != 0:
        pytest.skip("only root raises priorities")
    done = subprocess.run(
        [sys.executable, "-c", REFUSING, str(nice)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [holds]


def test_the_unit_gives_the_daemon_the_higher_priority() -> None:
    """Since its filter allows no change later."""
    unit = (Path(__file__).parents[2] / "systemd" / "signalbot.service").read_text()
    assert "Nice=-5\n" in unit
    assert "CPUSchedulingResetOnFork=yes\n" in unit
    assert "LimitNOFILE=65536\n" in unit
