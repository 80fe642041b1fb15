"""Assigns roles to the columns of a table without a header, by their content.

Four adjacent columns are prices: in every row the largest is the high and the smallest the low, and
the positions of these two determine the order.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final

from signalbot.replay.candle_files.columns import Columns
from signalbot.replay.candle_files.market_matching import is_market_name
from signalbot.replay.candle_files.number_parsing import (
    DecimalSign,
    NumberStyle,
    is_empty,
    number_styles,
    parse_number,
    plain_numbers,
)
from signalbot.replay.candle_files.options import COLUMNS, PRICES, ColumnChoice, ColumnRole
from signalbot.replay.candle_files.row_errors import UnreadableTable
from signalbot.replay.candle_files.table import PRICE_COUNT, TextTable
from signalbot.replay.candle_files.time_column_parsing import looks_like_time, read_times
from signalbot.replay.candle_files.time_of_day import is_date_only, is_time_of_day

_PRICE_ORDERS: Final[Mapping[tuple[int, int], tuple[int, int, int, int]]] = {
    (1, 2): (0, 1, 2, 3),  # open high low close: most files
    (2, 3): (0, 2, 3, 1),  # open close high low: Bitfinex, KuCoin
    (1, 0): (2, 1, 0, 3),  # low high open close: Coinbase
}
"""Positions of high and low among four, to positions of open, high, low and close."""

_GATE: Final = (5, 3, 4, 2)  # time, quote volume, close, high, low, open, volume, closed
_LEADING: Final = 3  # columns before the time: row number, market, interval
_SKIPPED: Final = 2  # columns between time and prices: number of trades
_RIGHT: Final = 0.98  # fraction of rows that must fit an order
_FIRST_YEAR_MS: Final = 31_536_000_000
_FLAG_TEXTS: Final = frozenset(("true", "false"))
_MIN_FLAG_SHARE: Final = 0.8  # fraction of rows of a column of final flags
_OKX, _OKX_DEX = 9, 8  # cells of a row: confirm is the last
_SURE: Final = 4  # ratio of distances to the previous close that shows open and close exchanged
_LEAST_ROWS: Final = 10


def find_positions(table: TextTable, choice: ColumnChoice | None) -> Columns:
    """Find the columns of ``table``, which has no header.

    Raises:
        UnreadableTable: times or prices are missing or ambiguous.
    """
    if choice is not None:
        return _chosen_columns(table, choice)
    rows = [cells for _, cells in table.head if len(cells) == table.width]
    time, clock = _time(table, rows)
    after = (time if clock is None else clock) + 1
    if _is_gate(rows, time):
        return Columns(time=time, prices=_moved(_GATE, time), volume=time + 6, closed=time + 7)
    opened, high, low, close = _prices(table, rows, after)
    _check_open(table, rows, time, (opened, high, low, close))
    end = max(opened, high, low, close) + 1
    volume = _volume(rows, end, (high, low))
    closed = _closed(table, rows, end)
    if closed is not None and table.width == _OKX and _columns_differ(rows, end + 1, end + 2):
        volume = end + 1  # not spot: the first volume counts contracts, the second coins
    return Columns(
        time=time,
        time_of_day=clock,
        prices=(opened, high, low, close),
        close_time=_close_time(rows, time, end),
        volume=volume,
        symbol=next((at for at in range(time) if _all(rows, at, is_market_name)), None),
        closed=closed,
    )


def _chosen_columns(table: TextTable, choice: ColumnChoice) -> Columns:
    """Return the columns as the user has listed them."""
    positions: dict[ColumnRole, int] = {}
    for role, column in choice.by_role.items():
        if not isinstance(column, int):
            raise UnreadableTable(
                f"{COLUMNS} {role}={column}: there is no header; list all columns in order, "
                "such as time,open,high,low,close,volume"
            )
        positions[role] = column
    missing = [role for role in PRICES if role not in positions]
    if missing:
        raise UnreadableTable(
            f"{COLUMNS}: there is no header, so {', '.join(missing)} must be listed"
        )
    day = positions.get(ColumnRole.DATE)
    time = positions.get(ColumnRole.TIME) if day is None else day
    if time is None and ColumnRole.CLOSE_TIME not in positions:
        raise UnreadableTable(f"{COLUMNS}: there is no header, so time must be listed")
    if max(positions.values()) >= table.width:
        raise UnreadableTable(
            f"{COLUMNS} lists {max(positions.values()) + 1} columns of {table.width}"
        )
    opened, high, low, close = (positions[role] for role in PRICES)
    return Columns(
        time=time,
        time_of_day=None if day is None else positions.get(ColumnRole.TIME),
        prices=(opened, high, low, close),
        close_time=positions.get(ColumnRole.CLOSE_TIME),
        volume=positions.get(ColumnRole.VOLUME),
        symbol=positions.get(ColumnRole.SYMBOL),
        interval=positions.get(ColumnRole.INTERVAL),
        closed=positions.get(ColumnRole.CLOSED),
    )


def _time(table: TextTable, rows: Sequence[Sequence[str]]) -> tuple[int, int | None]:
    for at in range(min(_LEADING + 1, table.width - PRICE_COUNT)):
        if not _mostly(rows, at, looks_like_time):
            continue
        is_day = _mostly(rows, at, is_date_only)
        has_clock = (is_day and len({row[at] for row in rows}) < len(rows)) or _has_colon(
            rows, at + 1
        )
        return at, at + 1 if is_day and has_clock and _mostly(
            rows, at + 1, is_time_of_day
        ) else None
    first = ", ".join(table.head[0][1]) if table.head else "(empty)"
    raise UnreadableTable(
        f"no header, and no column of times among the first: list the columns in order, such as "
        f"{COLUMNS} time,open,high,low,close,volume; the first row is: {first[:200]}"
    )


def _has_colon(rows: Sequence[Sequence[str]], at: int) -> bool:
    return bool(rows) and at < len(rows[0]) and all(":" in row[at] for row in rows)


def _mostly(rows: Sequence[Sequence[str]], at: int, test: Callable[[str], bool]) -> bool:
    return bool(rows) and sum(test(row[at]) for row in rows) >= _MIN_FLAG_SHARE * len(rows)


def _all(rows: Sequence[Sequence[str]], at: int, test: Callable[[str], bool]) -> bool:
    return bool(rows) and all(test(row[at]) for row in rows)


def _numbers(rows: Sequence[Sequence[str]], first: int, count: int) -> list[list[Decimal]]:
    """Return columns of numbers, skipping rows with other content."""
    found = []
    for row in rows:
        texts = row[first : first + count]
        plain = plain_numbers(texts)
        if plain is None:
            has_comma = {NumberStyle.COMMA, NumberStyle.OPEN} & number_styles(texts).keys()
            sign: DecimalSign = "," if has_comma else "."
            read = [parse_number(text, sign, is_scaled=True) for text in texts]
            plain = [each for each in read if each is not None]
        if len(plain) == count and all(each.is_finite() for each in plain):
            found.append(plain)
    return found


def _prices(
    table: TextTable, rows: Sequence[Sequence[str]], first: int
) -> tuple[int, int, int, int]:
    for start in range(first, min(first + _SKIPPED, table.width - PRICE_COUNT) + 1):
        numbers = _numbers(rows, start, PRICE_COUNT)
        if not numbers or (2 * len(numbers) < len(rows) and not _has_missing_prices(rows, start)):
            continue
        for (high, low), order in _PRICE_ORDERS.items():
            right = sum(row[high] == max(row) and row[low] == min(row) > 0 for row in numbers)
            if right >= _RIGHT * len(numbers):
                return _moved(order, start)
    quoted = ", ".join(table.head[0][1])
    raise UnreadableTable(
        "no header, and no four columns of prices in a known order: list the columns in order, "
        f"such as {COLUMNS} time,open,high,low,close,volume; the first row is: {quoted[:200]}"
    )


def _has_missing_prices(rows: Sequence[Sequence[str]], start: int) -> bool:
    """Whether some rows have empty price cells."""
    return any(is_empty(row[start]) for row in rows)


def _moved(order: tuple[int, int, int, int], by: int) -> tuple[int, int, int, int]:
    opened, high, low, close = order
    return opened + by, high + by, low + by, close + by


def _check_open(
    table: TextTable, rows: Sequence[Sequence[str]], time: int, prices: tuple[int, int, int, int]
) -> None:
    """Check that open and close are not exchanged: a candle opens near the previous close.

    Raises:
        UnreadableTable: they fit much better exchanged.
    """
    try:
        instants = read_times([row[time] for row in rows]).at_ms
    except Exception:  # noqa: BLE001 - reported when the times are parsed
        return
    opened, _, _, close = prices
    both = [
        (at, texts)
        for at, row in zip(instants, rows, strict=True)
        if at is not None and (texts := plain_numbers((row[opened], row[close]))) is not None
    ]
    values = [texts for _, texts in sorted(both, key=lambda each: each[0])]
    if len(values) < _LEAST_ROWS:
        return
    pairs = list(pairwise(values))
    as_read = sum(abs(after[0] - before[1]) for before, after in pairs)
    exchanged = sum(abs(after[1] - before[0]) for before, after in pairs)
    if exchanged * _SURE < as_read:
        raise UnreadableTable(
            f"columns {opened + 1} and {close + 1}, by position open and close, fit better "
            f"exchanged: list the columns in order, such as "
            f"{COLUMNS} time,open,high,low,close,volume"
        )


def _volume(rows: Sequence[Sequence[str]], at: int, bounds: tuple[int, int]) -> int | None:
    """Return the column after the prices, or the next if that is an average price (Kraken)."""
    if not rows or at >= len(rows[0]):
        return None
    if at + 1 < len(rows[0]):
        texts = [(row[at], *(row[bound] for bound in bounds)) for row in rows]
        numbers = [each for text in texts if (each := plain_numbers(text)) is not None]
        inside = sum(low <= value <= high for value, high, low in numbers)
        unset = sum(value == 0 for value, _, _ in numbers)
        if len(numbers) >= 2 and inside and inside + unset == len(numbers):  # noqa: PLR2004
            return at + 1
    return at if len(_numbers(rows, at, 1)) * 2 > len(rows) else None


def _columns_differ(rows: Sequence[Sequence[str]], one: int, other: int) -> bool:
    return any(row[one] != row[other] for row in rows)


def _close_time(rows: Sequence[Sequence[str]], time: int, first: int) -> int | None:
    """Return a later column of times shortly after those of the first."""
    if not rows:
        return None
    opened = read_times([row[time] for row in rows[:20]]).at_ms if _is_numeric(rows, time) else []
    for at in range(first, len(rows[0])) if opened else ():
        closed = read_times([row[at] for row in rows[:20]]).at_ms
        if all(
            start is not None and end is not None and 0 < end - start < _FIRST_YEAR_MS // 12
            for start, end in zip(opened, closed, strict=True)
        ):
            return at
    return None


def _is_numeric(rows: Sequence[Sequence[str]], at: int) -> bool:
    return all(row[at].strip().isdecimal() for row in rows)


def _is_gate(rows: Sequence[Sequence[str]], time: int) -> bool:
    return (
        bool(rows)
        and len(rows[0]) == time + 8
        and _all(rows, time + 7, lambda cell: cell.lower() in _FLAG_TEXTS)
    )


def _closed(table: TextTable, rows: Sequence[Sequence[str]], end: int) -> int | None:
    """Return the last column if it can only be a flag for final candles."""
    last = table.width - 1
    if last < end or not rows:
        return None
    cells = [row[last].strip().lower() for row in rows]
    if set(cells) <= _FLAG_TEXTS:
        return last
    is_flag = table.width in (_OKX, _OKX_DEX) and set(cells) <= {"0", "1"}
    is_last_only = "1" in cells and cells.count("0") <= 1
    return (
        last
        if is_flag and (is_last_only or cells.count("1") >= _MIN_FLAG_SHARE * len(cells))
        else None
    )
