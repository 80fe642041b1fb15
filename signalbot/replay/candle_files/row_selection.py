"""Selects the rows of the requested market and of final candles."""

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
_MAX_LISTED: Final = 5  # markets listed in messages


def rows_of_market(
    market: MarketName, names: Sequence[str], column: str, *, is_sure: bool, notes: list[str]
) -> list[bool]:
    """Return, by the symbol column, whether each row belongs to ``market``.

    ``is_sure``: the column can only hold markets, not for example currency names.

    Raises:
        UnreadableTable: no row belongs to it, or several markets match.
    """
    texts = [each for each in dict.fromkeys(names) if each.strip()]
    fit, best = market.best(texts)
    if fit is MarketFit.OTHER:
        if not texts or _names_no_market(market, texts, is_sure=is_sure):
            return [True] * len(names)
        raise UnreadableTable(
            f"column {column!r} has {_listed(texts)} and no row of {market.symbol} (--symbol); "
            f"{COLUMNS} symbol=- ignores that column",
            row=next(at for at, name in enumerate(names) if name.strip()),
        )
    if not same_market(best):
        raise UnreadableTable(
            f"column {column!r} has {_listed(best)}, of which several match "
            f"{market.symbol} (--symbol)",
            row=names.index(best[1]),
        )
    if fit in (MarketFit.BASE, MarketFit.DOLLAR):
        notes.append(f"rows of {best[0]} are used for {market.symbol}")
    others = [each for each in texts if each not in best]
    if others:
        notes.append(f"rows of {_listed(others)} are skipped")
    wanted = set(best)
    return [each in wanted for each in names]


def _names_no_market(market: MarketName, texts: Sequence[str], *, is_sure: bool) -> bool:
    """Whether a column names no market: a constant, or only exchanges and market types."""
    if len(texts) > 1:
        return all(map(is_kind_or_exchange, texts))
    (text,) = texts
    if is_kind_or_exchange(text) or market.is_quote(text):
        return True
    return not is_sure and not is_coin(text) and not is_market_name(text)


def is_final(flag: str) -> bool:
    """Whether a candle's flag marks it as final; an unknown flag does."""
    return flag.strip().lower() not in _UNFINISHED


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _MAX_LISTED} more" if len(texts) > _MAX_LISTED else ""
    return ", ".join(map(quoted_cell, texts[:_MAX_LISTED])) + more
