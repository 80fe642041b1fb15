"""Environment variables that override the file: ``SIGNALBOT__SECTION__KEY``, nested by ``__``.

Names match the keys of the file without regard to case and with ``_`` for ``-``, because a shell
cannot write ``SIGNALBOT__STRATEGIES__BTC-TREND__SIGNAL_TTL``. A value that is valid JSON (``5``,
``true``, ``["*"]``, ``{"fast": 9}``) is read as JSON, any other as text (``5m``).
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from signalbot.config.toml_positions import Keys

PREFIX = "SIGNALBOT__"


def apply_environment(tables: dict[str, Any], environ: Mapping[str, str]) -> dict[Keys, str]:
    """Merge the environment's values into ``tables``; return the variable behind each key.

    Variables with fewer parts are applied first, so that the more specific one wins.
    """
    origins: dict[Keys, str] = {}
    names = (name for name in environ if name.startswith(PREFIX))
    for name in sorted(names, key=lambda name: (name.count("__"), name)):
        *parents, last = name.removeprefix(PREFIX).split("__")
        table, path = tables, list[str]()
        for part in parents:
            path.append(_key_in(table, part))
            inner = table.get(path[-1])
            if not isinstance(inner, dict):
                table[path[-1]] = inner = {}
            table = inner
        path.append(_key_in(table, last))
        value = _parsed(environ[name])
        _merge(table, path[-1], value)
        origins |= dict.fromkeys(_leaves((*path,), value), name)
    return origins


def _key_in(table: Mapping[str, Any], part: str) -> str:
    """Return the key of ``table`` that matches ``part`` of a variable's name, else a new key."""
    wanted = _bare(part)
    matches = (key for key in table if _bare(key) == wanted)
    return next(matches, part.lower() if part.isupper() else part)


def _bare(key: str) -> str:
    return key.lower().replace("-", "_")


def _parsed(text: str) -> object:
    try:
        value: object = json.loads(text, parse_float=Decimal, parse_constant=Decimal)
    except ValueError:
        return text
    return value


def _merge(table: dict[str, Any], key: str, value: object) -> None:
    if isinstance(value, dict) and isinstance(table.get(key), dict):
        for inner, inner_value in value.items():
            _merge(table[key], inner, inner_value)
    else:
        table[key] = value


def _leaves(path: Keys, value: object) -> Iterator[Keys]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves((*path, key), inner)
    else:
        yield path
