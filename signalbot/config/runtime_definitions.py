"""Users, strategies and subscriptions created through the API, in addition to the file.

A definition has the form of its table in the file and passes the same validation, so a definition
can be moved into the file unchanged, and the other way round.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from signalbot.config.toml_positions import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One table created through the API."""

    path: Keys  #: ``("users", "bob")``, ``("users", "bob", "subscriptions", "trend")``, …
    table: Mapping[str, Any]  #: TOML values, floats as Decimals
    version: int = 1  #: incremented with every change
    #: The administrator's last version, which bounds a user's own changes; None: there is none.
    operator_table: Mapping[str, Any] | None = None

    @classmethod
    def from_key(
        cls,
        key: str,
        table: Mapping[str, Any],
        version: int,
        operator_table: Mapping[str, Any] | None,
    ) -> "Definition":
        """Build the definition stored under ``key``."""
        path = tuple(key.split("."))
        return cls(path=path, table=table, version=version, operator_table=operator_table)

    @property
    def key(self) -> str:
        """The path as a TOML table header; names contain no dots."""
        return ".".join(self.path)


def apply_definitions(
    definitions: Iterable[Definition], tables: dict[str, Any]
) -> dict[Keys, Definition]:
    """Add the definitions to ``tables`` where the path is free; return the added ones by path.

    The file takes precedence; a subscription without its user is ignored.
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
    """Return the table that holds the last key of ``path``; creates a missing section."""
    at: Any = tables
    for depth, key in enumerate(path[:-1]):
        is_section = depth % 2 == 0
        at = at.setdefault(key, {}) if is_section else at.get(key)
        if not isinstance(at, dict):
            return None
    parent: dict[str, Any] = at
    return parent
