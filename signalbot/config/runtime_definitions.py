"""Tables that the file does not have: users, strategies and subscriptions made while it runs.

A definition has the form of the table it stands for, and takes the same way through every check,
so what the API makes can be moved into the file as it is, and the other way round.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from signalbot.config.toml_positions import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One table made by the API."""

    path: Keys  #: ``("users", "bob")``, ``("users", "bob", "subscriptions", "trend")``, …
    table: Mapping[str, Any]  #: values as TOML has them, floats as Decimals
    version: int = 1  #: rises with every change
    #: As an administrator wrote it last, which bounds what a user makes of it; None: never.
    operator_table: Mapping[str, Any] | None = None

    @classmethod
    def from_key(
        cls,
        key: str,
        table: Mapping[str, Any],
        version: int,
        operator_table: Mapping[str, Any] | None,
    ) -> "Definition":
        """The definition with this ``key``."""
        path = tuple(key.split("."))
        return cls(path=path, table=table, version=version, operator_table=operator_table)

    @property
    def key(self) -> str:
        """The path as the file would head the table; names hold no dots."""
        return ".".join(self.path)


def apply_definitions(
    definitions: Iterable[Definition], tables: dict[str, Any]
) -> dict[Keys, Definition]:
    """Put every definition into ``tables`` whose place is free; return those, by path.

    What the file defines is never overruled, and a subscription without its user is passed over.
    """
    applied: dict[Keys, Definition] = {}
    for definition in sorted(definitions, key=lambda each: len(each.path)):
        parent = _parent(tables, definition.path)
        name = definition.path[-1]
        if parent is not None and name not in parent:
            parent[name] = deepcopy(dict(definition.table))
            applied[definition.path] = definition
    return applied


def _parent(tables: dict[str, Any], path: Keys) -> dict[str, Any] | None:
    """The table that holds the last key of ``path``; a section that is not there yet is made."""
    at: Any = tables
    for depth, key in enumerate(path[:-1]):
        is_section = depth % 2 == 0
        at = at.setdefault(key, {}) if is_section else at.get(key)
        if not isinstance(at, dict):
            return None
    parent: dict[str, Any] = at
    return parent
