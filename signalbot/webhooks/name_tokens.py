"""Splits names and values into normalized words.

``stopLossPct`` and ``STOP_LOSS_PERCENT`` are both ``stop loss percent``.

Senders use camel case, underscores, dashes, dots or no separators, and abbreviations. Normalizing
them here lets every table list a name once.
"""

import re
from functools import lru_cache

NameTokens = tuple[str, ...]
"""Lower-case words; numbers are separate words."""


def token_set(text: str) -> frozenset[str]:
    """Split a table of words."""
    return frozenset(text.split())


_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]{1,18}|[^\W\d_]+")

_SYNONYMS: dict[str, str] = {
    "pct": "percent", "perc": "percent", "percentage": "percent", "percents": "percent",
    "sl": "stop loss", "stoploss": "stop loss", "slx": "trailing stop", "tsl": "trailing stop",
    "tp": "take profit", "tps": "take profit", "takeprofit": "take profit",
    "takeprofits": "take profit", "profits": "profit", "targets": "target", "stops": "stop",
    "losses": "loss", "trail": "trailing", "be": "break even", "breakeven": "break even",
    "qty": "quantity", "quantities": "quantity", "amt": "amount", "amounts": "amount",
    "vol": "volume", "volumes": "volume", "sizes": "size", "shares": "share", "sz": "size",
    "prev": "previous", "pos": "position", "positions": "position", "mkt": "market",
    "markets": "market", "px": "price", "prices": "price", "lev": "leverage", "ord": "order",
    "orders": "order", "deals": "deal", "pairs": "pair", "symbols": "symbol",
    "tickers": "ticker", "inst": "instrument", "instr": "instrument", "sym": "symbol",
    "dir": "direction", "sig": "signal", "signals": "signal", "strat": "strategy",
    "msg": "message", "ticks": "tick", "points": "point", "pips": "pip", "conf": "confidence",
    "timestamp": "timestamp", "timenow": "time now", "ts": "timestamp", "dist": "distance",
    "dev": "deviation", "callback": "callback", "steps": "step", "levels": "level",
    "cmd": "command", "op": "operation", "acct": "account", "curr": "current",
    "tf": "timeframe", "trig": "trigger", "lvl": "level", "val": "value", "cond": "condition",
    "stopped": "stopped", "closing": "close", "closed": "close", "closes": "close",
    "exits": "exit", "exiting": "exit", "exited": "exit", "longs": "long", "shorts": "short",
    "bull": "bullish", "bear": "bearish", "buying": "buy", "bought": "buy", "selling": "sell",
    "sold": "sell", "entries": "entry", "entering": "enter", "opening": "open",
    "reversal": "reverse", "reversed": "reverse", "contract": "contracts", "lots": "lot",
    "fsl": "stop loss", "ftp": "take profit", "ro": "reduce only", "bto": "buy to open",
    "sto": "sell to open", "stc": "sell to close", "stp": "stop", "tgt": "target",
    "tgts": "target", "coins": "coin", "assets": "asset", "instruments": "instrument",
    "pcnt": "percent", "frac": "fraction",
}  # fmt: skip
"""Abbreviations and inflections."""

_VOCABULARY = token_set(
    """
    a account action activation add age alert all algo auto amount api arm asset at auth average avg
    balance bar base bearish bot both break bullish buy by callback cancel candle category change
    channel choice client close code coin command comment condition confidence contracts cover
    cross cryptocurrency currency current custom data date dca deal decrease default description
    deviation direction distance dollar down dry enable enabled end enter entry equity even event
    exchange execute exit expire factor fast fee field flag flat flatten flip for force fraction
    frame free from full future futures general go group half hedge high hit hold idempotency id
    in increase index indicator initial instrument intent interval investment is isolated key kind
    lag last leave length level leverage limit liquidate list live lock long loss lot low
    maintenance margin market max maximum message min minimum mode model money move multiplier
    name net new next none note notional now number off offset on once only open operation order
    other panic pair paper part partial passphrase password pause percent perpetual pip pnl point
    portfolio position post previous price priority product profit protect provider quantity quote
    rate ratio re reason receive reduce reference regular relative remaining request reset retry
    reverse risk run safety scale secret security sell sent sentiment set share short side signal
    simulate single size slippage slow source spot start state status step stop strategy strength
    swap swing symbol system tag take target target test text the threshold tick ticker time today
    timeframe timestamp title to token total trade trading trailing trigger tv type unit unix up
    update usd usdc usdt use user utc uuid valid value venue version volume webhook withdraw
    yesterday zone
    """
)
_MIN_PIECE = 2
_MAX_NAME, _MAX_PIECE = 200, 40
_CACHE_SIZE = 4096


def tokenize(text: str) -> NameTokens:
    """Split a name into words, in order."""
    found: list[str] = []
    for piece in _PIECE.findall(text[:_MAX_NAME]):
        found += _piece_tokens(piece.lower())
    return tuple(found)


@lru_cache(_CACHE_SIZE)
def _piece_tokens(piece: str) -> tuple[str, ...]:
    """Split one piece into vocabulary words; unknown pieces stay whole."""
    if piece in _SYNONYMS:
        return tuple(_SYNONYMS[piece].split())
    if piece in _VOCABULARY or piece.isdecimal() or len(piece) > _MAX_PIECE:
        return (piece,)
    parts = _split_piece(piece)
    if parts is None:
        return (piece,)
    return tuple(word for part in parts for word in _SYNONYMS.get(part, part).split())


@lru_cache(_CACHE_SIZE)
def _split_piece(piece: str) -> tuple[str, ...] | None:
    """Split a joined piece into the fewest vocabulary words; None if impossible.

    Abbreviations count only at the end, as in ``stoppct`` or ``slpct``: elsewhere they are
    accidental.
    """
    best: tuple[str, ...] | None = None
    for end in range(_MIN_PIECE, len(piece) + 1):
        head, tail = piece[:end], piece[end:]
        if head not in _VOCABULARY and head not in _SYNONYMS:
            continue
        rest = () if not tail else _split_piece(tail)
        if rest is not None and (best is None or len(rest) + 1 < len(best)):
            best = (head, *rest)
    return best
