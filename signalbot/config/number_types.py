"""Number and duration types of the file: bounds, error messages, and JSON Schema.

A validator's error completes a sentence that begins with the value: ``200 is not …``.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from signalbot.config.duration import PATTERN, duration_text, is_duration, parse_duration

NO_LIMIT = "none"
_MAX_DURATION_MS = parse_duration("366d")


@dataclass(frozen=True, kw_only=True)
class _NumberType:
    """Annotation of a field parsed by ``read``; ``or_none`` accepts "none" as no limit."""

    or_none: bool = False

    def read(self, value: object) -> object:
        raise NotImplementedError

    def schema(self) -> JsonSchemaValue:
        raise NotImplementedError

    def _read(self, value: object) -> object:
        return None if self.or_none and value in (None, NO_LIMIT) else self.read(value)

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [self.schema(), {"const": NO_LIMIT}]} if self.or_none else self.schema()


@dataclass(frozen=True, kw_only=True)
class Number(_NumberType):
    """A number within bounds, of type ``kind``; a Decimal keeps the digits as written."""

    kind: type[Decimal | int | float] = Decimal
    above: int | None = None  #: exclusive
    at_least: int | None = None
    below: int | None = None  #: exclusive
    at_most: int | None = None

    def read(self, value: object) -> Decimal | int | float:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | Decimal)
            or (self.kind is int and not isinstance(value, int))
            or not self._encloses(Decimal(value))
        ):
            raise ValueError(f"is not {self.expected}")
        return self.kind(value)

    def _encloses(self, number: Decimal) -> bool:
        return (
            number.is_finite()
            and (self.above is None or number > self.above)
            and (self.at_least is None or number >= self.at_least)
            and (self.below is None or number < self.below)
            and (self.at_most is None or number <= self.at_most)
        )

    @property
    def expected(self) -> str:
        """The accepted values in words, such as ``a whole number from 1 to 125``."""
        noun = "a whole number" if self.kind is int else "a number"
        return f"{noun} {self._bounds}".rstrip() + (f" or '{NO_LIMIT}'" if self.or_none else "")

    @property
    def _bounds(self) -> str:
        if self.at_least is not None and self.at_most is not None:
            return f"from {self.at_least} to {self.at_most}"
        bounds = {
            "above": self.above,
            "of at least": self.at_least,
            "below": self.below,
            "at most": self.at_most,
        }
        return " and ".join(f"{label} {n}" for label, n in bounds.items() if n is not None)

    def schema(self) -> JsonSchemaValue:
        bounds = {
            "exclusiveMinimum": self.above,
            "minimum": self.at_least,
            "exclusiveMaximum": self.below,
            "maximum": self.at_most,
        }
        kind = "integer" if self.kind is int else "number"
        return {"type": kind} | {key: bound for key, bound in bounds.items() if bound is not None}


@dataclass(frozen=True, kw_only=True)
class Duration(_NumberType):
    """A duration as text, parsed to milliseconds; at most 366 days."""

    least_ms: int = 0

    def read(self, value: object) -> int:
        if not isinstance(value, str) or not is_duration(value):
            raise ValueError("is not a duration such as '5m', '30s', '1h30m' or '250ms'")
        ms = parse_duration(value)
        if not self.least_ms <= ms <= _MAX_DURATION_MS:
            least, most = duration_text(self.least_ms), duration_text(_MAX_DURATION_MS)
            raise ValueError(f"is not a duration from '{least}' to '{most}'")
        return ms

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "pattern": PATTERN, "examples": ["30s", "5m", "1h30m"]}


def with_floats(value: Any) -> Any:
    """Convert Decimals in ``value`` to floats: parameters and ccxt options are not money."""
    match value:
        case Decimal():
            return float(value)
        case dict():
            return {key: with_floats(inner) for key, inner in value.items()}
        case list():
            return [with_floats(inner) for inner in value]
        case _:
            return value
