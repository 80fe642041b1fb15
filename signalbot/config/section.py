"""Base class of the sections of the file.

An optional key has the default None and is read through ``given_fields`` only, so that "not given"
and an explicit "none" (no limit) stay distinct.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Flag = Annotated[bool, Field(strict=True)]
"""true or false, and nothing that could be read as one."""


class Section(BaseModel):
    """A table of the file; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def key(description: str, *, name: str | None = None) -> Any:
    """Declare an optional key; ``name`` is its name in the file where that differs."""
    return Field(None, alias=name, description=description)


def given_fields(table: Section) -> dict[str, Any]:
    """Return the fields of ``table`` that are set, by field name; nested tables are flattened."""
    found: dict[str, Any] = {}
    for name in table.model_fields_set:
        value = getattr(table, name)
        found |= given_fields(value) if isinstance(value, Section) else {name: value}
    return found
