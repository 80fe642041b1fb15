"""``signalbot manual``: list, show and search pages."""

from signalbot.manual.pages import manual_pages
from tests.cli.command_line import CommandLine
from tests.cli.conftest import shell

__all__ = ["shell"]


def test_without_a_topic_the_pages_are_listed(shell: CommandLine) -> None:
    """With their titles, as ``--list`` does."""
    listed = shell.ask("manual")
    assert listed.code == 0
    assert [line.split()[0] for line in listed.lines[1:]] == list(manual_pages())
    assert shell.ask("manual", "--list").out == listed.out


def test_a_pipe_gets_markdown_with_its_tables(shell: CommandLine) -> None:
    """No directive is left, no comment, no escape sequence."""
    page = shell.ask("manual", "decision-codes").out
    assert page.startswith("# Decision codes\n")
    assert "| `PRICE_DRIFTED` |" in page
    assert "{{" not in page
    assert "\x1b" not in page


def test_a_terminal_gets_a_rendered_page(shell: CommandLine) -> None:
    """Headings and tables without Markdown's signs."""
    page = shell.on_terminal("manual", "quickstart", columns=100)
    assert "Quickstart" in page
    assert "# Quickstart" not in page
    assert "```" not in page


def test_an_unknown_topic_names_the_nearest(shell: CommandLine) -> None:
    """And exits with 4."""
    wrong = shell.ask("manual", "quikstart")
    assert (wrong.code, wrong.out) == (4, "")
    assert "quickstart" in wrong.err


def test_the_search_names_page_and_heading(shell: CommandLine) -> None:
    """Also in rendered tables, whatever the letter case; exit code 4 without a match."""
    found = shell.ask("manual", "--search", "price_drifted")
    assert found.code == 0
    assert any(line.startswith("decision-codes: Decisions: ") for line in found.lines)
    assert shell.ask("manual", "--search", "no-such-word-anywhere").code == 4
