"""Translates pydantic's validation errors into problems in the terms of the file."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from signalbot.config.mask import masked
from signalbot.config.problems import Problem, closest_match, suggestion
from signalbot.config.schema import keys_at, table_with
from signalbot.config.sources import Sources
from signalbot.config.toml_positions import KeyPath, dotted

_MAX_LENGTH = 60
_WRONG_TYPE = {
    "model_type": "is not a table",
    "dict_type": "is not a table",
    "tuple_type": "is not a list: write it in [ ]",
    "string_type": "is not text: write it in quotes",
    "bool_type": "is not true or false",
}


def validation_problems(error: ValidationError, sources: Sources) -> Iterator[Problem]:
    """Yield every error of ``error`` as a problem with its position in the file."""
    for each in error.errors(include_url=False):
        path = tuple(key for key in each["loc"] if key != "[key]")
        match each["type"]:
            case "extra_forbidden":
                message = _unknown_key(path)
            case "missing":
                message = f"is missing: {keys_at(path[:-1])[str(path[-1])]}"
            case kind:
                message = f"{display_value(path, each['input'])} {_message(kind, each)}"
        yield sources.problem(path, message)


def display_value(path: KeyPath, value: object) -> str:
    """Format ``value`` as in the file: shortened, and masked where it is a secret."""
    value = masked(path, value)
    if isinstance(value, str):
        text = repr(value)
    elif isinstance(value, Mapping | list | bool) or value is None:
        text = json.dumps(value, default=_plain, ensure_ascii=False)
    else:
        text = str(value)
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 1]}…"


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else str(value)


def _message(kind: str, error: Mapping[str, Any]) -> str:
    match kind:
        case "value_error":
            return str(error["ctx"]["error"])
        case "enum" | "literal_error":
            return _not_among(error["ctx"]["expected"], error["input"])
        case _:
            return _WRONG_TYPE.get(kind) or f"is not valid: {error['msg']}"


def _not_among(expected: str, value: object) -> str:
    choices = expected.replace("' or '", "', '")
    near = (
        closest_match(value, choices.strip("'").split("', '")) if isinstance(value, str) else None
    )
    return f"is not one of {choices}" + (f": did you mean '{near}'?" if near else "")


def _unknown_key(path: KeyPath) -> str:
    *table, wrong = path
    keys = keys_at(table)
    if closest_match(str(wrong), keys) is None and (home := table_with(table, str(wrong))):
        return f"unknown key '{wrong}' here: it belongs in {dotted(home)}"
    return f"unknown key '{wrong}'{suggestion(str(wrong), keys)}"
