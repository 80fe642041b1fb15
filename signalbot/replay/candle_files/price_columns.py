"""Which columns hold open, high, low and close: of one market, in one currency."""

from collections.abc import Mapping, Sequence

from signalbot.replay.candle_files import names
from signalbot.replay.candle_files.faults import Unreadable
from signalbot.replay.candle_files.header import CURRENCIES, SIDES, Header, Named
from signalbot.replay.candle_files.markets import Fit
from signalbot.replay.candle_files.options import COLUMNS, PRICES, Role


def find_prices(header: Header) -> tuple[int, int, int, int]:
    chosen = {role: header.chosen(role) for role in PRICES}
    groups: dict[str, dict[Role, int]] = {}
    for role in PRICES:
        for name in names.PRICE_NAMES[role]:
            for each in header.columns:
                if each.name == name:
                    _put(header, groups.setdefault(each.side, {}), role, each)
    side = _side_of_prices(header, groups, {role for role in PRICES if chosen[role] is None})
    group, header.side = groups.get(side, {}), side
    found = [group.get(role) if chosen[role] is None else chosen[role] for role in PRICES]
    for role, at in zip(PRICES, found, strict=True):
        if at is None:
            raise header.missing(f"the {role}", role, names.PRICE_NAMES[role][:3])
    opened, high, low, close = (at for at in found if at is not None)
    return opened, high, low, close


def _put(header: Header, group: dict[Role, int], role: Role, column: Named) -> None:
    """Take the first column of a role; a second of the same name must hold the same."""
    at = group.setdefault(role, column.at)
    if at == column.at or header.columns[at].name != column.name:
        return
    if header.table.sample(at) != header.table.sample(column.at):
        raise Unreadable(
            f"columns {at + 1} and {column.at + 1} are both called {column.levels[0]!r} and hold "
            f"different values: {COLUMNS} {role}={at + 1} (or {column.at + 1}) decides"
        )


def _side_of_prices(
    header: Header, groups: Mapping[str, Mapping[Role, int]], needed: set[Role]
) -> str:
    """Of several sets of prices - markets, currencies, bid and ask - the one asked for."""
    if not needed:
        return ""
    whole = [side for side, group in groups.items() if needed <= group.keys()]
    if "" in whole or not whole:
        return ""
    market = header.market
    markets = [side for side in whole if side.lower() not in SIDES | CURRENCIES]
    if markets:
        fit, best = market.best(markets)
        if fit is Fit.OTHER:
            raise Unreadable(
                f"its columns are of {', '.join(markets)}; none is {market.symbol} (--symbol)"
            )
        header.notes.append(f"columns of {best[0]} are taken for {market.symbol}")
        return _single(header, best)
    right = [side for side in whole if market.is_quote(side)]
    if not right and not SIDES & set(whole):
        raise Unreadable(f"its prices are in {', '.join(whole).upper()}, not in {market.quote}")
    return _single(header, right or whole)


def _single(header: Header, sides: Sequence[str]) -> str:
    if len(sides) > 1:
        names_of = [
            header.table.header[0][each.at]
            for side in sides
            for each in header.columns
            if each.side == side and each.name in ("open", "o")
        ]
        raise Unreadable(
            f"several columns may be the open: {', '.join(names_of)}: {COLUMNS} "
            f"open={names_of[0]},high=…,low=…,close=… decides"
        )
    return sides[0]
