"""Matches market names of exchanges and vendors with a symbol."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

DOLLARS: Final = frozenset(("USD", "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI", "USDE"))
"""Quote currencies that may substitute each other if there is no better match."""

_QUOTES: Final = (
    "FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USD", "DAI", "EUR", "GBP", "JPY", "CHF", "AUD",
    "CAD", "KRW", "TRY", "BRL", "UST", "BTC", "XBT", "ETH", "BNB",
)  # fmt: skip
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "BTC": ("BTC", "XBT", "XXBT", "BITCOIN"),
    "ETH": ("ETH", "XETH", "ETHEREUM", "ETHER"),
    "DOGE": ("DOGE", "XDG", "XXDG", "DOGECOIN"),
    "XRP": ("XRP", "XXRP", "RIPPLE"),
    "LTC": ("LTC", "XLTC", "LITECOIN"),
    "XMR": ("XMR", "XXMR", "MONERO"),
    "ETC": ("ETC", "XETC", "ETHEREUMCLASSIC"),
    "ZEC": ("ZEC", "XZEC", "ZCASH"),
    "XLM": ("XLM", "XXLM", "STELLAR"),
    "SOL": ("SOL", "SOLANA"),
    "ADA": ("ADA", "CARDANO"),
    "BNB": ("BNB", "BINANCECOIN"),
    "DOT": ("DOT", "POLKADOT"),
    "AVAX": ("AVAX", "AVALANCHE"),
    "LINK": ("LINK", "CHAINLINK"),
    "BCH": ("BCH", "BITCOINCASH"),
    "TRX": ("TRX", "TRON"),
    "ATOM": ("ATOM", "COSMOS"),
    "USD": ("USD", "ZUSD", "UST"),
    "EUR": ("EUR", "ZEUR"),
    "GBP": ("GBP", "ZGBP"),
    "JPY": ("JPY", "ZJPY"),
}
_NAMES: Final = {name: code for code, names in _ALIASES.items() for name in names}

_EXCHANGE: Final = re.compile(r"^[A-Z][A-Z0-9_ ]*:(?=[A-Z0-9])")
_PERPETUAL: Final = re.compile(
    r"(?:\.P|[-_. ]?PERP(?:ETUAL)?|[-_]SWAP|_UMCBL|_CMCBL)$|^(?:PF_)(?=[A-Z])"
)
_IGNORED_SUFFIX: Final = re.compile(r"(?:[-_]SPOT|_SPBL|\.CC|\.V|\.CRYPTO|=X)$")
_DATED: Final = re.compile(
    r"(?:[-_:]?\d{6}|[-_]\d{1,2}[A-Z]{3}\d{2,4}(?:[-_]\d+[-_][CP])?|[FHMUZ]\d{2})$"
)
_MARKET: Final = re.compile(rf"^[A-Z0-9]{{2,15}}?[-_/]?(?:{'|'.join(_QUOTES)})$")
_PUNCTUATION: Final = re.compile(r"[-_/ .:]")
_MONEY: Final = frozenset(("USD", "EUR", "GBP", "JPY"))
_KIND_NAMES: Final = frozenset((
    "SPOT", "FUTURES", "FUTURE", "SWAP", "PERP", "PERPETUAL", "LINEAR", "INVERSE", "CRYPTO", "UM",
    "CM", "MARGIN", "INDEX", "BINANCE", "BYBIT", "OKX", "OKEX", "KRAKEN", "COINBASE", "BITGET",
    "BITSTAMP", "BITFINEX", "BINANCEUS", "POLONIEX", "BITMEX", "PHEMEX", "BINGX", "BLOFIN",
    "DERIBIT", "HITBTC", "BITTREX", "WHITEBIT", "COINEX", "GEMINI", "HYPERLIQUID", "KUCOIN",
    "MEXC", "GATE", "HTX", "HUOBI",
))  # fmt: skip


class MarketFit(IntEnum):
    """Quality of a match; a better match supersedes a worse one."""

    OTHER = 0
    BASE = 1  #: only the coin
    DOLLAR = 2  #: another dollar quote currency
    SAME = 3
    KIND = 4  #: same, and explicitly a perpetual contract


@dataclass(frozen=True, slots=True)
class MarketName:
    """The wanted market: ``BASE/QUOTE`` or ``BASE/QUOTE:SETTLE``."""

    symbol: str

    @property
    def base(self) -> str:
        return self.symbol.partition("/")[0].upper()

    @property
    def quote(self) -> str:
        return self.symbol.partition("/")[2].partition(":")[0].upper()

    @property
    def settle(self) -> str:
        return self.symbol.partition(":")[2].upper()

    @property
    def is_contract(self) -> bool:
        return ":" in self.symbol

    def fit(self, name: str) -> MarketFit:
        """Return how well ``name`` matches this market."""
        if name.strip().upper() == self.symbol.upper():
            return MarketFit.KIND
        core, is_perpetual = _core(_base_first(name))
        if core is None or (is_perpetual and not self.is_contract):
            return MarketFit.OTHER
        bases = _ALIASES.get(self.base, (self.base,))
        if self.is_contract and core == self.base + self.quote + self.settle:
            return MarketFit.KIND  # ccxt's symbol as a file name
        if core in _pairs(bases, _ALIASES.get(self.quote, (self.quote,))):
            return MarketFit.KIND if is_perpetual else MarketFit.SAME
        dollars = [each for quote in DOLLARS for each in _ALIASES.get(quote, (quote,))]
        if self.quote in DOLLARS and core in _pairs(bases, dollars):
            return MarketFit.DOLLAR
        return MarketFit.BASE if core in bases else MarketFit.OTHER

    def best(self, names: Iterable[str]) -> tuple[MarketFit, list[str]]:
        """Return the best match among ``names``, and the names that have it."""
        fits = {name: self.fit(name) for name in names}
        best = max(fits.values(), default=MarketFit.OTHER)
        return best, [name for name, fit in fits.items() if fit is best]

    def is_quote(self, text: str) -> bool:
        """Whether a currency is the quote, or a substitute for it."""
        code = _NAMES.get(text.upper(), text.upper())
        return code == self.quote or (code in DOLLARS and self.quote in DOLLARS)

    def is_base(self, text: str) -> bool:
        code = text.upper()
        return _NAMES.get(code, code) == _NAMES.get(self.base, self.base)


def is_market_name(text: str) -> bool:
    """Whether a text can only be a market's name, such as ``ETHUSDT`` or ``ETH-USD``."""
    core, _ = _core(text)
    return core is None or bool(_MARKET.match(core))


def is_coin(text: str) -> bool:
    """Whether a text is the code or name of a well-known coin."""
    return _PUNCTUATION.sub("", text.upper()) in _NAMES


def is_market_of_two(text: str) -> bool:
    """Whether a text consists of base and quote."""
    core, _ = _core(text)
    return core is not None and bool(_MARKET.match(core))


def is_crypto_coin(text: str) -> bool:
    """Whether a text is the code or name of a well-known coin that is not a currency."""
    return _NAMES.get(text.upper(), "USD") not in _MONEY


def is_kind_or_exchange(text: str) -> bool:
    """Whether a text names a market type or an exchange."""
    return _PUNCTUATION.sub("", text.upper()) in _KIND_NAMES


def same_market(names: Iterable[str]) -> bool:
    """Whether the names are spellings of one market."""
    return len({_core(name) for name in names}) == 1


def _base_first(name: str) -> str:
    """Put base before quote where the dollar comes first: Upbit writes BTC/USDT ``USDT-BTC``."""
    parts = re.split(r"[-_/]", name.strip().upper())
    is_turned = len(parts) == 2 and parts[0] in DOLLARS and parts[1] not in DOLLARS  # noqa: PLR2004
    return "-".join(reversed(parts)) if is_turned else name


def _pairs(bases: Iterable[str], quotes: Iterable[str]) -> set[str]:
    quotes = list(quotes)
    return {base + quote for base in bases for quote in quotes}


def _core(name: str) -> tuple[str | None, bool]:
    """Return base and quote joined, and whether the name is of a perpetual contract.

    None for dated contracts: they never match.
    """
    text = name.strip()
    if re.match(r"^t[A-Z0-9]{6,}$", text):  # Bitfinex
        text = text[1:]
    text = text.upper()
    if "/" not in text:
        text = _EXCHANGE.sub("", text)
    if _DATED.search(text):
        return None, False
    settled, colon, _ = text.partition(":")
    text, is_perpetual = (settled, True) if colon else (text, False)
    bare = _PERPETUAL.sub("", text)
    is_perpetual = is_perpetual or bare != text
    return _PUNCTUATION.sub("", _IGNORED_SUFFIX.sub("", bare)), is_perpetual
