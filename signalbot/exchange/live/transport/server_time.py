"""The time of an exchange that has no endpoint for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTimeEndpoint:
    """Where an exchange tells its time that has no endpoint for it: a public call, and a field."""

    method: str
    params: Mapping[str, Any]
    field: str  #: ISO 8601
