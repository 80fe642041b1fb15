"""The front door tells the truth: what it lists is what there is."""

import re
from pathlib import Path

import pytest

from signalbot.config.notices import notices_table
from signalbot.domain.codebook import CODES, codes_table
from signalbot.exchange.live.dialects import capability_table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("told", CODES)
def test_every_code_is_explained(told: str) -> None:
    """The tables of codes are the code's own lists, word for word."""
    section = README.partition(f"<!-- codes: {told} -->")[2].partition("<!-- /codes -->")[0]
    assert section.strip() == codes_table(CODES[told]).strip()


def test_every_exchange_stands_in_the_capability_table() -> None:
    """What the code allows is what the README promises."""
    section = README.partition("<!-- capabilities -->")[2].partition("<!-- /capabilities -->")[0]
    assert section.strip() == capability_table().strip()


def test_every_notice_stands_in_the_table_of_notices() -> None:
    """With how loudly it is told when nobody has chosen."""
    section = README.partition("<!-- notices -->")[2].partition("<!-- /notices -->")[0]
    assert section.strip() == notices_table().strip()


def test_ci_runs_the_second_command_of_the_readme() -> None:
    """What a newcomer is told to run is what CI runs, to the letter."""
    commands = re.findall(r"```sh\n(python3 -m venv .*)\n```", README)
    assert len(commands) == 2
    assert commands[1] in (ROOT / ".ci" / "run").read_text()


def test_every_module_of_the_pipeline_has_its_place_in_the_life_of_a_signal() -> None:
    """The page follows the tree: a step nobody mentions is a step nobody finds."""
    page = README.partition("## Life of a signal")[2].partition("\n## ")[0]
    steps = {path.name for path in (ROOT / "signalbot" / "pipeline").glob("*.py")}
    told = {name for name in steps if f"`{name}`" in page}
    assert steps - told == {"__init__.py", "account.py", "halt.py", "intents.py", "rights.py"}
