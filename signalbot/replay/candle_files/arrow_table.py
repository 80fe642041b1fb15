"""Reads Parquet and Feather files; needs pyarrow, an optional extra."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from io import BytesIO
from typing import Any, Final

from signalbot.replay.candle_files.archives import FilePart
from signalbot.replay.candle_files.row_errors import unreadable_error
from signalbot.replay.candle_files.table import Row, TextTable

_PARQUET: Final = b"PAR1"
_ARROW: Final = b"ARROW1"
_OLD_FEATHER: Final = b"FEA1"


def is_arrow(part: FilePart) -> bool:
    return part.data.startswith((_PARQUET, _ARROW, _OLD_FEATHER))


def arrow_table(part: FilePart) -> TextTable:
    """Read a Parquet or Feather file, converting every value to text.

    Raises:
        ConfigError: it is damaged, or pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow import feather, parquet  # noqa: PLC0415
    except ImportError:
        raise unreadable_error(
            part.name, "Parquet and Feather need pyarrow: pip install 'signalbot[parquet]'"
        ) from None
    try:
        source = BytesIO(part.data)
        is_parquet = part.data.startswith(_PARQUET)
        table = parquet.read_table(source) if is_parquet else feather.read_table(source)
    except (pa.ArrowException, OSError, ValueError) as e:
        raise unreadable_error(part.name, f"damaged, or incompletely downloaded: {e}") from e
    names = ["" if name.startswith("__index_level_") else name for name in table.column_names]
    return TextTable(part.name, "row", [names], _rows(table))


def _rows(table: Any) -> Iterator[Row]:
    number = 0
    for batch in table.to_batches():
        columns = [[_text(value) for value in _values(column)] for column in batch.columns]
        for cells in zip(*columns, strict=True):
            number += 1
            yield number, list(cells)


def _values(column: Any) -> list[Any]:
    import pyarrow as pa  # noqa: PLC0415

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
    elif pa.types.is_timestamp(kind) and kind.unit == "ns":  # Python's have no nanoseconds
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    elif pa.types.is_floating(kind) and kind.bit_width < 64:  # noqa: PLR2004 - as numpy prints it
        return [None if value is None else str(value) for value in column.to_numpy(False)]
    values: list[Any] = column.to_pylist()
    return values


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            at = value if value.tzinfo is None else value.astimezone(UTC)
            return at.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)
