"""The manual's pages: links, topics, commands, paths, events and tables exist."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.main import get_command

from signalbot.cli import app
from signalbot.cli.manual import commands_table
from signalbot.domain.events import EVENTS
from signalbot.manual.pages import manual_pages
from signalbot.manual.tables import TABLES, fault_rows
from tests.cli.command_line import CommandLine
from tests.cli.conftest import shell
from tests.config.config_files import load_text

__all__ = ["shell"]

ROOT = Path(__file__).parents[2]
PAGES = manual_pages()
ALL_TABLES = {**TABLES, "commands": commands_table}
NOUNS = {event.partition(".")[0] for event in EVENTS}
SETTINGS = {"account", "ai", "api", "backup", "daemon"}
"""Tables of the configuration that are called like the subject of events."""

NOT_EVENTS = {"order.action", "strategy.close"}
"""A field of alerts, a function of Pine."""

WITHOUT_BLOCKS = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def prose(topic: str) -> str:
    """A page without its code blocks."""
    return WITHOUT_BLOCKS.sub("", PAGES[topic].source)


@pytest.mark.parametrize("topic", PAGES)
def test_a_page_has_a_title_and_is_short(topic: str) -> None:
    """One heading of the first level, at most 350 lines."""
    assert PAGES[topic].source.startswith("# ")
    assert len(re.findall("^# ", prose(topic), re.MULTILINE)) == 1
    assert PAGES[topic].source.count("\n") <= 350


@pytest.mark.parametrize("topic", PAGES)
def test_links_and_named_topics_lead_to_pages(topic: str) -> None:
    """Relative links to files, and topics named as ``page `topic` ``."""
    text = PAGES[topic].source
    folder = (ROOT / "signalbot" / "manual" / topic).parent
    for target in re.findall(r"\]\(([^)#]+\.md)[^)]*\)", text):
        assert (folder / target).is_file(), target
    for listed in re.findall(r"[Pp]ages? ((?:`[\w/-]+`(?:, | and )?)+)", text):
        assert set(re.findall(r"`([^`]+)`", listed)) <= PAGES.keys(), listed
    assert set(re.findall(r"signalbot manual ([a-z][\w/-]+)", text)) <= PAGES.keys()


@pytest.mark.parametrize("topic", PAGES)
def test_commands_of_a_page_exist(topic: str) -> None:
    """Every ``signalbot COMMAND`` in code or in backticks."""
    text = PAGES[topic].source
    names = re.findall(r"(?:^\$ |^|`|/bin/|sudo )signalbot ([a-z]+)", text, re.MULTILINE)
    assert {each for each in names if each != "manual"} <= set(
        getattr(get_command(app), "commands", {})
    )


@pytest.mark.parametrize("topic", PAGES)
def test_files_and_modules_of_a_page_exist(topic: str) -> None:
    """Paths of the repository in backticks, and modules after ``python -m``."""
    text = PAGES[topic].source
    for path in re.findall(r"`((?:signalbot|tests|systemd|findings)/[\w./-]*)", text):
        assert "NAME" in path or "TOPIC" in path or (ROOT / path).exists(), path
    for module in re.findall(r"python -m (tests[\w.]*)", text):
        assert find_spec(module) is not None, module


@pytest.mark.parametrize("topic", PAGES)
def test_events_that_a_page_names_are_in_the_catalogue(topic: str) -> None:
    """Names in backticks such as ``position.opened``."""
    named = set(re.findall(r"`([a-z_]+\.(?!py|db|toml)[a-z_]+)`", prose(topic)))
    found = {each for each in named if each.partition(".")[0] in NOUNS - SETTINGS}
    assert found - NOT_EVENTS - EVENTS.keys() == set()


def test_every_table_has_a_page_and_every_directive_a_table() -> None:
    """Nothing is rendered that no page shows, and no page shows a directive."""
    used = {directive for page in PAGES.values() for directive in page.directives}
    assert used == ALL_TABLES.keys()


@pytest.mark.parametrize("name", ALL_TABLES)
def test_a_table_is_rendered_where_its_directive_is(name: str) -> None:
    """Completely, with as many cells in every row as in its head."""
    table = ALL_TABLES[name]().strip()
    [page] = [page for page in PAGES.values() if name in page.directives]
    assert table in page.render(ALL_TABLES)
    for block in re.findall(r"(?:^\|.*\n?)+", WITHOUT_BLOCKS.sub("", table), re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.strip().splitlines()}
        assert len(widths) == 1, block[:200]


def test_placeholders_of_alerts_are_no_directives() -> None:
    """``{{ticker}}`` in a body stays as it is."""
    page = PAGES["webhooks-tradingview"]
    assert "{{ticker}}" in page.render(ALL_TABLES)
    assert page.directives == frozenset()


def test_the_recorded_faults_kept_every_promise() -> None:
    """No entry twice, no position without a stop at the end, no fill lost."""
    rows = fault_rows()
    assert len(rows) > 10
    for each in rows:
        assert (each.doubled_entries, each.uncovered_at_end, each.lost_fills) == (0, 0, 0)


def test_the_configuration_of_the_page_is_valid(tmp_path: Path) -> None:
    """Its first block is a complete file."""
    text = re.findall(r"```toml\n(.*?)```", PAGES["configuration"].source, re.DOTALL)[0]
    assert load_text(tmp_path, text).users.keys() == {"alice"}


def test_the_strategy_of_the_page_can_be_run(shell: CommandLine) -> None:
    """As ``signalbot strategy check`` sees it."""
    [text] = re.findall(r"```python\n(.*?)```", PAGES["own-strategies"].source, re.DOTALL)
    (shell.folder / "breakout.py").write_text(f'"""Breakout."""\n\n{text}')
    checked = shell.run("strategy", "check", "breakout.py", "--json")
    assert checked.code == 0, checked.out + checked.err
    assert checked.json["said"]["LONG"] > 0


def test_topics_that_code_and_units_name_exist() -> None:
    """``signalbot manual TOPIC`` in messages, ``Documentation=`` of the units."""
    sources = [*(ROOT / "signalbot").rglob("*.py"), *(ROOT / "systemd").iterdir()]
    texts = [path.read_text() for path in sources]
    named = {
        topic
        for text in texts
        for topic in re.findall(r"(?:signalbot manual |/signalbot/manual/)([a-z][\w-]*)", text)
    }
    assert {"configuration", "systemd", "troubleshooting"} <= named <= PAGES.keys()
