"""Every key of a TOML text is found on the line it stands on."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.config.example import example_text
from signalbot.config.toml_positions import KeyPath, key_lines
from tests.config.config_files import CONTRACT

NASTY = (Path(__file__).parent / "nasty.toml").read_text(encoding="utf-8")


def paths_of(value: Any, at: KeyPath = ()) -> list[KeyPath]:
    """Path of every table, key and item."""
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        return [at]
    below = [path for key, inner in items for path in paths_of(inner, (*at, key))]
    return [at, *below] if at else below


@pytest.mark.parametrize("text", [NASTY, example_text(), CONTRACT.read_text(encoding="utf-8")])
def test_every_key_has_a_line_and_stands_on_it(text: str) -> None:
    """Strings, comments and lists that look like tables are not misread."""
    lines = key_lines(text)
    expected = paths_of(tomllib.loads(text))
    assert set(lines) == set(expected)
    rows = text.split("\n")
    for path, line in lines.items():
        if isinstance(path[-1], str):
            assert path[-1] in rows[line - 1].replace('\\"', '"')


def test_the_lines_of_a_nasty_text() -> None:
    """Spot checks, counted by hand."""
    lines = key_lines(NASTY)
    assert lines["a", "b", "c.d"] == 2
    assert lines["many", 1, 1] == 6
    assert lines["many", 2, "y", "z"] == 6
    assert lines["many", 3] == 7
    assert lines["text",] == 11
    assert lines["deep", "er", "x", "a", "b", 0, "c"] == 20
    assert lines["deep",] == 21
    assert lines["list", 1, "n"] == 28
    assert lines["list", 1, "inner", 1, "z"] == 32


KEYS = st.text(st.sampled_from("abz09_-"), min_size=1, max_size=6)
VALUES = st.one_of(
    st.integers(), st.booleans(), st.text(st.sampled_from('ab #[]{}=,"\\\n'), max_size=8)
)
TABLES = st.recursive(
    st.dictionaries(KEYS, VALUES, max_size=4),
    lambda inner: st.dictionaries(KEYS, st.one_of(VALUES, inner), max_size=4),
    max_leaves=12,
)


@given(TABLES)
def test_lines_are_those_a_text_was_written_on(tables: dict[str, Any]) -> None:
    """Write each key on a line of its own and remember which: the scanner finds the same."""
    rows: list[str] = []
    written: dict[KeyPath, int] = {}
    _write(tables, (), rows, written)
    text = "\n".join(rows)
    assert tomllib.loads(text) == tables
    assert key_lines(text) == written


def _write(
    table: dict[str, Any], at: tuple[str, ...], rows: list[str], written: dict[KeyPath, int]
) -> None:
    for key, value in table.items():
        if not isinstance(value, dict):
            rows.append(f"{key} = {_text(value)}")
            written[*at, key] = len(rows)
    for key, value in table.items():
        if isinstance(value, dict):
            rows.append(f"[{'.'.join((*at, key))}]  # [x]")
            written[*at, key] = len(rows)
            _write(value, (*at, key), rows, written)


def _text(value: object) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    return str(value).lower()
