"""``manual``: one page of the manual, the list of pages, or the lines that contain a word."""

import sys
from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from signalbot.cli.errors import not_found
from signalbot.cli.render import Column, is_terminal, print_table


def manual(
    *,
    topic: Annotated[
        str | None, typer.Argument(metavar="TOPIC", help="Such as quickstart; see --list.")
    ] = None,
    list_topics: Annotated[bool, typer.Option("--list", help="List all topics.")] = False,
    search_word: Annotated[
        str | None, typer.Option("--search", metavar="WORD", help="List lines that contain WORD.")
    ] = None,
) -> None:
    """Show a page of the manual; without a topic, list the pages.

    Pages are rendered at a terminal and printed as Markdown into a pipe. Exit code 4: there is no
    such topic, or no line contains the word.
    """
    if search_word is not None:
        _print_matches(search_word)
    elif topic is None or list_topics:
        _print_topics()
    else:
        _print_page(topic.lower().removesuffix(".md"))


def _tables() -> Mapping[str, Callable[[], str]]:
    from signalbot.manual.tables import TABLES

    return {**TABLES, "commands": commands_table}


def _print_topics() -> None:
    from signalbot.manual.pages import manual_pages

    rows = [{"topic": each.topic, "title": each.title} for each in manual_pages().values()]
    print_table(rows, (Column("Topic", "topic"), Column("Title", "title", is_prose=True)))


def _print_matches(word: str) -> None:
    from signalbot.manual.pages import search

    found = list(search(word, _tables()))
    if not found:
        raise not_found("line with", word, [])
    for each in found:
        typer.echo(f"{each.topic}: {each.heading}: {each.line.strip()}")


def _print_page(topic: str) -> None:
    from signalbot.manual.pages import manual_pages

    pages = manual_pages()
    if topic not in pages:
        raise not_found("topic", topic, list(pages))
    text = pages[topic].render(_tables())
    if not is_terminal():
        sys.stdout.write(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))


def commands_table() -> str:
    """Every command with the first line of its help and its first example."""
    from typer.main import get_command

    from signalbot.cli import COMMANDS, app
    from signalbot.manual.tables import markdown_table

    commands = getattr(get_command(app), "commands", {})
    rows = []
    for name, entry in COMMANDS.items():
        inner = getattr(commands[name], "commands", None)
        for path, command in (
            [(name, commands[name])]
            if inner is None
            else sorted((f"{name} {part}", each) for part, each in inner.items())
        ):
            summary = (command.help or "").strip().partition("\n")[0]
            rows.append((entry.panel, f"`signalbot {path}`", summary))
    return markdown_table(("Group", "Command", "What it does"), rows)
