"""Imports and builds a command only when it is invoked, so that each starts quickly.

Typer builds every command of an app before it parses the arguments, which takes 0.15 s here.
"""

from collections import UserDict
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEntry:
    """One command: its implementation and how the help presents it."""

    where: str  #: ``module:function`` or ``module:app``; a function's docstring is its help
    panel: str  #: heading of the help
    examples: tuple[str, ...]  #: complete command lines


def lazy_app(
    entries: Mapping[str, CommandEntry],
    *,
    help_text: str,
    aliases: Mapping[str, str] = MappingProxyType({}),
) -> typer.Typer:
    """Return an app of ``entries`` by command name, in help order.

    ``aliases`` map other names to commands; the help does not list them.
    """

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**{**attributes, "commands": _Commands(entries, aliases)})

    return new_app(cls=LazyGroup, help=help_text, no_args_is_help=True)


def new_app(**settings: Any) -> typer.Typer:
    """Return a Typer app with common settings, without rich tracebacks: they may show secrets."""
    return typer.Typer(
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        **settings,
    )


def examples_text(examples: tuple[str, ...]) -> str:
    """Format examples as the epilog of a command's help."""
    return "\n\n".join(("[bold]Examples[/bold]", *examples))


class _Commands(UserDict[str, Any]):
    """Maps names to commands; each is built when it is looked up."""

    def __init__(self, entries: Mapping[str, CommandEntry], aliases: Mapping[str, str]) -> None:
        super().__init__(entries)
        self._aliases = aliases

    def __contains__(self, name: object) -> bool:
        return name in self.data or name in self._aliases

    def __getitem__(self, name: str) -> Any:
        name = self._aliases.get(name, name)
        return _build(name, self.data[name])


def _build(name: str, entry: CommandEntry) -> Any:
    module, _, attribute = entry.where.partition(":")
    target = getattr(import_module(module), attribute)
    if not isinstance(target, typer.Typer):
        single = new_app(add_completion=False)
        single.command(name, epilog=examples_text(entry.examples))(target)
        target = single
    command: Any = get_command(target)
    command.name, command.rich_help_panel = name, entry.panel
    return command
