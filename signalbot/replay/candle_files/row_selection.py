"""Which rows of a table are candles of the market asked for, and final."""

from collections.abc import Sequence
from typing import Final

from signalbot.replay.candle_files.market_matching import (
    MarketFit,
    MarketName,
    is_coin,
    is_kind_or_exchange,
    is_market_name,
    same_market,
)
from signalbot.replay.candle_files.options import COLUMNS
from signalbot.replay.candle_files.row_errors import UnreadableTable, quoted_cell

_UNFINISHED: Final = frozenset(("0", "0.0", "false", "no"))
_MAX_LISTED: Final = 5  # markets that a message names


def rows_of_market(
    market: MarketName, names: Sequence[str], column: str, *, is_sure: bool, notes: list[str]
) -> list[bool]:
    """For each row, by the text of its column of symbols, whether it is of ``market``.

    ``is_sure`` tells that the column cannot hold anything else, such as the name of a currency.

    Raises:
        Unreadable: no row is, or several markets may be meant.
    """
    texts = [each for each in dict.fromkeys(names) if each.strip()]
    fit, best = market.best(texts)
    if fit is MarketFit.OTHER:
        if not texts or _names_no_market(market, texts, is_sure=is_sure):
            return [True] * len(names)
        raise UnreadableTable(
            f"its column {column!r} has {_listed(texts)} and no row of {market.symbol} (--symbol); "
            f"{COLUMNS} symbol=- leaves that column out of consideration",
            row=next(at for at, name in enumerate(names) if name.strip()),
        )
    if not same_market(best):
        raise UnreadableTable(
            f"its column {column!r} has {_listed(best)}, and which of them is "
            f"{market.symbol} (--symbol) cannot be told",
            row=names.index(best[1]),
        )
    if fit in (MarketFit.BASE, MarketFit.DOLLAR):
        notes.append(f"rows of {best[0]} are taken for {market.symbol}")
    others = [each for each in texts if each not in best]
    if others:
        notes.append(f"rows of {_listed(others)} are left out")
    wanted = set(best)
    return [each in wanted for each in names]


def _names_no_market(market: MarketName, texts: Sequence[str], *, is_sure: bool) -> bool:
    """Whether a column tells no market: the same word in every row that is none."""
    if len(texts) > 1:
        return all(map(is_kind_or_exchange, texts))
    (text,) = texts
    if is_kind_or_exchange(text) or market.is_quote(text):
        return True
    return not is_sure and not is_coin(text) and not is_market_name(text)


def is_final(flag: str) -> bool:
    """Whether a candle is, by the text of its flag; what is not told is."""
    return flag.strip().lower() not in _UNFINISHED


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _MAX_LISTED} more" if len(texts) > _MAX_LISTED else ""
    return ", ".join(map(quoted_cell, texts[:_MAX_LISTED])) + more
