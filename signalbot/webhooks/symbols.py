"""Finds which of a source's own markets a name means, as exchanges and data vendors write them.

A source with one market trades no other because of that: a name that does not mean it is refused.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from signalbot.domain.errors import InvalidSignal
from signalbot.webhooks.name_tokens import token_set

_EXCHANGE_NAMES = token_set(
    """
    binance binanceus binancefutures binanceusdm bybit okx okex bitget kucoin kucoinfutures kraken
    krakenfutures mexc htx huobi gate gateio coinbase coinbasepro bitfinex bitmex deribit bitstamp
    gemini phemex bingx woo woonetwork woox poloniex crypto cryptocom delta deltaexchange dydx
    hyperliquid ftx bitunix blofin xt lbank whitebit bitmart coinex pionex weex upbit bithumb
    binancefts bybitspot okxswap index cryptocap bittrex toobit ascendex probit coinw hitbtc
    """
)
_QUOTES = token_set(
    "USDT USDC USD BUSD FDUSD TUSD DAI EUR GBP BTC ETH BNB TRY UST USDE USD1 JPY KRW"
)
_OTHER_BASES = {"XBT": "BTC", "XDG": "DOGE", "BCC": "BCH"}
_OTHER_QUOTES = {"UST": "USDT", "USTF0": "USDT"}
_PERPETUAL = token_set("P PERP PERPETUAL PERPETUALS SWAP UMCBL CMCBL PF LINEAR UM USDTM UPERP")
_SPOT = frozenset({"SPBL", "SPOT"})
_INVERSE = frozenset({"PI", "DMCBL", "CM", "FI"})
_MONTH = "FGHJKMNQUVXZ"
_DATED = re.compile(
    rf"\d{{6}}|\d{{8}}|\d{{1,2}}(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)\d{{2,4}}|\d!"
    rf"|[{_MONTH}]\d{{2}}|[{_MONTH}]20\d\d|CW|NW|CQ|NQ|BQ|BIQUARTER|QUARTER|MOVE|CALL|PUT"
)
_GLUED_DATE = re.compile(rf"(.{{0,40}}(?:USDT|USDC|USD))(?:[{_MONTH}]\d{{1,4}}|\d{{6}}|\d!)")
_GLUED_PERPETUAL = re.compile(r"(.{1,40}?)(?:PERP|SWAP)")
_BYBIT_USDC = re.compile(r"BYBIT:([A-Z0-9]{1,12}?)(?<!USDT)(?<!USDC)(?<!USD)PERP", re.IGNORECASE)
_KUCOIN = re.compile(r"(.{1,40}(?:USDT|USDC|USD))M")


@dataclass(frozen=True, slots=True)
class _Ticker:
    """A name taken apart."""

    parts: tuple[str, ...]  #: letters and digits, without venue and kind
    is_perpetual: bool = False
    is_spot: bool = False


def find_market(name: str, markets: Iterable[str]) -> str:
    """The market that a name such as ``BINANCE:BTCUSDT.P`` stands for.

    A name of a perpetual means no spot market, and the other way round; one that says
    neither may mean either, if only one of them is there. So does a base coin alone.

    Raises:
        BadSignal: none of the markets is meant, or more than one could be.
    """
    known = list(markets)
    text = name.strip()
    if text in known:
        return text
    text = _BYBIT_USDC.sub(r"\1-USDC-PERP", text)
    ticker = _ticker(text.upper()) if len(text) <= _MAX_NAME else None
    found = [] if ticker is None else [each for each in known if _matches(ticker, each)]
    if not found and ticker is not None and len(ticker.parts) == 1:
        found = [each for each in known if _is_base(ticker, each)]
    if len(found) > 1:
        raise InvalidSignal(
            f"{text[:40]!r} could mean {' or '.join(found)}: add .P for the perpetual, or write "
            "the whole symbol"
        )
    if not found:
        listed = ", ".join(known[:6]) + (" and more" if len(known) > 6 else "")  # noqa: PLR2004
        raise InvalidSignal(f"{text[:40]!r} is none of this source's markets: {listed}")
    return found[0]


def looks_like_a_market(value: str) -> bool:
    """Whether a value has the form of a market's name: base and quote, and nothing else."""
    ticker = _ticker(value.strip().upper()) if len(value) <= _MAX_TICKER else None
    if ticker is None:
        return False
    joined = "".join(ticker.parts)
    return any(
        joined.endswith(quote) and len(joined) - len(quote) >= _MIN_BASE and joined != quote
        for quote in _MARKET_QUOTES
    )


_MAX_TICKER, _MIN_BASE = 30, 2
_MAX_NAME = 60
_MARKET_QUOTES = ("USDT", "USDC", "USD", "BUSD", "FDUSD")


def is_currency(value: str) -> bool:
    """Whether a value names what is paid with, and so no market."""
    return value.strip().upper() in _QUOTES - {"BTC", "ETH", "BNB"}


def _ticker(text: str) -> _Ticker | None:
    """None: it names no market, or one that expires or settles in coins."""
    parts = re.findall(r"[A-Z0-9]+!?", _without_venue(text.lstrip("#$ ")))
    if not parts or any(_DATED.fullmatch(part) for part in parts[1:]) or set(parts) & _INVERSE:
        return None
    is_spot = bool(set(parts) & _SPOT)
    kinds = [_is_kind(part, place, len(parts)) for place, part in enumerate(parts)]
    is_perpetual = any(
        is_kind and part not in _SPOT for part, is_kind in zip(parts, kinds, strict=True)
    )
    plain = [part for part, is_kind in zip(parts, kinds, strict=True) if not is_kind]
    plain = (
        [part for part in plain if part.lower() not in _EXCHANGE_NAMES] if len(plain) > 1 else plain
    )
    if not plain or _GLUED_DATE.fullmatch(plain[-1]):
        return None
    for pattern in (_GLUED_PERPETUAL, _KUCOIN):
        glued = pattern.fullmatch(plain[-1]) if len(plain) == 1 else None
        if glued is not None:
            plain, is_perpetual = [glued[1]], True
            break
    return _Ticker(tuple(_OTHER_QUOTES.get(part, part) for part in plain), is_perpetual, is_spot)


def _is_kind(part: str, place: int, parts: int) -> bool:
    """Whether a part is the kind of market; ``PERP-USDT`` is a coin of that name."""
    if place > 0:
        return part in _PERPETUAL or part in _SPOT
    return part == "PF" or (parts > 2 and part in ("PERP", "SWAP", "SPOT"))  # noqa: PLR2004


def _without_venue(text: str) -> str:
    """A name without the exchange before or after its colon, or what it settles in, as its quote.

    Nothing is left of one that settles in something else, as ``BTC/USD:BTC``.
    """
    first, colon, rest = text.partition(":")
    if colon and "/" in first and rest.lower() not in _EXCHANGE_NAMES:
        return f"{first}-PERP" if rest == first.partition("/")[2] else ""
    if not colon:
        return text
    if rest.lower() in _EXCHANGE_NAMES:
        return first
    bitfinex = re.fullmatch(r"T?([A-Z0-9]{2,10})F0", first)
    if bitfinex is not None:  # tBTCF0:USTF0
        return f"{bitfinex[1]}-{rest}-PERP"
    return rest


def _matches(ticker: _Ticker, market: str) -> bool:
    if not _fits_kind(ticker, market):
        return False
    base, quote = _base(market), _quote(market)
    joined = "".join(ticker.parts)
    reversed_ = ticker.parts == (quote, base) or (
        len(ticker.parts) == 3 and ticker.parts[1:] == (quote, base)  # noqa: PLR2004 - Altrady
    )
    spelled = {base, *(other for other, plain in _OTHER_BASES.items() if plain == base)}
    full = {f"{each}{quote}" for each in spelled}
    settled = {f"{each}{quote}{quote}" for each in spelled}
    return (
        joined in full | settled
        or reversed_
        or (
            len(ticker.parts) == 2  # noqa: PLR2004 - base and quote
            and ticker.parts[0] == quote
            and ticker.parts[1] in spelled
        )
    )


def _is_base(ticker: _Ticker, market: str) -> bool:
    part = ticker.parts[0]
    return _fits_kind(ticker, market) and _OTHER_BASES.get(part, part) == _base(market)


def _fits_kind(ticker: _Ticker, market: str) -> bool:
    is_swap = ":" in market
    return is_swap if ticker.is_perpetual else not is_swap if ticker.is_spot else True


def _base(market: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", market.upper().partition("/")[0])


def _quote(market: str) -> str:
    return market.upper().partition("/")[2].partition(":")[0]
