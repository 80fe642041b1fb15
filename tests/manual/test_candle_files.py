"""Every example of the page on candle files is run, and shows what it shows there."""

import re
import shlex
from importlib.resources import files
from pathlib import Path

import pytest

from signalbot.replay.candle_files.options import NUMBER_UNITS, ColumnRole
from tests.cli.command_line import CommandLine
from tests.cli.conftest import shell

__all__ = ["shell"]

PAGE = files("signalbot").joinpath("manual", "candle-files.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```text (\S+)\n(.*?)```", PAGE, re.DOTALL))
CONSOLES = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES = [
    (command, shown.splitlines())
    for console in CONSOLES
    for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", console, re.MULTILINE)
]
CONFIG = """
[exchanges.sim]
ccxt_id = "simulated"
[strategies.cross]
kind = "ema_cross"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "1h"
[users.ann.account]
exchange = "sim"
[users.ann.subscriptions.cross]
"""


def test_the_examples_are_found() -> None:
    """So that none is passed over."""
    assert len(FILES) == 6
    assert len(EXAMPLES) == PAGE.count("\n$ signalbot ") == 8


@pytest.mark.parametrize(("command", "shown"), EXAMPLES)
def test_an_example_shows_what_the_page_says(
    shell: CommandLine, command: str, shown: list[str]
) -> None:
    """Line by line; ``…`` stands for what differs from run to run."""
    (shell.folder / "config.toml").write_text(CONFIG)
    for name, text in FILES.items():
        (shell.folder / name).write_text(text)
    said = shell.run(*shlex.split(command)[1:])
    lines = (said.out or said.err).splitlines()
    assert len(lines) >= len(shown) > 0
    for line, expected in zip(lines, shown, strict=False):
        assert line.startswith(expected.removesuffix("…"))
        assert expected.endswith("…") or line == expected


def test_every_option_and_role_is_explained() -> None:
    """As the code has them."""
    for option in ("--columns", "--time-format", "--time-zone", "--decimal"):
        assert f"| `{option} " in PAGE
    for role in ColumnRole:
        assert f"`{role}`" in PAGE
    for unit in NUMBER_UNITS:
        assert f"`{unit}`" in PAGE


def test_the_page_is_no_longer_than_a_page() -> None:
    """And the README leads to it."""
    assert PAGE.count("\n") <= 350
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert "(signalbot/manual/candle-files.md)" in readme
