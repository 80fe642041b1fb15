"""Converts frozen dataclasses to rows and back, by the types of their fields.

Decimals become plain digits, enums their value, booleans 0 and 1; tuples become JSON. A field has
the name of its column; fields stored elsewhere are omitted.
"""

import json
import sqlite3
import types
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields
from decimal import Decimal
from enum import Enum
from operator import attrgetter
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from signalbot.domain.money import text
from signalbot.domain.positions import TakeProfit

T = TypeVar("T")
_Convert = Callable[[Any], Any]


class Codec(Generic[T]):
    """Converts the columns of a table that one dataclass describes."""

    def __init__(self, kind: type[T], *, omit: Collection[str] = ()) -> None:
        self._kind = kind
        annotations = get_type_hints(kind)
        names = (field.name for field in fields(kind))  # type: ignore[arg-type]
        self.columns: tuple[str, ...] = tuple(name for name in names if name not in omit)
        pairs = [_converters(annotations[name]) for name in self.columns]
        self._read = attrgetter(*self.columns)
        self._encoders = tuple(
            (index, pair[0]) for index, pair in enumerate(pairs) if pair[0] is not None
        )
        self._decoders = tuple(zip(self.columns, (pair[1] for pair in pairs), strict=True))

    def encode(self, value: T) -> tuple[Any, ...]:
        """Column values in the order of ``columns``."""
        cells = list(self._read(value))
        for index, convert in self._encoders:
            if (cell := cells[index]) is not None:
                cells[index] = convert(cell)
        return tuple(cells)

    def values(self, row: sqlite3.Row) -> dict[str, Any]:
        """Field values by name; other columns are ignored."""
        return {
            name: convert(row[name]) if row[name] is not None and convert is not None else row[name]
            for name, convert in self._decoders
        }

    def decode(self, row: sqlite3.Row) -> T:
        """The object of a row."""
        return self._kind(**self.values(row))


def insert(table: str, columns: Sequence[str], *, conflict: str = "") -> str:
    """An INSERT of ``columns``, with an optional ON CONFLICT clause."""
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) {conflict}"  # noqa: S608 - names come from the code


def upsert(table: str, columns: Sequence[str], *, key: str) -> str:
    """An INSERT that updates all other columns when the key exists."""
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name != key)
    return insert(table, columns, conflict=f"ON CONFLICT ({key}) DO UPDATE SET {changes}")


def _converters(annotation: Any) -> tuple[_Convert | None, _Convert | None]:
    """The encoder and decoder of a type; None keeps the value."""
    annotation = _without_none(annotation)
    if get_origin(annotation) is tuple:
        return _sequence_converters(get_args(annotation)[0])
    kind = getattr(annotation, "__supertype__", annotation)
    if kind is Decimal:
        return text, Decimal
    if kind is bool:
        return int, bool
    if isinstance(kind, type) and issubclass(kind, Enum):
        return None, kind  # a StrEnum binds as its text
    if kind in (str, int, float):
        return None, None
    return _dump, json.loads


def _sequence_converters(item: Any) -> tuple[_Convert, _Convert]:
    if item is Decimal:
        return _dump, lambda cell: tuple(map(Decimal, json.loads(cell)))
    if item is TakeProfit:
        return _dump_targets, _load_targets
    return _dump, lambda cell: tuple(json.loads(cell))


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = [part for part in get_args(annotation) if part is not types.NoneType]
    return annotation


def _dump(value: Any) -> str:
    return json.dumps(value, default=_plain, separators=(",", ":"))


def _plain(value: Any) -> Any:
    return text(value) if isinstance(value, Decimal) else list(value)


def _dump_targets(targets: Sequence[TakeProfit]) -> str:
    rows = [{"price": text(each.price), "quantity": text(each.quantity)} for each in targets]
    return json.dumps(rows, separators=(",", ":"))


def _load_targets(cell: str) -> tuple[TakeProfit, ...]:
    rows = json.loads(cell)
    return tuple(TakeProfit(Decimal(row["price"]), Decimal(row["quantity"])) for row in rows)
