"""What-if settings of one user: ``--set KEY=VALUE``, applied over the file.

Overrides pass the same validation as the file and are never saved.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Final

from signalbot.config.problems import InvalidConfig, Problem, suggestion
from signalbot.config.toml_positions import Keys, dotted
from signalbot.domain.settings import Settings

_GROUPS: Final = frozenset(each.name for each in fields(Settings))
_ACCOUNT_KEYS: Final = ("leverage", "margin_mode", "paper_balance")
_REFUSED_KEYS: Final = frozenset({"mode", "notify", "notify_events"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One ``KEY=VALUE``; the key is relative to the user's table."""

    text: str  #: as entered
    table: Mapping[str, Any]  #: the parsed TOML, floats as Decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """The overrides of one what-if run; the last one for a key wins."""

    user: str
    items: tuple[Override, ...]


def parse_override(text: str) -> Override:
    """Parse an override such as ``risk.max_open_positions=3``; text needs no quotes.

    Raises:
        InvalidConfig: it is not KEY=VALUE with a TOML value, or has no effect in a what-if run.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        message = "is not KEY=VALUE, such as risk.max_open_positions=3"
        raise InvalidConfig([Problem(where=_where(text), message=message)])
    table = _parsed(text, key, value)
    for path, _ in leaves(table):
        _check_supported(text, path)
    return Override(text=text, table=table)


def apply_overrides(tables: dict[str, Any], overrides: Overrides) -> dict[Keys, str]:
    """Apply ``overrides`` to their user in ``tables``; return the override behind each key.

    An overridden setting holds for every subscription: the subscriptions' own values are removed.
    """
    user = overrides.user
    origins: dict[Keys, str] = {}
    for override in overrides.items:
        for path, value in leaves(override.table):
            if path[0] in _GROUPS:
                _clear(_table_at(tables, ("users", user, "subscriptions")), path)
            _put(tables, ("users", user, *path), value)
            origins["users", user, *path] = _where(override.text)
    return origins


def leaves(table: Mapping[str, Any], path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Yield every value within ``table`` with its path; an empty table is a value."""
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _parsed(text: str, key: str, value: str) -> dict[str, Any]:
    for each in (value, f"'{value.strip()}'"):
        try:
            return tomllib.loads(f"{key} = {each}", parse_float=Decimal)
        except ValueError:  # TOMLDecodeError, or an integer too long for Python
            continue
    message = "cannot be read: write it as the file would have it"
    raise InvalidConfig([Problem(where=_where(text), message=message)])


def _check_supported(text: str, path: Keys) -> None:
    if path[0] in _REFUSED_KEYS:
        message = f"{path[0]!r} changes nothing here: {_supported_keys()}"
    elif path[0] == "account" and len(path) > 1 and path[1] not in _ACCOUNT_KEYS:
        message = f"{path[1]!r} cannot be tried out{suggestion(path[1], _ACCOUNT_KEYS)}"
    else:
        return
    raise InvalidConfig([Problem(where=_where(text), path=dotted(path), message=message)])


def _supported_keys() -> str:
    account = ", ".join(f"account.{name}" for name in _ACCOUNT_KEYS)
    return f"what can be tried is {', '.join(sorted(_GROUPS))}, subscriptions, {account}"


def _where(text: str) -> str:
    return f"--set {text}"


def _put(table: dict[str, Any], path: Keys, value: Any) -> None:
    *parents, last = path
    for key in parents:
        inner = table.get(key)
        if not isinstance(inner, dict):
            table[key] = inner = {}
        table = inner
    if value != {} or not isinstance(table.get(last), dict):
        table[last] = value


def _clear(subscriptions: Mapping[str, Any], path: Keys) -> None:
    """Remove the setting at ``path`` from every subscription that has it."""
    for name in subscriptions:
        _table_at(subscriptions, (name, *path[:-1])).pop(path[-1], None)


def _table_at(table: Mapping[str, Any], path: Keys) -> dict[str, Any]:
    """Return the table at ``path``; an empty one where there is none."""
    at: Any = table
    for key in path:
        at = at.get(key) if isinstance(at, dict) else None
    return at if isinstance(at, dict) else {}
