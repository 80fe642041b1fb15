"""The JSON Schema describes the file as it is written."""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from signalbot.config.example import example_text
from signalbot.config.schema import file_schema, keys_at, table_with
from tests.config.config_files import CONTRACT

FREE = {"ccxt", "params"}
NAMED = {"exchanges", "strategies", "users", "subscriptions", "symbols"}


def tables_of(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every (table, key) with a fixed name in a parsed file."""
    for key, inner in value.items():
        if not at or at[-1] not in NAMED:
            yield at, key
        if isinstance(inner, dict) and key not in FREE:
            yield from tables_of(inner, (*at, key))


@pytest.mark.parametrize("text", [CONTRACT.read_text(encoding="utf-8"), example_text()])
def test_every_key_in_use_is_described(text: str) -> None:
    """Editors know each key that the contract and the example write."""
    for table, key in tables_of(tomllib.loads(text)):
        assert keys_at(table).get(key), (table, key)


def test_every_key_has_a_description() -> None:
    """None is left to be guessed."""
    definitions = file_schema()["$defs"].values()
    properties = [item for each in definitions for item in each.get("properties", {}).items()]
    assert len(properties) > 60
    assert [
        key for key, node in properties if not (node.get("description") or "$ref" in node)
    ] == []


def test_unknown_keys_are_refused_by_the_schema_too() -> None:
    """An editor marks what load would refuse."""
    for name, node in file_schema()["$defs"].items():
        assert node["type"] != "object" or node["additionalProperties"] is False, name
    assert file_schema()["additionalProperties"] is False
    assert file_schema()["properties"]["users"]["additionalProperties"] is False


def test_durations_limits_and_bounds_read_as_they_are_written() -> None:
    """Text with a pattern, numbers with bounds, and "none" where a limit can be lifted."""
    definitions = file_schema()["$defs"]
    age = definitions["FiltersSection"]["properties"]["max_signal_age"]["anyOf"]
    assert age[1] == {"const": "none"}
    assert re.match(age[0]["pattern"], "1h30m")
    assert not re.match(age[0]["pattern"], "5 m")
    leverage = definitions["AccountSection"]["properties"]["leverage"]
    assert (leverage["type"], leverage["minimum"], leverage["maximum"]) == ("integer", 1, 125)
    risk = definitions["SizingSection"]["properties"]["risk_percent"]
    assert (risk["type"], risk["exclusiveMinimum"], risk["maximum"]) == ("number", 0, 100)
    assert "default" not in risk, "what is left out is inherited"
    assert definitions["StrategySection"]["properties"]["signal_ttl"]["default"] == "5m"
    assert definitions["DaemonSection"]["properties"]["log_level"]["enum"][0] == "debug"


def test_the_schema_is_json_without_null() -> None:
    """TOML has no null, so no key may be."""
    text = json.dumps(file_schema())
    assert "null" not in text
    assert json.loads(text) == file_schema()


def test_a_key_in_the_wrong_table_is_found_in_the_right_one() -> None:
    """Errors can name the table a key belongs in."""
    assert table_with(("users", "alice"), "leverage") == ("users", "alice", "account")
    assert table_with(("defaults",), "max_open_positions") == ("defaults", "risk")
    assert table_with(("users", "alice"), "nonsense") is None
    assert keys_at(("users",)) == {}
