"""Matches market names of exchanges and vendors with the markets of a source.

Names that match no market of the source are rejected, even if it has only one.
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
    """A parsed ticker."""

    parts: tuple[str, ...]  #: letters and digits, without exchange and kind
    is_perpetual: bool = False
    is_spot: bool = False


def find_market(name: str, markets: Iterable[str]) -> str:
    """Return the market that a name such as ``BINANCE:BTCUSDT.P`` denotes.

    A perpetual's name matches no spot market and vice versa; a name without kind, or a base coin
    alone, matches either if it is unambiguous.

    Raises:
        InvalidSignal: no market matches, or several do.
    """
    candidates = list(markets)
    text = name.strip()
    if text in candidates:
        return text
    text = _BYBIT_USDC.sub(r"\1-USDC-PERP", text)
    ticker = _ticker(text.upper()) if len(text) <= _MAX_NAME else None
    found = [] if ticker is None else [each for each in candidates if _matches(ticker, each)]
    if not found and ticker is not None and len(ticker.parts) == 1:
        found = [each for each in candidates if _is_base(ticker, each)]
    if len(found) > 1:
        raise InvalidSignal(
            f"{text[:40]!r} matches {' and '.join(found)}: add .P for the perpetual, or send "
            "the whole symbol"
        )
    if not found:
        listed = ", ".join(candidates[:6]) + (" and more" if len(candidates) > 6 else "")  # noqa: PLR2004
        raise InvalidSignal(f"{text[:40]!r} is not a market of this source: {listed}")
    return found[0]


def looks_like_a_market(value: str) -> bool:
    """Whether a value consists of base and quote."""
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
    """Whether a value is a quote currency."""
    return value.strip().upper() in _QUOTES - {"BTC", "ETH", "BNB"}


def _ticker(text: str) -> _Ticker | None:
    """Parse a ticker; None for no market, and for dated or inverse contracts."""
    parts = re.findall(r"[A-Z0-9]+!?", _without_exchange(text.lstrip("#$ ")))
    if not parts or any(_DATED.fullmatch(part) for part in parts[1:]) or set(parts) & _INVERSE:
        return None
    is_spot = bool(set(parts) & _SPOT)
    kinds = [_is_kind(part, index, len(parts)) for index, part in enumerate(parts)]
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


def _is_kind(part: str, index: int, parts: int) -> bool:
    """Whether a part is the market's kind; ``PERP-USDT`` is a coin of that name."""
    if index > 0:
        return part in _PERPETUAL or part in _SPOT
    return part == "PF" or (parts > 2 and part in ("PERP", "SWAP", "SPOT"))  # noqa: PLR2004


def _without_exchange(text: str) -> str:
    """Strip the exchange before or after the colon, and a settlement currency equal to the quote.

    Returns an empty text for other settlement currencies, as in ``BTC/USD:BTC``.
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
