"""Validates ``params`` of the configuration against a strategy's frozen dataclass.

The dataclass is the schema: ``fast: Annotated[int, Bounds(2, 200)] = 9`` defines a parameter's
name, type, bounds and default. Imports no numerical library.
"""

import difflib
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from signalbot.domain.timeframe import Timeframe

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

P = TypeVar("P", bound="DataclassInstance")


class BadParameter(ValueError):
    """A strategy parameter is invalid; ``name`` is the key in ``params``."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True, slots=True)
class Bounds:
    """Inclusive bounds of a number, or of every number of a tuple."""

    low: float
    high: float
    rising: bool = False  #: whether the numbers of a tuple must increase

    def __contains__(self, number: float) -> bool:
        return self.low <= number <= self.high

    def __str__(self) -> str:
        return f"from {self.low} to {self.high}"


_MAX_TEXT_LENGTH = 2_000
_FINITE = Bounds(-sys.float_info.max, sys.float_info.max)


@dataclass(frozen=True, slots=True)
class Requires:
    """Marks a parameter that has no effect without the parameter ``name``."""

    name: str


def parse_params(schema: type[P], given: Mapping[str, Any]) -> P:
    """Validate a TOML table or JSON object and convert it to the dataclass ``schema``.

    Supports ``int``, ``float``, ``bool``, ``str``, ``tuple[float, ...]``, ``Timeframe | None``
    and ``tuple[Timeframe, ...]``.

    Raises:
        BadParameter: a parameter is unknown, of the wrong type, out of bounds, without effect
            alone, or contradicts another. If several are invalid the message lists all, and
            ``name`` is the first.
    """
    all_types = get_type_hints(schema, include_extras=True)
    types = {field.name: all_types[field.name] for field in fields(schema)}
    values: dict[str, Any] = {}
    errors: list[BadParameter] = []
    for name in given:
        try:
            values[name] = _read(name, types, given)
        except BadParameter as error:
            errors.append(error)
    if errors:
        raise BadParameter(errors[0].name, "; ".join(str(error) for error in errors))
    return schema(**values)


def suggestion(word: str, choices: Iterable[str]) -> str:
    """Return the choice nearest to ``word`` and the list of all choices."""
    names = list(choices)
    nearest = difflib.get_close_matches(word, names, n=1, cutoff=0)
    if not nearest:
        return "none are known"
    return f"nearest is {nearest[0]!r}, known are {', '.join(names)}"


def require_below(params: object, lower: str, upper: str) -> None:
    """Require the field ``lower`` to be less than the field ``upper``.

    Raises:
        BadParameter: it is not; its ``name`` is ``lower``.
    """
    low, high = getattr(params, lower), getattr(params, upper)
    if not low < high:
        raise BadParameter(lower, f"{lower} = {low} must be below {upper} = {high}")


def _read(name: str, types: Mapping[str, Any], given: Mapping[str, Any]) -> object:
    if name not in types:
        raise BadParameter(name, f"unknown parameter {name!r}: {suggestion(name, types)}")
    marks = getattr(types[name], "__metadata__", ())
    kind = get_args(types[name])[0] if marks else types[name]
    for mark in marks:
        if isinstance(mark, Requires) and given.get(mark.name) is None:
            raise BadParameter(name, f"{name} has no effect without {mark.name}")
    bounds = next((mark for mark in marks if isinstance(mark, Bounds)), _FINITE)
    try:
        return _READERS[kind](given[name], bounds)
    except _InvalidValue as e:
        raise BadParameter(name, f"{name} = {given[name]!r} must be {e}") from None


class _InvalidValue(Exception):
    """The message describes valid values."""


def _read_integer(value: object, bounds: Bounds) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value in bounds:
        return value
    raise _InvalidValue(f"a whole number {bounds}")


def _read_number(value: object, bounds: Bounds) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value in bounds:
        return float(value)
    raise _InvalidValue(f"a number {bounds}")


def _read_numbers(value: object, bounds: Bounds) -> tuple[float, ...]:
    order = "rising " if bounds.rising else ""
    expected = _InvalidValue(f"a list of {order}numbers {bounds}")
    if not isinstance(value, (list, tuple)):
        raise expected
    try:
        numbers = tuple(_read_number(item, bounds) for item in value)
    except _InvalidValue:
        raise expected from None
    if bounds.rising and any(later <= earlier for earlier, later in pairwise(numbers)):
        raise expected
    return numbers


def _read_flag(value: object, _within: Bounds) -> bool:
    if isinstance(value, bool):
        return value
    raise _InvalidValue("true or false")


def _read_timeframe(value: object, _within: Bounds) -> Timeframe | None:
    if value is None or isinstance(value, Timeframe):
        return value
    if isinstance(value, str) and value in Timeframe.__members__.values():
        return Timeframe(value)
    raise _InvalidValue(f"one of {', '.join(Timeframe)}")


def _read_text(value: object, _within: Bounds) -> str:
    if isinstance(value, str) and len(value) <= _MAX_TEXT_LENGTH:
        return value
    raise _InvalidValue(f"text of at most {_MAX_TEXT_LENGTH} characters")


def _read_timeframes(value: object, bounds: Bounds) -> tuple[Timeframe, ...]:
    expected = _InvalidValue(f"a list of different ones of {', '.join(Timeframe)}")
    if not isinstance(value, (list, tuple)):
        raise expected
    try:
        found = tuple(each for item in value if (each := _read_timeframe(item, bounds)) is not None)
    except _InvalidValue:
        raise expected from None
    if len(set(found)) < len(value):
        raise expected
    return found


_READERS: Mapping[object, Callable[[object, Bounds], object]] = {
    str: _read_text,
    tuple[Timeframe, ...]: _read_timeframes,
    int: _read_integer,
    float: _read_number,
    bool: _read_flag,
    tuple[float, ...]: _read_numbers,
    Timeframe | None: _read_timeframe,
}
