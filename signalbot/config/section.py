"""What every table of the file has in common.

A key that may be left out has None as its default and is read through ``given`` only, so that
"not given" and the "none" of a lifted limit stay apart.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A table of the file: unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def key(description: str, *, name: str | None = None) -> Any:
    """A key that may be left out, called ``name`` in the file where that differs."""
    return Field(None, alias=name, description=description)


def given_fields(table: Section) -> dict[str, Any]:
    """Fields of ``table`` that the file gives, by field name; tables within it are flattened."""
    found: dict[str, Any] = {}
    for name in table.model_fields_set:
        value = getattr(table, name)
        found |= given_fields(value) if isinstance(value, Section) else {name: value}
    return found
