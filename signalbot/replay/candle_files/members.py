"""Which files of an archive or folder are those of the market, as vendors name them."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from signalbot.replay.candle_files.faults import refusal
from signalbot.replay.candle_files.intervals import interval_ms
from signalbot.replay.candle_files.markets import (
    Fit,
    Market,
    is_crypto_coin,
    is_market_name,
    says_only_its_kind,
)

_ENDINGS: Final = re.compile(
    r"(?:\.(?:csv|txt|json|jsonl|ndjson|parquet|feather|pq|tsv|gz|zip|bz2|xz))+$", re.IGNORECASE
)
_PARTING: Final = re.compile(r"[-_ .,()]+")
_PERPETUAL: Final = re.compile(r"(?<=[A-Z])\.P(?=[-_ .,]|$)")
_MINUTES: Final = re.compile(r"1|3|5|10|15|30|45|60|120|180|240|360|720|1440|10080")
_MOST_WORDS: Final = 3  # that make a market's name: BTC-USDT-SWAP
_SHOWN: Final = 4


class _Told(NamedTuple):
    """What a file's name tells."""

    market: str | None  #: as written; None: nothing that is certain
    fit: Fit
    interval: str | None


def pick(container: str, names: Sequence[str], market: Market, notes: list[str]) -> list[str]:
    """Those of ``names`` that are of ``market``; all of them where no name tells.

    Raises:
        ConfigError: all are of other markets, or they are candles of several lengths.
    """
    told = {name: _told(name, market) for name in names}
    best = max((each.fit for each in told.values()), default=Fit.OTHER)
    if best is Fit.OTHER:
        others = sorted({each.market for each in told.values() if each.market})
        if others and all(each.market for each in told.values()):
            raise refusal(
                container, f"its files are of {_few(others)}; none is {market.symbol} (--symbol)"
            )
        kept = list(names)
    else:
        kept = [name for name in names if told[name].fit is best]
        if len(kept) < len(names):
            notes.append(f"files of other markets are left out: {len(names) - len(kept)}")
    lengths = {each for name in kept if (each := told[name].interval)}
    if len({interval_ms(each) or each for each in lengths}) > 1:
        raise refusal(
            container,
            f"it has candles of several lengths ({_few(sorted(lengths))}): unpack it and name the "
            "files of one length",
        )
    return kept


def check_name(name: str, market: Market) -> None:
    """See that the name of a single file does not say that it is of another market.

    Only a name as exchanges give it counts: a market and then the length of its candles.

    Raises:
        ConfigError: it does.
    """
    told = _told(name, market)
    if told.market is not None and told.interval is not None and told.fit is Fit.OTHER:
        raise refusal(
            name,
            f"its name says {told.market}, and --symbol says {market.symbol}: rename the file if "
            "its name is wrong",
        )


def _words(name: str) -> list[str]:
    """The parts of a file's name, without endings and the exchange at its beginning."""
    stem = _ENDINGS.sub("", re.split(r"[/\\!]", name)[-1])
    words = [word for word in _PARTING.split(_PERPETUAL.sub("-PERP", stem)) if word]
    while len(words) > 1 and says_only_its_kind(words[0]):
        words = words[1:]
    return words


def coin_of(name: str) -> str | None:
    """The coin of a name that is made of it and a length alone: ``ETH-1h``, ``coin_Ethereum``."""
    words = [word for word in _words(name) if word.lower() not in ("coin", "usd", "usdt")]
    is_alone = len(words) == 1 or (len(words) > 1 and _interval(words[1:]) is not None)
    return words[0] if words and is_alone and is_crypto_coin(words[0]) else None


def _told(name: str, market: Market) -> _Told:
    words = _words(name)
    for start in range(2):
        for count in range(_MOST_WORDS, 0, -1):
            part = words[start : start + count]
            if len(part) < count:
                continue
            text = "-".join(part) if count > 1 else part[0]
            fit = market.fit(text)
            if fit is Fit.BASE and not start and count < len(words):
                continue  # "BTC-analysis": a coin alone is not enough
            if fit is not Fit.OTHER or (text.isupper() and is_market_name(text)):
                return _Told(text, fit, _interval(words[start + count :]))
    return _Told(None, Fit.OTHER, None)


def _interval(after: Sequence[str]) -> str | None:
    if not after:
        return None
    if interval_ms(after[0]) is not None or after[0] in ("1mo", "1w", "1M"):
        return after[0]
    return f"{after[0]} minutes" if _MINUTES.fullmatch(after[0]) else None


def _few(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more
