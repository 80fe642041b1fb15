"""Strategy files in the configuration: found beside it, and refused with a reason."""

from pathlib import Path

import pytest

from signalbot.config.checks.strategies import check_strategies
from tests.config.config_files import MINIMAL, load_text, only_problem
from tests.sandbox.strategy_fixtures import write

FILE = MINIMAL.replace('"ema_cross"', '"file"\npath = "strategies/own.py"')


def test_a_file_is_named_relative_to_the_configuration(tmp_path: Path) -> None:
    """With a deadline and memory of its own."""
    write(tmp_path / "strategies", "return None")
    text = FILE.replace('own.py"', 'own.py"\ndeadline = "5s"\nmemory_mb = 64')
    config = load_text(tmp_path, text)
    terms = config.strategies["trend"]
    assert terms.path == tmp_path / "strategies" / "own.py"
    assert (terms.deadline_s, terms.memory_mb) == (5.0, 64)
    assert check_strategies(config) == ()


def test_a_file_needs_its_path_and_nothing_else_has_one(tmp_path: Path) -> None:
    """No key is read and silently ignored."""
    missing = only_problem(tmp_path, MINIMAL.replace("ema_cross", "file"))
    assert missing.message == "'file' needs a path"
    for line in ('path = "own.py"', 'deadline = "5s"', "memory_mb = 64"):
        text = MINIMAL.replace('"ema_cross"', f'"ema_cross"\n{line}')
        assert "only a strategy of kind 'file' has a" in only_problem(tmp_path, text).message


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("x = 1\n", "strategies.trend.path", "a strategy file defines one subclass"),
        ("def broken(:\n", "strategies.trend.path", "SyntaxError"),
        (None, "strategies.trend.path", "own.py cannot be read: No such file"),
    ],
)
def test_a_file_that_cannot_be_run_is_a_problem(
    tmp_path: Path, text: str | None, path: str, message: str
) -> None:
    """With the command that shows all of it."""
    (tmp_path / "strategies").mkdir()
    if text is not None:
        (tmp_path / "strategies" / "own.py").write_text(text)
    (problem,) = check_strategies(load_text(tmp_path, FILE))
    assert problem.path == path
    assert message in problem.message
    assert "strategy check" in problem.message


def test_an_unknown_parameter_is_reported_at_its_key(tmp_path: Path) -> None:
    """As for a built-in strategy."""
    write(tmp_path / "strategies", "return None")
    text = FILE.replace('own.py"', 'own.py"\nparams = { slow = 3 }')
    (problem,) = check_strategies(load_text(tmp_path, text))
    assert problem.path == "strategies.trend.params.slow"
    assert problem.message == "unknown parameter 'slow': none are known"


def test_a_folder_shared_with_the_daemons_own_files_is_refused(tmp_path: Path) -> None:
    """A strategy may read the folder it is in."""
    write(tmp_path, "return None")
    text = FILE.replace("strategies/own.py", "own.py")
    (problem,) = check_strategies(load_text(tmp_path, text))
    assert "holds config.toml: move the strategies into a separate folder" in problem.message
