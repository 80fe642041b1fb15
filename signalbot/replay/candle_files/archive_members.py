"""Selects the files of an archive or folder that belong to the market, by their names."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from signalbot.replay.candle_files.candle_spacing import interval_ms
from signalbot.replay.candle_files.market_matching import (
    MarketFit,
    MarketName,
    is_crypto_coin,
    is_kind_or_exchange,
    is_market_name,
)
from signalbot.replay.candle_files.row_errors import unreadable_error

_ENDINGS: Final = re.compile(
    r"(?:\.(?:csv|txt|json|jsonl|ndjson|parquet|feather|pq|tsv|gz|zip|bz2|xz))+$", re.IGNORECASE
)
_PARTING: Final = re.compile(r"[-_ .,()]+")
_PERPETUAL: Final = re.compile(r"(?<=[A-Z])\.P(?=[-_ .,]|$)")
_MINUTES: Final = re.compile(r"1|3|5|10|15|30|45|60|120|180|240|360|720|1440|10080")
_MAX_NAME_PARTS: Final = 3  # of a market's name: BTC-USDT-SWAP
_MAX_LISTED: Final = 4


class _NameInfo(NamedTuple):
    """Facts parsed from a file's name."""

    market: str | None  #: as written; None: unknown
    fit: MarketFit
    interval: str | None


def pick_members(
    container: str, names: Sequence[str], market: MarketName, notes: list[str]
) -> list[str]:
    """Return those of ``names`` that belong to ``market``; all if no name has a market.

    Raises:
        ConfigError: all belong to other markets, or their timeframes differ.
    """
    info = {name: _parse_name(name, market) for name in names}
    best = max((each.fit for each in info.values()), default=MarketFit.OTHER)
    if best is MarketFit.OTHER:
        others = sorted({each.market for each in info.values() if each.market})
        if others and all(each.market for each in info.values()):
            raise unreadable_error(
                container,
                f"it contains {_shorten_list(others)}; none is {market.symbol} (--symbol)",
            )
        kept = list(names)
    else:
        kept = [name for name in names if info[name].fit is best]
        if len(kept) < len(names):
            notes.append(f"files of other markets skipped: {len(names) - len(kept)}")
    lengths = {each for name in kept if (each := info[name].interval)}
    if len({interval_ms(each) or each for each in lengths}) > 1:
        raise unreadable_error(
            container,
            f"it contains several timeframes ({_shorten_list(sorted(lengths))}): unpack it and "
            "pass the files of one timeframe",
        )
    return kept


def check_name(name: str, market: MarketName) -> None:
    """Check that the name of a single file does not name another market.

    Only names as exchanges write them count: a market followed by a timeframe.

    Raises:
        ConfigError: it names another market.
    """
    info = _parse_name(name, market)
    if info.market is not None and info.interval is not None and info.fit is MarketFit.OTHER:
        raise unreadable_error(
            name,
            f"the name says {info.market}, but --symbol is {market.symbol}: rename the file if "
            "its name is wrong",
        )


def _name_parts(name: str) -> list[str]:
    """Return the parts of a file's name, without extensions and a leading exchange."""
    stem = _ENDINGS.sub("", re.split(r"[/\\!]", name)[-1])
    parts = [word for word in _PARTING.split(_PERPETUAL.sub("-PERP", stem)) if word]
    while len(parts) > 1 and is_kind_or_exchange(parts[0]):
        parts = parts[1:]
    return parts


def coin_of(name: str) -> str | None:
    """Return the coin of a name with only a coin and a timeframe: ``ETH-1h``, ``coin_Ethereum``."""
    parts = [word for word in _name_parts(name) if word.lower() not in ("coin", "usd", "usdt")]
    is_alone = len(parts) == 1 or (len(parts) > 1 and _interval(parts[1:]) is not None)
    return parts[0] if parts and is_alone and is_crypto_coin(parts[0]) else None


def _parse_name(name: str, market: MarketName) -> _NameInfo:
    parts = _name_parts(name)
    for start in range(2):
        for count in range(_MAX_NAME_PARTS, 0, -1):
            part = parts[start : start + count]
            if len(part) < count:
                continue
            text = "-".join(part) if count > 1 else part[0]
            fit = market.fit(text)
            if fit is MarketFit.BASE and not start and count < len(parts):
                continue  # "BTC-analysis": a coin alone is not enough
            if fit is not MarketFit.OTHER or (text.isupper() and is_market_name(text)):
                return _NameInfo(text, fit, _interval(parts[start + count :]))
    return _NameInfo(None, MarketFit.OTHER, None)


def _interval(after: Sequence[str]) -> str | None:
    if not after:
        return None
    if interval_ms(after[0]) is not None or after[0] in ("1mo", "1w", "1M"):
        return after[0]
    return f"{after[0]} minutes" if _MINUTES.fullmatch(after[0]) else None


def _shorten_list(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _MAX_LISTED} more" if len(texts) > _MAX_LISTED else ""
    return ", ".join(texts[:_MAX_LISTED]) + more
