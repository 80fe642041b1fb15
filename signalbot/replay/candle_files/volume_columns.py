"""Finds the column of volumes, in coins if possible."""

from signalbot.replay.candle_files import column_names
from signalbot.replay.candle_files.header import CURRENCIES, Header, NamedColumn
from signalbot.replay.candle_files.market_matching import MarketFit, MarketName
from signalbot.replay.candle_files.options import ColumnRole


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
