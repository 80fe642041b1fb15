"""Which files of an archive or folder are those of the market, as vendors name them."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from signalbot.replay.candle_files.intervals import interval_ms
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
_MAX_NAME_PARTS: Final = 3  # that make a market's name: BTC-USDT-SWAP
_MAX_LISTED: Final = 4


class _NameInfo(NamedTuple):
    """What a file's name tells."""

    market: str | None  #: as written; None: nothing that is certain
    fit: MarketFit
    interval: str | None


def pick_members(
    container: str, names: Sequence[str], market: MarketName, notes: list[str]
) -> list[str]:
    """Those of ``names`` that are of ``market``; all of them where no name tells.

    Raises:
        ConfigError: all are of other markets, or they are candles of several lengths.
    """
    info = {name: _parse_name(name, market) for name in names}
    best = max((each.fit for each in info.values()), default=MarketFit.OTHER)
    if best is MarketFit.OTHER:
        others = sorted({each.market for each in info.values() if each.market})
        if others and all(each.market for each in info.values()):
            raise unreadable_error(
                container,
                f"its files are of {_shorten_list(others)}; none is {market.symbol} (--symbol)",
            )
        kept = list(names)
    else:
        kept = [name for name in names if info[name].fit is best]
        if len(kept) < len(names):
            notes.append(f"files of other markets are left out: {len(names) - len(kept)}")
    lengths = {each for name in kept if (each := info[name].interval)}
    if len({interval_ms(each) or each for each in lengths}) > 1:
        raise unreadable_error(
            container,
            f"it has candles of several lengths ({_shorten_list(sorted(lengths))}): unpack it "
            "and name the "
            "files of one length",
        )
    return kept


def check_name(name: str, market: MarketName) -> None:
    """See that the name of a single file does not say that it is of another market.

    Only a name as exchanges give it counts: a market and then the length of its candles.

    Raises:
        ConfigError: it does.
    """
    info = _parse_name(name, market)
    if info.market is not None and info.interval is not None and info.fit is MarketFit.OTHER:
        raise unreadable_error(
            name,
            f"its name says {info.market}, and --symbol says {market.symbol}: rename the file if "
            "its name is wrong",
        )


def _words(name: str) -> list[str]:
    """The parts of a file's name, without endings and the exchange at its beginning."""
    stem = _ENDINGS.sub("", re.split(r"[/\\!]", name)[-1])
    words = [word for word in _PARTING.split(_PERPETUAL.sub("-PERP", stem)) if word]
    while len(words) > 1 and is_kind_or_exchange(words[0]):
        words = words[1:]
    return words


def coin_of(name: str) -> str | None:
    """The coin of a name that is made of it and a length alone: ``ETH-1h``, ``coin_Ethereum``."""
    words = [word for word in _words(name) if word.lower() not in ("coin", "usd", "usdt")]
    is_alone = len(words) == 1 or (len(words) > 1 and _interval(words[1:]) is not None)
    return words[0] if words and is_alone and is_crypto_coin(words[0]) else None


def _parse_name(name: str, market: MarketName) -> _NameInfo:
    words = _words(name)
    for start in range(2):
        for count in range(_MAX_NAME_PARTS, 0, -1):
            part = words[start : start + count]
            if len(part) < count:
                continue
            text = "-".join(part) if count > 1 else part[0]
            fit = market.fit(text)
            if fit is MarketFit.BASE and not start and count < len(words):
                continue  # "BTC-analysis": a coin alone is not enough
            if fit is not MarketFit.OTHER or (text.isupper() and is_market_name(text)):
                return _NameInfo(text, fit, _interval(words[start + count :]))
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
