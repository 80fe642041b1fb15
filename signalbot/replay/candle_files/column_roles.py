"""Finds the columns of times, prices and volumes in a header."""

from collections.abc import Mapping, Sequence
from typing import Final

from signalbot.replay.candle_files import column_names
from signalbot.replay.candle_files.header import CURRENCIES, PRICE_SIDES, Header, NamedColumn
from signalbot.replay.candle_files.market_matching import MarketFit, MarketName
from signalbot.replay.candle_files.options import COLUMNS, PRICES, ColumnRole
from signalbot.replay.candle_files.row_errors import UnreadableTable
from signalbot.replay.candle_files.time_of_day import is_date_only, is_time_of_day

_DATES: Final = (
    "date", "dtyyyymmdd", "day", "tradingday", "trading_day", "trade_date", "datum", "fecha",
    "data",
)  # fmt: skip
_CLOCKS: Final = (
    "time", "hour", "clock", "time_of_day", "zeit", "uhrzeit", "hora", "heure", "ora", "czas",
)  # fmt: skip


def find_time(header: Header, *, check_values: bool) -> tuple[int | None, int | None]:
    """Return the column of times, and of times of day if the first holds only dates."""
    day, time = header.chosen_column(ColumnRole.DATE), header.chosen_column(ColumnRole.TIME)
    if day is not None:
        return day, time
    if time is not None:
        return time, None
    if header.chosen_column(ColumnRole.CLOSE_TIME) is not None:
        return None, None
    wanted = [
        *header.columns_named(*column_names.OPEN_TIMES),
        *header.columns_named(*column_names.TIMES),
    ]
    found = [each for each in wanted if not check_values or header.has_times(each)]
    return _best(header, [each for each in found if _varies(header, each)] or found)


def _varies(header: Header, column: NamedColumn) -> bool:
    """Whether a column distinguishes rows, unlike for example the bounds of a query.

    A date may be constant, next to a column of times of day.
    """
    cells = header.table.sample(column.index)
    return len(set(cells)) > 1 or len(cells) < 2 or column.name in _DATES  # noqa: PLR2004


def _best(header: Header, found: Sequence[NamedColumn]) -> tuple[int | None, int | None]:
    """Return the first column; a later one if dates stand alone and repeat."""
    fallback: int | None = None
    for each in found:
        cells = header.table.sample(each.index)
        if each.name not in _DATES or not all(map(is_date_only, filter(None, cells))):
            return each.index, None
        clock = _clock(header, each.index)
        if clock is not None:
            return each.index, clock
        if len(set(cells)) == len(cells):
            return each.index, None
        fallback = each.index if fallback is None else fallback
    return fallback, None


def _clock(header: Header, day: int) -> int | None:
    for each in header.columns_named(*_CLOCKS):
        cells = [cell for cell in header.table.sample(each.index) if cell.strip()]
        if each.index != day and cells and all(map(is_time_of_day, cells)):
            return each.index
    return None


def find_prices(header: Header) -> tuple[int, int, int, int]:
    chosen = {role: header.chosen_column(role) for role in PRICES}
    groups: dict[str, dict[ColumnRole, int]] = {}
    for role in PRICES:
        for name in column_names.PRICE_NAMES[role]:
            for each in header.columns:
                if each.name == name:
                    _put(header, groups.setdefault(each.qualifier, {}), role, each)
    side = _side_of_prices(header, groups, {role for role in PRICES if chosen[role] is None})
    group, header.qualifier = groups.get(side, {}), side
    found = [group.get(role) if chosen[role] is None else chosen[role] for role in PRICES]
    for role, at in zip(PRICES, found, strict=True):
        if at is None:
            raise header.missing_column_error(
                f"{role.value}", role, column_names.PRICE_NAMES[role][:3]
            )
    opened, high, low, close = (at for at in found if at is not None)
    return opened, high, low, close


def _put(
    header: Header, group: dict[ColumnRole, int], role: ColumnRole, column: NamedColumn
) -> None:
    """Assign the first column of a role; another of the same name must hold the same values."""
    at = group.setdefault(role, column.index)
    if at == column.index or header.columns[at].name != column.name:
        return
    if header.table.sample(at) != header.table.sample(column.index):
        raise UnreadableTable(
            f"columns {at + 1} and {column.index + 1} are both named {column.levels[0]!r} but "
            f"differ: set {COLUMNS} {role}={at + 1} (or {column.index + 1})"
        )


def _side_of_prices(
    header: Header, groups: Mapping[str, Mapping[ColumnRole, int]], needed: set[ColumnRole]
) -> str:
    """Return the requested one of several price sets (by market, currency or side of the book)."""
    if not needed:
        return ""
    complete = [side for side, group in groups.items() if needed <= group.keys()]
    if "" in complete or not complete:
        return ""
    market = header.market
    markets = [side for side in complete if side.lower() not in PRICE_SIDES | CURRENCIES]
    if markets:
        fit, best = market.best(markets)
        if fit is MarketFit.OTHER:
            raise UnreadableTable(
                f"columns of {', '.join(markets)}; none is {market.symbol} (--symbol)"
            )
        header.notes.append(f"columns of {best[0]} are used for {market.symbol}")
        return _single(header, best)
    right = [side for side in complete if market.is_quote(side)]
    if not right and not PRICE_SIDES & set(complete):
        raise UnreadableTable(f"prices are in {', '.join(complete).upper()}, not in {market.quote}")
    return _single(header, right or complete)


def _single(header: Header, sides: Sequence[str]) -> str:
    if len(sides) > 1:
        names_of = [
            header.table.header[0][each.index]
            for side in sides
            for each in header.columns
            if each.qualifier == side and each.name in ("open", "o")
        ]
        raise UnreadableTable(
            f"several columns may be the open: {', '.join(names_of)}: set {COLUMNS} "
            f"open={names_of[0]},high=…,low=…,close=…"
        )
    return sides[0]


def find_volume(header: Header) -> int | None:
    """Return the index of the volume column; None if there is none."""
    chosen = header.chosen_column(ColumnRole.VOLUME)
    if chosen is not None or header.is_ignored(ColumnRole.VOLUME):
        return chosen
    sided = [
        each for each in header.columns if each.qualifier and each.name in ("volume", "vol", "v")
    ]
    is_of_market = header.qualifier.lower() not in CURRENCIES
    matching = [each for each in sided if each.qualifier == header.qualifier and is_of_market]
    based = [each for each in sided if _is_base_side(each.qualifier, header.market)]
    others = [
        *(each for each in sided if each not in based),
        *header.columns_named(*column_names.QUOTE_VOLUMES),
    ]
    ticks = header.columns_named(*column_names.TICK_VOLUMES)
    found = next(iter((*matching, *_unsided_volumes(header), *based, *others, *ticks)), None)
    if found is None:
        return None
    if found in others and found not in matching:
        header.notes.append(f"the volume of {' '.join(found.levels)!r} is not in coins")
    return found.index


def _unsided_volumes(header: Header) -> list[NamedColumn]:
    """Return volumes without a side, most likely in coins first."""
    found = list(header.columns_named(*column_names.VOLUMES))
    called = {each.name for each in header.columns}
    if {"id", "vol", "amount"} <= called:  # HTX counts coins in amount, quote units in vol
        found.sort(key=lambda each: each.name != "amount")
    if {"vol", "vol_ccy", "vol_ccy_quote"} <= called and not _is_okx_spot(header):
        found.sort(key=lambda each: each.name != "vol_ccy")
    return found


def _is_okx_spot(header: Header) -> bool:
    """Whether OKX data is of spot: there vol is in coins, elsewhere in contracts.

    On spot volCcy is the volume in the quote currency, as volCcyQuote always is.
    """
    quoted, also = (
        next(iter(header.columns_named(name))).index for name in ("vol_ccy", "vol_ccy_quote")
    )
    return header.table.sample(quoted) == header.table.sample(also)


def _is_base_side(side: str, market: MarketName) -> bool:
    return market.is_base(side) or market.fit(side) is not MarketFit.OTHER
