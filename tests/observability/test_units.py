"""The units as systemd itself judges them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).parents[2] / "systemd").glob("*.service"))

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed here"
)


def _analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("unit", UNITS, ids=lambda each: each.name)
def test_systemd_finds_nothing_to_complain_about(unit: Path, tmp_path: Path) -> None:
    """Unknown keys are warnings that exit with 0: not a word may come."""
    for each in UNITS:
        runnable = each.read_text().replace("/opt/signalbot/venv/bin/python", sys.executable)
        (tmp_path / each.name).write_text(runnable)
    output = _analyze("verify", "--man=no", str(tmp_path / unit.name))
    assert output.stdout + output.stderr == ""
    assert output.returncode == 0


@pytest.mark.parametrize("unit", UNITS, ids=lambda each: each.name)
def test_the_exposure_is_as_low_as_it_gets_with_direct_connections(unit: Path) -> None:
    """The score of ``systemd-analyze security``: 10 is bare, 1.1 the aim."""
    output = _analyze("security", "--offline=true", str(unit))
    score = re.search(r"Overall exposure level for \S+: ([\d.]+)", output.stdout)
    assert score is not None, output.stderr
    assert float(score[1]) <= 1.1
