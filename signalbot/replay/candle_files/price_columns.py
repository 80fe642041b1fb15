"""Finds the columns of open, high, low and close, of one market and currency."""

from collections.abc import Mapping, Sequence

from signalbot.replay.candle_files import column_names
from signalbot.replay.candle_files.header import CURRENCIES, PRICE_SIDES, Header, NamedColumn
from signalbot.replay.candle_files.market_matching import MarketFit
from signalbot.replay.candle_files.options import COLUMNS, PRICES, ColumnRole
from signalbot.replay.candle_files.row_errors import UnreadableTable


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
