"""Renders tables and JSON: boxes and colors at a terminal, plain columns elsewhere.

Plain columns are at least two spaces apart, and no cell is empty or contains two spaces, so that
``grep``, ``awk -F'  +'`` and ``sort`` work on them.
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from signalbot.cli.formatting import plain, signed_money

if TYPE_CHECKING:
    from rich.table import Table

Row = dict[str, Any]
EMPTY_CELL = "-"

_PROSE_WIDTH = 30
_COLORS = {
    "EXECUTE": "green",
    "executed": "green",
    "filled": "green",
    "SKIP": "yellow",
    "PAUSED": "yellow",
    "partial": "yellow",
    "HALTED": "bold red",
    "failed": "red",
    "rejected": "red",
    "unknown": "bold red",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table and its format."""

    title: str
    key: str
    format: Callable[[Any], str] = plain
    is_number: bool = False  #: right-aligned
    is_extra: bool = False  #: hidden when the terminal is too narrow
    is_prose: bool = False  #: may be wrapped


def is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_list(
    rows: Sequence[Row], columns: Sequence[Column], *, as_json: bool, limit: int = 0, none: str
) -> None:
    """Print the first ``limit`` (0: all) of ``rows``, with a hint if more exist, or ``none``."""
    visible = rows[:limit] if limit else rows
    if as_json:
        print_json(visible)
    elif rows:
        print_table(visible, columns)
    else:
        typer.echo(none, err=True)
    if len(visible) < len(rows):
        typer.echo(f"newest {limit} shown; for more: --limit N, 0 for all", err=True)


def print_table(rows: Sequence[Row], columns: Sequence[Column]) -> None:
    """Print ``rows`` as a boxed table at a terminal, else as plain columns."""
    if is_terminal():
        _print_boxed(rows, columns)
    else:
        _print_plain(rows, columns)


def print_facts(pairs: Iterable[tuple[str, str]]) -> None:
    """Print names and values, one per line."""
    lines = [(name, _tidy(value)) for name, value in pairs]
    width = max(len(name) for name, _ in lines)
    typer.echo("\n".join(f"{name:<{width}}  {value}" for name, value in lines))


def _cells(rows: Iterable[Row], columns: Sequence[Column]) -> list[list[str]]:
    return [[_cell(row.get(column.key), column) for column in columns] for row in rows]


def _cell(value: Any, column: Column) -> str:
    return EMPTY_CELL if value is None else _tidy(column.format(value))


def _tidy(text: str) -> str:
    """Reduce ``text`` to one printable line: outside text must not control the terminal."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split()) or EMPTY_CELL


def _print_plain(rows: Sequence[Row], columns: Sequence[Column]) -> None:
    lines = [[column.title.upper() for column in columns], *_cells(rows, columns)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    typer.echo("\n".join(_aligned(line, widths, columns) for line in lines))


def _aligned(line: Sequence[str], widths: Sequence[int], columns: Sequence[Column]) -> str:
    parts = (
        cell.rjust(width) if column.is_number else cell.ljust(width)
        for cell, width, column in zip(line, widths, columns, strict=True)
    )
    return "  ".join(parts).rstrip()


def _print_boxed(rows: Sequence[Row], columns: Sequence[Column]) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    fitting = _fitting(rows, columns, console.width)
    console.print(_boxed(rows, fitting))
    if len(fitting) < len(columns):
        hidden = ", ".join(column.title for column in columns if column not in fitting)
        console.print(f"[dim]hidden (terminal too narrow): {hidden}[/dim]")


def _fitting(rows: Sequence[Row], columns: Sequence[Column], width: int) -> list[Column]:
    """Return ``columns``, dropping extra ones from the right until they fit ``width``."""
    fitting_columns = list(columns)
    extras = [column for column in columns if column.is_extra]
    while extras and sum(_width(rows, column) + 2 for column in fitting_columns) > width:
        fitting_columns.remove(extras.pop())
    return fitting_columns


def _width(rows: Sequence[Row], column: Column) -> int:
    widest = max((len(_cell(row.get(column.key), column)) for row in rows), default=0)
    return max(len(column.title), min(widest, _PROSE_WIDTH) if column.is_prose else widest)


def _boxed(rows: Sequence[Row], columns: Sequence[Column]) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.is_number else "left",
            no_wrap=not column.is_prose,
        )
    for line in _cells(rows, columns):
        styled = (_color(cell, column) for cell, column in zip(line, columns, strict=True))
        table.add_row(*(Text(cell, style=style) for cell, style in zip(line, styled, strict=True)))
    return table


def _color(cell: str, column: Column) -> str:
    if column.format is signed_money and cell != EMPTY_CELL:
        return "red" if cell.startswith("-") else "green"
    return _COLORS.get(cell, "")
