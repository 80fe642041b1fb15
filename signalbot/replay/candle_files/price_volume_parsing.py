"""Parses prices and volumes; all numbers together determine the decimal separator."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from signalbot.domain.money import ZERO
from signalbot.replay.candle_files.cells import Cells
from signalbot.replay.candle_files.number_parsing import (
    DecimalSign,
    NumberStyle,
    is_empty,
    number_styles,
    parse_number,
    plain_numbers,
)
from signalbot.replay.candle_files.options import DECIMAL
from signalbot.replay.candle_files.row_errors import (
    RowFault,
    RowLocation,
    quoted_cell,
    unreadable_error,
)
from signalbot.replay.candle_files.table_rows import Values

_NO_VOLUME: Final = frozenset(("", "-", "\u2013", "\u2014"))


class PricesAndVolumes(NamedTuple):
    """Numbers or fault of every row."""

    rows: list[Values | RowFault]
    uses_ticks: bool  #: the volume is a tick count, for lack of another


def read_prices_and_volumes(
    cells: Cells, place: RowLocation, sign: DecimalSign | None
) -> PricesAndVolumes:
    """Parse prices and volumes; ``place`` locates the table, ``sign`` is the user's choice.

    Raises:
        ConfigError: decimal separators are mixed or ambiguous.
    """
    plain = None if sign == "," else _plain_columns(cells)
    prices, volumes, ticks = plain or _parsed_columns(cells, sign or _decimal_sign(cells, place))
    uses_ticks = ticks is not None and not any(volumes)
    rows = list(_rows(cells, prices, ticks if uses_ticks and ticks is not None else volumes))
    return PricesAndVolumes(rows, uses_ticks)


_Columns = tuple[
    Sequence[Sequence[Decimal | None]], Sequence[Decimal | None], Sequence[Decimal | None] | None
]


def _plain_columns(cells: Cells) -> _Columns | None:
    """Parse columns if all numbers are machine-written, else None."""
    prices = []
    for column in cells.prices:
        numbers = plain_numbers(column)
        if numbers is None:
            return None
        prices.append(numbers)
    volumes = [ZERO] * len(cells.lines) if cells.volume is None else plain_numbers(cells.volume)
    ticks = None if cells.tick_volume is None else plain_numbers(cells.tick_volume)
    if volumes is None or (ticks is None and cells.tick_volume is not None):
        return None
    return prices, volumes, ticks


def _parsed_columns(cells: Cells, sign: DecimalSign) -> _Columns:
    """Parse numbers as people write them; None where invalid."""
    count = len(cells.lines)
    prices = [[parse_number(text, sign) for text in column] for column in cells.prices]
    ticks = None if cells.tick_volume is None else _volumes(cells.tick_volume, count, sign)
    return prices, _volumes(cells.volume, count, sign), ticks


def _volumes(texts: Sequence[str] | None, count: int, sign: DecimalSign) -> list[Decimal | None]:
    if texts is None:
        return [ZERO] * count
    return [
        ZERO if text.strip() in _NO_VOLUME else parse_number(text, sign, is_scaled=True)
        for text in texts
    ]


def _rows(
    cells: Cells, prices: Sequence[Sequence[Decimal | None]], volumes: Sequence[Decimal | None]
) -> Iterator[Values | RowFault]:
    opens, highs, lows, closes = prices
    for at, (opened, high, low, close, volume) in enumerate(
        zip(opens, highs, lows, closes, volumes, strict=True)
    ):
        if opened is None or high is None or low is None or close is None or volume is None:
            is_unset = all(is_empty(column[at]) for column in cells.prices)
            yield RowFault.NO_PRICES if is_unset else RowFault.NOT_A_NUMBER
        else:
            yield opened, high, low, close, volume


def _decimal_sign(cells: Cells, place: RowLocation) -> DecimalSign:
    """Return the decimal separator.

    Raises:
        ConfigError: it is mixed or ambiguous.
    """
    found: dict[NumberStyle, tuple[int, str]] = {}
    for column in (*cells.prices, *((cells.volume,) if cells.volume is not None else ())):
        for style, at in number_styles(column).items():
            found.setdefault(style, (cells.lines[at], column[at]))
    point, comma = found.get(NumberStyle.POINT), found.get(NumberStyle.COMMA)
    if point is not None and comma is not None:
        raise unreadable_error(
            place._replace(number=point[0]),
            f"{quoted_cell(point[1])} has a decimal point, but {place.unit} {comma[0]} "
            f"{quoted_cell(comma[1])} a decimal comma: set {DECIMAL} '.' or {DECIMAL} ','",
        )
    if comma is not None:
        return ","
    ambiguous = found.get(NumberStyle.OPEN)
    if point is None and ambiguous is not None:
        raise unreadable_error(
            place._replace(number=ambiguous[0]),
            f"{quoted_cell(ambiguous[1])} may have thousands or decimals, and no other number "
            f"resolves it: set {DECIMAL} '.' or {DECIMAL} ','",
        )
    return "."
