"""Which column of a table without a header holds what, by what stands in it.

Four columns in a row are prices: the highest of them is the high and the lowest the low in every
row, and where these two stand tells the order that the writer has used.
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
    (1, 2): (0, 1, 2, 3),  # open high low close: nearly everybody
    (2, 3): (0, 2, 3, 1),  # open close high low: Bitfinex, KuCoin
    (1, 0): (2, 1, 0, 3),  # low high open close: Coinbase
}
"""Where high and low stand among four, to where open, high, low and close stand."""

_GATE: Final = (5, 3, 4, 2)  # time, quote volume, close, high, low, open, volume, closed
_LEADING: Final = 3  # columns before the time: a row's number, a market, an interval
_SKIPPED: Final = 2  # columns between the time and the prices: a count of trades
_RIGHT: Final = 0.98  # of the rows must fit an order
_FIRST_YEAR_MS: Final = 31_536_000_000
_FLAG_TEXTS: Final = frozenset(("true", "false"))
_MIN_FLAG_SHARE: Final = 0.8  # of the rows of a column that tells whether a candle is final
_OKX, _OKX_DEX = 9, 8  # cells of a row: confirm is the last
_SURE: Final = 4  # times as far apart are open and the close before if they are exchanged
_LEAST_ROWS: Final = 10


def find_positions(table: TextTable, choice: ColumnChoice | None) -> Columns:
    """The columns of ``table``, which has no header.

    Raises:
        Unreadable: times or prices are not found, or not for certain.
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
    """The columns as the user has counted them."""
    places: dict[ColumnRole, int] = {}
    for role, column in choice.by_role.items():
        if not isinstance(column, int):
            raise UnreadableTable(
                f"{COLUMNS} {role}={column}: there is no header; name all columns in their order, "
                "such as time,open,high,low,close,volume"
            )
        places[role] = column
    missing = [role for role in PRICES if role not in places]
    if missing:
        raise UnreadableTable(
            f"{COLUMNS}: there is no header, so {', '.join(missing)} must be named too"
        )
    day = places.get(ColumnRole.DATE)
    time = places.get(ColumnRole.TIME) if day is None else day
    if time is None and ColumnRole.CLOSE_TIME not in places:
        raise UnreadableTable(f"{COLUMNS}: there is no header, so time must be named too")
    if max(places.values()) >= table.width:
        raise UnreadableTable(
            f"{COLUMNS} names {max(places.values()) + 1} columns of {table.width}"
        )
    opened, high, low, close = (places[role] for role in PRICES)
    return Columns(
        time=time,
        time_of_day=None if day is None else places.get(ColumnRole.TIME),
        prices=(opened, high, low, close),
        close_time=places.get(ColumnRole.CLOSE_TIME),
        volume=places.get(ColumnRole.VOLUME),
        symbol=places.get(ColumnRole.SYMBOL),
        interval=places.get(ColumnRole.INTERVAL),
        closed=places.get(ColumnRole.CLOSED),
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
        f"no header, and no column of times among the first: {COLUMNS} "
        f"time,open,high,low,close,volume names them in their order; it reads: {first[:200]}"
    )


def _has_colon(rows: Sequence[Sequence[str]], at: int) -> bool:
    return bool(rows) and at < len(rows[0]) and all(":" in row[at] for row in rows)


def _mostly(rows: Sequence[Sequence[str]], at: int, test: Callable[[str], bool]) -> bool:
    return bool(rows) and sum(test(row[at]) for row in rows) >= _MIN_FLAG_SHARE * len(rows)


def _all(rows: Sequence[Sequence[str]], at: int, test: Callable[[str], bool]) -> bool:
    return bool(rows) and all(test(row[at]) for row in rows)


def _numbers(rows: Sequence[Sequence[str]], first: int, count: int) -> list[list[Decimal]]:
    """Columns of numbers; rows with anything else in them are passed over."""
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
        "no header, and no four columns that are prices in an order that is known: "
        f"{COLUMNS} time,open,high,low,close,volume (in the order of the file) decides; "
        f"it reads: {quoted[:200]}"
    )


def _has_missing_prices(rows: Sequence[Sequence[str]], start: int) -> bool:
    """Whether rows without prices say so."""
    return any(is_empty(row[start]) for row in rows)


def _moved(order: tuple[int, int, int, int], by: int) -> tuple[int, int, int, int]:
    opened, high, low, close = order
    return opened + by, high + by, low + by, close + by


def _check_open(
    table: TextTable, rows: Sequence[Sequence[str]], time: int, prices: tuple[int, int, int, int]
) -> None:
    """See that open and close are not exchanged: a candle opens where the one before closed.

    Raises:
        Unreadable: they fit far better the other way round.
    """
    try:
        instants = read_times([row[time] for row in rows]).at_ms
    except Exception:  # noqa: BLE001 - told where times are read for good
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
            f"columns {opened + 1} and {close + 1} stand where open and close do, and fit better "
            f"the other way round: {COLUMNS} time,open,high,low,close,volume (in the order of the "
            "file) decides"
        )


def _volume(rows: Sequence[Sequence[str]], at: int, bounds: tuple[int, int]) -> int | None:
    """The column after the prices; the next one if that is an average price, as Kraken's."""
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
    """A later column of instants shortly after those of the first."""
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
    """The last column, if it can only say whether a candle is final."""
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
