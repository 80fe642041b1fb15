"""Every strategy, configuration and alert body of ``signalbot.examples`` works as it is."""

from importlib.resources import files
from pathlib import Path

import pytest

from signalbot.config.checks.live import live_problems
from signalbot.config.checks.strategies import check_strategies
from signalbot.examples import STRATEGY_TEMPLATE, strategy_examples, summary_of
from tests.cli.command_line import CommandLine
from tests.cli.conftest import shell
from tests.config.config_files import load_text
from tests.webhooks.reading import actions

__all__ = ["shell"]

FOLDER = files("signalbot.examples")
CONFIGS = sorted(each.name for each in FOLDER.joinpath("configs").iterdir())
BODIES = sorted(each.name for each in FOLDER.joinpath("webhooks").iterdir())
READINGS = {
    "entry.json": ["LONG"],
    "exit.json": ["EXIT_LONG"],
    "partial_exit.json": ["EXIT_LONG"],
    "percent_levels.json": ["SHORT"],
    "position_report.json": ["EXIT_LONG", "SHORT"],
}


@pytest.mark.parametrize("name", strategy_examples())
def test_a_strategy_example_passes_its_check(shell: CommandLine, name: str) -> None:
    """Copied by ``strategy new --from`` under another name; it gives entries and exits."""
    written = shell.run("strategy", "new", "my-own", "--from", name)
    assert written.code == 0, written.err
    checked = shell.run("strategy", "check", "strategies/my_own.py", "--json")
    assert checked.code == 0, checked.out + checked.err
    assert checked.json["name"] == "MyOwn"
    assert checked.json["said"].keys() >= {"LONG", "EXIT_LONG", "HOLD"}


def test_strategy_examples_are_listed_with_their_summaries(shell: CommandLine) -> None:
    """By ``strategy new --list``; an unknown one names the nearest."""
    examples = strategy_examples()
    assert STRATEGY_TEMPLATE in examples
    listed = shell.ask("strategy", "new", "--list").out
    for name, source in examples.items():
        assert name in listed
        assert len(summary_of(source)) > 20
    wrong = shell.ask("strategy", "new", "mine", "--from", "brekout")
    assert (wrong.code, "breakout" in wrong.err) == (4, True)
    assert shell.ask("strategy", "new").code == 78


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_example_can_be_run(tmp_path: Path, name: str) -> None:
    """Nothing in it is an error, also for the exchange it names; no secret is in it."""
    text = FOLDER.joinpath("configs", name).read_text(encoding="utf-8")
    config = load_text(tmp_path, text)
    assert (*check_strategies(config), *live_problems(config)) == ()
    assert config.subscriptions
    assert "apiKey" not in text


@pytest.mark.parametrize("name", BODIES)
def test_an_alert_example_is_read_as_its_name_says(name: str) -> None:
    """With the actions it causes, in order."""
    body = FOLDER.joinpath("webhooks", name).read_text(encoding="utf-8")
    assert actions(body) == READINGS[name]
