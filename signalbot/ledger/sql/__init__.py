"""Migrations and queries as SQL files; ``queries`` reads named statements."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_HEADER = re.compile(r"^-- (\w+) --$", re.MULTILINE)


@cache
def queries(name: str) -> Mapping[str, str]:
    """The statements of ``name``.sql, by their ``-- name --`` headers."""
    script = files(__package__).joinpath(f"{name}.sql").read_text()
    _, *parts = _HEADER.split(script)
    return {
        title: body.strip().rstrip(";") for title, body in zip(parts[::2], parts[1::2], strict=True)
    }
