"""JSON Schema of the file, for editors and for messages about keys."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from signalbot.config.config_file import ConfigFile
from signalbot.config.number_types import NO_LIMIT
from signalbot.config.toml_positions import KeyPath

Schema = dict[str, Any]


@cache
def file_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of the file; callers must not modify it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_tidy(ConfigFile.model_json_schema()),
        "title": "signalbot configuration",
    }


def _tidy(node: Any) -> Any:
    """Adapt pydantic's schema to the file: "none" for no limit, no null, no invalid names."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node == {"type": "null"}:
        return {"const": NO_LIMIT}
    if "patternProperties" in node:
        node = {**node, "additionalProperties": False}
    return {key: _tidy(value) for key, value in node.items() if not _is_noise(key, value)}


def _is_noise(key: str, value: object) -> bool:
    """Return whether it is a generated title, or a default that stands for "not given"."""
    return (key == "title" and isinstance(value, str)) or (
        key == "default" and value in (None, {}, [])
    )


def keys_at(path: Sequence[str | int]) -> Mapping[str, str]:
    """Return the keys of the table at ``path`` with descriptions; empty if names are free."""
    properties = _properties(_node_at(path))
    return {name: _description(node) for name, node in properties.items()}


def table_with(path: Sequence[str | int], key: str) -> KeyPath | None:
    """Return the path of the table directly below ``path`` that accepts ``key``."""
    for name, node in _properties(_node_at(path)).items():
        if key in _properties(_resolved(node)):
            return (*path, name)
    return None


def _node_at(path: Sequence[str | int]) -> Schema:
    node = file_schema()
    for key in path:
        node = _resolved(_step(node, key))
    return node


def _step(node: Schema, key: str | int) -> Schema:
    if isinstance(key, int):
        return dict(node.get("items", {}))
    named = node.get("patternProperties", {}).values()
    choices = (_properties(node).get(key), *named, node.get("additionalProperties"))
    return next((dict(each) for each in choices if isinstance(each, dict)), {})


def _properties(node: Schema) -> Mapping[str, Schema]:
    return dict(node.get("properties", {}))


def _resolved(node: Schema) -> Schema:
    """Follow the reference of ``node``, also within ``anyOf``; return ``node`` without one."""
    for choice in (node, *node.get("anyOf", ())):
        if "$ref" in choice:
            name = choice["$ref"].rsplit("/", 1)[-1]
            return dict(file_schema()["$defs"][name])
    return node


def _description(node: Schema) -> str:
    return str(node.get("description") or _resolved(node).get("description", ""))
