"""Strategies are checked by building them, and their mistakes have a place in the file, too."""

from pathlib import Path

import pytest

from signalbot.config.checks.strategies import check_strategies
from signalbot.config.example import example_text
from signalbot.config.load import load
from tests.config.config_files import CONTRACT, MINIMAL, load_text


def test_the_contract_and_the_example_have_strategies_that_can_be_built(tmp_path: Path) -> None:
    """Parameters arrive as the numbers strategies calculate with."""
    assert check_strategies(load(CONTRACT, {})) == ()
    assert check_strategies(load_text(tmp_path, example_text())) == ()


@pytest.mark.parametrize(
    ("old", "new", "path", "line", "message"),
    [
        ('"ema_cross"', '"ema_cros"', "kind", 5, "nearest is 'ema_cross'"),
        ('"5m"', '"5m"\nparams = { fats = 9 }', "params.fats", 9, "nearest is 'fast'"),
        ('"5m"', '"5m"\nparams = { fast = 9.5 }', "params.fast", 9, "fast = 9.5 must be"),
        ('"5m"', '"5m"\nparams.fast = 30', "params.fast", 9, "must be below slow = 21"),
    ],
)
def test_a_strategy_that_cannot_be_built_is_a_problem(
    tmp_path: Path, old: str, new: str, path: str, line: int, message: str
) -> None:
    """The strategy's own words, with the line of the key."""
    (problem,) = check_strategies(load_text(tmp_path, MINIMAL.replace(old, new)))
    assert problem.path == f"strategies.trend.{path}"
    assert problem.line == line
    assert message in problem.message


def test_every_strategy_is_checked(tmp_path: Path) -> None:
    """One wrong strategy does not hide another; a model must be named."""
    text = MINIMAL.replace("ema_cross", "nonsense")
    for name, kind in [("two", "rubbish"), ("three", "webhook"), ("four", "llm")]:
        text += (
            f'[strategies.{name}]\nkind = "{kind}"\nexchange = "sim"\n'
            'symbols = ["A/B"]\ntimeframe = "1h"\n'
        )
    paths = [problem.path for problem in check_strategies(load_text(tmp_path, text))]
    assert paths == [
        "strategies.trend.kind",
        "strategies.two.kind",
        "strategies.four.params.provider",
    ]
