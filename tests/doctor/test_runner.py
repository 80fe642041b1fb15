"""Checks are found by being there, run in the order of the report, and never end it."""

from dataclasses import replace
from pathlib import Path

from signalbot.config.load import load
from signalbot.doctor.finding import FindingLevel
from signalbot.doctor.installation import Installation
from signalbot.doctor.runner import all_checks, run_checks
from signalbot.domain.timeframe import Ms
from signalbot.state_dir import LEDGER_NAME

CONFIG = """
[daemon]
state_dir = "state"

[exchanges.sim]
ccxt_id = "simulated"
"""


def _installation(folder: Path) -> Installation:
    """A configuration without state, with no daemon, offline."""
    path = folder / "config.toml"
    path.write_text(CONFIG)
    path.chmod(0o600)
    config = load(path, {})
    return Installation(config=config, environ={}, pid=None, is_online=False, now_ms=Ms(1))


def test_every_module_of_the_folder_is_a_check_with_a_place_of_its_own() -> None:
    """A new check is one module; two with the same place would depend on chance."""
    folder = Path(__file__).parent.parent.parent / "signalbot" / "doctor" / "checks"
    modules = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    checks = all_checks()
    assert len(checks) == len(modules) == len({each.order for each in checks})
    assert checks[0].name == "configuration"


def test_an_installation_before_its_first_start_has_one_problem(tmp_path: Path) -> None:
    """No daemon runs; everything else is a note."""
    findings = list(run_checks(_installation(tmp_path)))
    problems = [
        each.check
        for each in findings
        if each.level is FindingLevel.PROBLEM and each.check != "clock"
    ]
    assert problems == ["service"]
    assert all(each.fix for each in findings if each.level is FindingLevel.PROBLEM)


def test_a_check_that_fails_is_a_problem_and_the_others_go_on(tmp_path: Path) -> None:
    """A ledger that cannot be read stops only the checks that read it."""
    installation = _installation(tmp_path)
    installation.state_dir.mkdir(mode=0o700)
    (installation.state_dir / LEDGER_NAME).write_text("this is no database")
    findings = list(run_checks(replace(installation, now_ms=Ms(2))))
    problems = {each.check for each in findings if each.level is FindingLevel.PROBLEM}
    assert {"ledger", "trading", "archives"} <= problems
    assert {"configuration", "disk"} <= {each.check for each in findings}
