"""Parses a table's header: every column under its plain name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from signalbot.replay.candle_files import column_names
from signalbot.replay.candle_files.column_names import column_name, plain_name
from signalbot.replay.candle_files.market_matching import (
    MarketFit,
    MarketName,
    is_coin,
    is_market_name,
)
from signalbot.replay.candle_files.options import COLUMNS, ColumnChoice, ColumnRole
from signalbot.replay.candle_files.row_errors import UnreadableTable
from signalbot.replay.candle_files.table import TextTable
from signalbot.replay.candle_files.time_column_parsing import looks_like_time
from signalbot.replay.candle_files.time_of_day import is_time

PRICE_SIDES: Final = frozenset(("mid", "bid", "ask", "trade", "mark", "index"))
"""Kinds of prices, besides a market."""

CURRENCIES: Final = frozenset((
    "usd", "usdt", "usdc", "busd", "eur", "gbp", "jpy", "cny", "krw", "try", "brl", "inr", "aud",
    "cad", "chf", "rub", "btc", "eth", "bnb", "currency",
))  # fmt: skip
_MAX_NAME_LENGTH: Final = 200  # characters shown in messages


@dataclass(slots=True)
class NamedColumn:
    """A column under its plain name; ``qualifier`` is a currency, market or side in its name."""

    index: int
    name: str
    qualifier: str = ""
    levels: Sequence[str] = ()


@dataclass(slots=True)
class Header:
    table: TextTable
    market: MarketName
    choice: ColumnChoice | None
    columns: list[NamedColumn] = field(default_factory=list)
    qualifier: str = ""  #: of the selected prices
    notes: list[str] = field(default_factory=list)

    def columns_named(self, *names: str) -> Iterator[NamedColumn]:
        """Yield columns with these names, in order of the names."""
        for name in names:
            yield from (each for each in self.columns if each.name == name and not each.qualifier)

    def describe(self) -> str:
        rows = [", ".join(row) for row in self.table.header]
        return " / ".join(rows)[:_MAX_NAME_LENGTH] or "(empty)"

    def chosen_column(self, role: ColumnRole) -> int | None:
        """Return the column that the user has chosen for ``role``.

        Raises:
            UnreadableTable: there is no such column.
        """
        if self.choice is None or role not in self.choice.by_role:
            return None
        column = self.choice.by_role[role]
        if isinstance(column, int):
            if column >= self.table.width:
                raise UnreadableTable(
                    f"{COLUMNS} {role}={column + 1}: the table has {self.table.width} columns"
                )
            return column
        for each in self.columns:
            if column in each.levels:
                return each.index
        for each in self.columns:
            if plain_name(column) in map(plain_name, each.levels):
                return each.index
        raise UnreadableTable(f"{COLUMNS} {role}={column}: not in the header: {self.describe()}")

    def is_ignored(self, role: ColumnRole) -> bool:
        """Whether the user has excluded this role."""
        return self.choice is not None and role in self.choice.ignored

    def first_column(
        self, role: ColumnRole, names: Sequence[str], *, check_values: bool
    ) -> int | None:
        """Return the column chosen for ``role``, else the first matching one of ``names``."""
        chosen = self.chosen_column(role)
        if chosen is not None or self.is_ignored(role):
            return chosen
        for each in self.columns_named(*names):
            if not check_values or self.has_times(each):
                return each.index
        return None

    def has_times(self, column: NamedColumn) -> bool:
        """Whether a column holds times; a name with a unit is trusted.

        If the name may be that of a row number, all cells must be times.
        """
        cells = [cell for cell in self.table.sample(column.index) if cell.strip()]
        if column.name in column_names.COUNTS:
            return bool(cells) and all(map(looks_like_time, cells))
        return column.name.endswith("_ms") or not cells or any(map(is_time, cells))

    def _line(self) -> str:
        return f" ({self.table.unit} {self.table.header_line})" if self.table.header_line else ""

    def missing_column_error(
        self, meaning: str, role: ColumnRole, names: Sequence[str]
    ) -> UnreadableTable:
        """Return the error for a missing column, with accepted names."""
        return UnreadableTable(
            f"no column for {meaning}: name it {' or '.join(names)}, or set {COLUMNS} "
            f"{role}=NAME; the header is: {self.describe()}{self._line()}"
        )


def read_header(table: TextTable, market: MarketName, choice: ColumnChoice | None) -> Header:
    """Parse the header of ``table``."""
    return Header(table, market, choice, _named(table, market))


def _named(table: TextTable, market: MarketName) -> list[NamedColumn]:
    width = table.width
    levels = [[row[at] if at < len(row) else "" for row in table.header] for at in range(width)]
    plain = [[column_name(level) for level in each] for each in levels]
    has_small = {name for each in plain for name in each} & set("ohlc")
    found = []
    for at, each in enumerate(plain):
        cased = [_lower_case(name, has_small=bool(has_small)) for name in each]
        if at == 0 and len(cased) > 1:  # pandas: level names above the index name
            found.append(
                NamedColumn(
                    at, cased[-1] if cased[-1] in column_names.TIMES else "", "", levels[at]
                )
            )
        else:
            found.append(_joined_levels(at, cased, levels[at], market))
    return found


def _lower_case(name: str, *, has_small: bool) -> str:
    if len(name) != 1 or name.islower():
        return name
    return column_names.CAPITAL_NAMES.get(name, name) if has_small else name.lower()


def _joined_levels(
    at: int, cased: Sequence[str], levels: Sequence[str], market: MarketName
) -> NamedColumn:
    """Return the level that names a price or volume; other levels name its market."""
    for index, name in enumerate(cased):
        if name in column_names.CORE_NAMES or any(
            name in names for names in column_names.PRICE_NAMES.values()
        ):
            others = [text for each, text in enumerate(levels) if each != index and text.strip()]
            side = next((text for text in others if not text.startswith("Unnamed")), "")
            return NamedColumn(at, name, side if len(cased) > 1 else "", levels)
    name = next((each for each in cased if each), "")
    for core in column_names.CORE_NAMES:
        side = _side_name(name, core)
        if side and _is_side(side, market):
            return NamedColumn(at, core, side, levels)
    return NamedColumn(at, name, "", levels)


def _side_name(name: str, core: str) -> str:
    if name.startswith(core + "_"):
        return name[len(core) + 1 :]
    if name.endswith("_" + core):
        return name[: -len(core) - 1]
    if name.endswith(core) and name[: -len(core)] in PRICE_SIDES:
        return name[: -len(core)]  # "bidopen"
    return ""


def _is_side(side: str, market: MarketName) -> bool:
    if side in PRICE_SIDES or side in CURRENCIES:
        return True
    upper = side.upper()
    is_market = market.fit(upper) is not MarketFit.OTHER or market.is_quote(upper) or is_coin(upper)
    return is_market or is_market_name(upper)
