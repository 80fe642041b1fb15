"""What a word of an alert asks for: one table of synonyms for verbs, sides and positions.

A word is read the same wherever it stands: ``sell`` is an order, ``long`` names a side, ``exit``
closes. What several of them come to together is decided in ``direction``.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from signalbot.domain.alignment import Stance
from signalbot.domain.money import trimmed
from signalbot.domain.orders import OrderSide
from signalbot.domain.signals import Side
from signalbot.intake.names import Words, word_set, words


class Kind(StrEnum):
    """What a value is about."""

    ORDER = "order"  #: an order side, which opens or closes
    SIDE = "side"  #: the side of the position that is spoken of
    ENTER = "enter"  #: a position is opened
    EXIT = "exit"  #: a position is closed
    REDUCE = "reduce"  #: a part of a position is closed
    REVERSE = "reverse"  #: a position is closed and the other side is opened
    AFTER = "after"  #: where the strategy stands now
    BEFORE = "before"  #: where it stood before
    CLOSES_ONLY = "closes only"  #: whatever the order, nothing may open
    CANCEL = "cancel"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one value asks for."""

    kind: Kind
    side: Side | None = None  #: of the position
    order: OrderSide | None = None
    stance: Stance | None = None
    percent: Decimal | None = None  #: of the position that leaves, if the word has it


WORDS: dict[str, tuple[str, ...]] = {
    "order": ("buy", "sell"),
    "side": ("long", "short", "bullish", "bearish"),
    "enter": ("enter", "entry", "open", "go"),
    "exit": (
        "close", "exit", "flat", "flatten", "leave", "liquidate", "cover", "square", "quit",
        "panic",
    ),
    "reduce": ("reduce", "partial", "partially", "trim", "decrease", "half", "part"),
    "reverse": ("reverse", "flip", "swing"),
    "cancel": ("cancel", "withdraw", "abort"),
    "nothing": ("hold", "none", "wait", "nothing", "noop", "heartbeat", "ping", "idle"),
    "everything": ("all", "full", "everything", "whole"),
}  # fmt: skip
"""The words by what they ask for. ``exit long``, ``close-long`` and ``LONG_EXIT`` are one."""

_FILLERS = word_set(
    "position trade order signal market new now the at current price regular my a and deal to of "
    "in on off future futures perp perpetual spot strong strategy alert only side out type limit "
    "start bot manual auto automatic weak today yesterday"
)  # fmt: skip
_LONG, _SHORT = frozenset({"long", "bullish"}), frozenset({"short", "bearish"})
_EXIT, _ENTER = frozenset(WORDS["exit"]), frozenset(WORDS["enter"])
_REDUCE, _REVERSE = frozenset(WORDS["reduce"]), frozenset(WORDS["reverse"])
_CANCEL, _NOTHING = frozenset(WORDS["cancel"]), frozenset(WORDS["nothing"])
_ALL = frozenset(WORDS["everything"])
VOCABULARY = frozenset(word for each in WORDS.values() for word in each)
_HALF, _WHOLE = Decimal(50), Decimal(100)
_PERCENT = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,4})?)\s*(?:%|pct|percent)", re.IGNORECASE)
_REDUCE_ONLY = re.compile(r"reduce[\s_\-]*only", re.IGNORECASE)
_PART_OF = re.compile(r"(?<![\d./])([1-9])\s*/\s*([1-9])(?![\d./])")
_LONGEST = 80


def meaning_of(text: str) -> Meaning | None:
    """What a value asks for; None: it is no word of this kind, or contradicts itself."""
    if len(text) > _LONGEST:
        return None
    text = _PART_OF.sub(_in_percent, text)
    percents = _PERCENT.findall(text)
    named = words(_PERCENT.sub(" ", text))
    core = _core(named)
    if core in (["neutral"], ["both"], ["net"]):
        return Meaning(Kind.NOTHING)
    if _REDUCE_ONLY.search(text):
        return _reducing(text)
    if set(core) & _REDUCE and not percents:  # "reduce 50"; elsewhere a number is a label
        percents = [word for word in named if word.isdecimal()]
    if not core or len(percents) > 1 or not set(core) <= VOCABULARY:
        return None
    return _understood(core, Decimal(percents[0]) if percents else None)


def _reducing(text: str) -> Meaning | None:
    """``sell reduce only``: an order that may close and not open."""
    rest = _REDUCE_ONLY.sub(" ", text)
    order = meaning_of(rest) if set(words(rest)) - _FILLERS else Meaning(Kind.CLOSES_ONLY)
    if order is None or order.kind in (Kind.CLOSES_ONLY, Kind.EXIT, Kind.REDUCE):
        return order
    if order.kind is Kind.ORDER and order.order is not None:
        return Meaning(Kind.EXIT, side=side_of(order.order).opposite)
    return Meaning(Kind.EXIT, side=order.side) if order.kind is Kind.SIDE else None


def _in_percent(found: re.Match[str]) -> str:
    """``1/4`` as ``25%``."""
    share = _WHOLE * int(found[1]) / int(found[2])
    return f" {trimmed(round(share, 4)):f}% " if share <= _WHOLE else found[0]


def _core(named: Words) -> list[str]:
    """The words that matter, with phrases of several words as the one they stand for."""
    core = [word for word in dict.fromkeys(named) if word not in _FILLERS and not word.isdecimal()]
    if "out" in named and "scale" in core:
        core[core.index("scale")] = "reduce"
    if core in (["stopped"], ["stop", "loss", "hit"], ["stop", "hit"]) and (
        "out" in named or "hit" in core
    ):
        return ["exit"]
    if not set(core) & _EXIT:
        return core
    if core[0] == "stop":
        core = core[1:]  # "stop and close": its sender stops, and what is open is closed
    return [word for word in core if word != "go"]


def is_verb_word(word: str) -> bool:
    """Whether a word is one that verbs are made of."""
    return word in VOCABULARY or word in _FILLERS or word == "neutral"


def stance_of(text: str) -> Stance | None:
    """The position that a word names: long, short or flat."""
    core = {word for word in words(text) if word not in _FILLERS}
    if core and core <= _LONG | {"buy"}:
        return Stance.LONG
    if core and core <= _SHORT | {"sell"}:
        return Stance.SHORT
    if core and core <= _EXIT | {"neutral", "none", "no", "nothing"}:
        return Stance.FLAT
    return None


def side_of(order: OrderSide) -> Side:
    """The side that an order opens."""
    return Side.LONG if order is OrderSide.BUY else Side.SHORT


def _understood(core: list[str], percent: Decimal | None) -> Meaning | None:
    has = set(core)
    if (has & _LONG and has & _SHORT) or {"buy", "sell"} <= has:
        return None
    side, order = _side(has), _order(has)
    if has & _CANCEL:
        return Meaning(Kind.CANCEL) if not has & (_EXIT | _REVERSE | _REDUCE) else None
    if has & _NOTHING:
        return Meaning(Kind.NOTHING) if has <= _NOTHING and percent is None else None
    if has & _REVERSE:
        to = side or (None if order is None else side_of(order))
        return None if has & _REDUCE or percent is not None else Meaning(Kind.REVERSE, side=to)
    if has & (_EXIT | _REDUCE):
        return _leaving(core, side, order, percent)
    return None if percent is not None else _coming(has, side, order)


def _coming(has: set[str], side: Side | None, order: OrderSide | None) -> Meaning | None:
    if has & _ALL:  # "sell all" empties an account, it opens nothing
        return Meaning(Kind.EXIT, side=Side.LONG) if order is OrderSide.SELL else None
    if side is not None and order is not None and side_of(order) is not side:
        return None if has & _ENTER else Meaning(Kind.EXIT, side=side)
    if has & _ENTER or (side is not None and order is not None):
        return Meaning(Kind.ENTER, side=side or (None if order is None else side_of(order)))
    if side is not None:
        return Meaning(Kind.SIDE, side=side)
    return Meaning(Kind.ORDER, order=order)


def _leaving(
    core: list[str], side: Side | None, order: OrderSide | None, percent: Decimal | None
) -> Meaning | None:
    """``sell to close`` closes a long; ``close sell`` may mean either side, so it closes both."""
    has = set(core)
    if has & _ENTER or (percent is not None and not 0 < percent <= _WHOLE):
        return None
    if side is None and order is not None and core[0] in ("buy", "sell"):
        side = side_of(order).opposite
    if side is None and "cover" in has:
        side = Side.SHORT
    if has & _REDUCE:
        return Meaning(Kind.REDUCE, side=side, percent=_HALF if "half" in has else percent)
    return Meaning(Kind.EXIT, side=side, percent=percent)


def _side(has: set[str]) -> Side | None:
    if has & _LONG:
        return Side.LONG
    return Side.SHORT if has & _SHORT else None


def _order(has: set[str]) -> OrderSide | None:
    if "buy" in has:
        return OrderSide.BUY
    return OrderSide.SELL if "sell" in has else None


def words_table() -> str:
    """The table of words as Markdown."""
    rows = [f"| {name} | {', '.join(f'`{each}`' for each in WORDS[name])} |" for name in WORDS]
    return "\n".join(("| Asks for | Words |", "|---|---|", *rows)) + "\n"
