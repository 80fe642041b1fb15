"""Finds which of a source's own markets a ticker means."""

import re
from collections.abc import Iterable

from signalbot.domain.errors import BadSignal

_PERPETUAL = re.compile(r"(?:\.P|-SWAP|_PERP|-PERP|PERP)$")
_OTHER_NAMES = {"XBT": "BTC"}


def market_of(ticker: str, markets: Iterable[str]) -> str:
    """The market that a ticker such as ``BINANCE:BTCUSDT.P`` stands for.

    A ticker that says it is a perpetual means no spot market; one that does not may mean either,
    if only one of them is there.

    Raises:
        BadSignal: none of the markets is meant, or more than one could be.
    """
    known = list(markets)
    if ticker in known:
        return ticker
    is_perpetual, wanted = _plain(ticker)
    found = [
        market
        for market in known
        if _joined(market) in wanted and (":" in market or not is_perpetual)
    ]
    if len(found) > 1:
        raise BadSignal(
            f"the symbol could mean {' or '.join(found)}: add .P for the perpetual, or write it out"
        )
    if not found:
        raise BadSignal("the symbol is none of this source's")
    return found[0]


def _plain(ticker: str) -> tuple[bool, frozenset[str]]:
    """Whether it names a perpetual, and its letters in every spelling that may be meant."""
    text = ticker.upper().strip()
    venue, colon, rest = text.partition(":")
    if colon and "/" not in venue:
        text = rest
    bare = _PERPETUAL.sub("", text)
    letters = re.sub(r"[^A-Z0-9]", "", bare.partition(":")[0])
    spelled = {letters}
    for name, other in _OTHER_NAMES.items():
        if letters.startswith(name):
            spelled.add(other + letters.removeprefix(name))
    return bare != text, frozenset(spelled)


def _joined(market: str) -> str:
    """``BTC/USDT:USDT`` as most venues write it: ``BTCUSDT``."""
    return re.sub(r"[^A-Z0-9]", "", market.upper().partition(":")[0])
