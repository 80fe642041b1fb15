"""Parses action words of alerts: one table of synonyms for verbs, sides and positions.

A word means the same in every field: ``sell`` is an order, ``long`` names a side, ``exit``
closes. ``resolution`` combines the words of an alert.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from signalbot.domain.money import trimmed
from signalbot.domain.orders import OrderSide
from signalbot.domain.position_tracking import ReportedPosition
from signalbot.domain.signals import Side
from signalbot.webhooks.name_tokens import NameTokens, token_set, tokenize


class ActionKind(StrEnum):
    """Meaning of an action value."""

    ORDER = "order"  #: an order side, which opens or closes
    SIDE = "side"  #: side of the position
    ENTER = "enter"  #: opens a position
    EXIT = "exit"  #: closes a position
    REDUCE = "reduce"  #: closes a part of a position
    REVERSE = "reverse"  #: closes a position and opens the other side
    AFTER = "after"  #: position after the order
    BEFORE = "before"  #: position before the order
    CLOSES_ONLY = "closes only"  #: may close but not open
    CANCEL = "cancel"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class ParsedAction:
    """Parsed action of one value."""

    kind: ActionKind
    side: Side | None = None  #: of the position
    order: OrderSide | None = None
    position: ReportedPosition | None = None
    percent: Decimal | None = None  #: part of the position to close, if given


ACTION_SYNONYMS: dict[str, tuple[str, ...]] = {
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
"""Words by action. ``exit long``, ``close-long`` and ``LONG_EXIT`` are equal."""

_IGNORED_TOKENS = token_set(
    "position trade order signal market new now the at current price regular my a and deal to of "
    "in on off future futures perp perpetual spot strong strategy alert only side out type limit "
    "start bot manual auto automatic weak today yesterday"
)  # fmt: skip
_LONG, _SHORT = frozenset({"long", "bullish"}), frozenset({"short", "bearish"})
_EXIT, _ENTER = frozenset(ACTION_SYNONYMS["exit"]), frozenset(ACTION_SYNONYMS["enter"])
_REDUCE, _REVERSE = frozenset(ACTION_SYNONYMS["reduce"]), frozenset(ACTION_SYNONYMS["reverse"])
_CANCEL, _NOTHING = frozenset(ACTION_SYNONYMS["cancel"]), frozenset(ACTION_SYNONYMS["nothing"])
_ALL = frozenset(ACTION_SYNONYMS["everything"])
ACTION_TOKENS = frozenset(word for each in ACTION_SYNONYMS.values() for word in each)
_HALF, _FULL = Decimal(50), Decimal(100)
_PERCENT = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,4})?)\s*(?:%|pct|percent)", re.IGNORECASE)
_REDUCE_ONLY = re.compile(r"reduce[\s_\-]*only", re.IGNORECASE)
_PART_OF = re.compile(r"(?<![\d./])([1-9])\s*/\s*([1-9])(?![\d./])")
_MAX_TEXT = 80


def parse_action(text: str) -> ParsedAction | None:
    """Parse a value; None if it is no action, or contradicts itself."""
    if len(text) > _MAX_TEXT:
        return None
    text = _PART_OF.sub(_in_percent, text)
    percents = _PERCENT.findall(text)
    named = tokenize(_PERCENT.sub(" ", text))
    core = _core_tokens(named)
    if core in (["neutral"], ["both"], ["net"]):
        return ParsedAction(ActionKind.NOTHING)
    if _REDUCE_ONLY.search(text):
        return _reducing(text)
    if set(core) & _REDUCE and not percents:  # "reduce 50"; elsewhere a number is a label
        percents = [word for word in named if word.isdecimal()]
    if not core or len(percents) > 1 or not set(core) <= ACTION_TOKENS:
        return None
    return _interpret(core, Decimal(percents[0]) if percents else None)


def _reducing(text: str) -> ParsedAction | None:
    """Parse ``sell reduce only``: an order that may close but not open."""
    rest = _REDUCE_ONLY.sub(" ", text)
    order = (
        parse_action(rest)
        if set(tokenize(rest)) - _IGNORED_TOKENS
        else ParsedAction(ActionKind.CLOSES_ONLY)
    )
    if order is None or order.kind in (ActionKind.CLOSES_ONLY, ActionKind.EXIT, ActionKind.REDUCE):
        return order
    if order.kind is ActionKind.ORDER and order.order is not None:
        return ParsedAction(ActionKind.EXIT, side=opened_side(order.order).opposite)
    return ParsedAction(ActionKind.EXIT, side=order.side) if order.kind is ActionKind.SIDE else None


def _in_percent(found: re.Match[str]) -> str:
    """Convert ``1/4`` to ``25%``."""
    share = _FULL * int(found[1]) / int(found[2])
    return f" {trimmed(round(share, 4)):f}% " if share <= _FULL else found[0]


def _core_tokens(named: NameTokens) -> list[str]:
    """Return the significant words, with phrases replaced by single words."""
    core = [
        word
        for word in dict.fromkeys(named)
        if word not in _IGNORED_TOKENS and not word.isdecimal()
    ]
    if "out" in named and "scale" in core:
        core[core.index("scale")] = "reduce"
    if core in (["stopped"], ["stop", "loss", "hit"], ["stop", "hit"]) and (
        "out" in named or "hit" in core
    ):
        return ["exit"]
    if not set(core) & _EXIT:
        return core
    if core[0] == "stop":
        core = core[1:]  # "stop and close": the bot stops and closes its position
    return [word for word in core if word != "go"]


def is_action_token(word: str) -> bool:
    """Whether a word occurs in actions."""
    return word in ACTION_TOKENS or word in _IGNORED_TOKENS or word == "neutral"


def position_of(text: str) -> ReportedPosition | None:
    """Return the position that a text names: long, short or flat."""
    core = {word for word in tokenize(text) if word not in _IGNORED_TOKENS}
    if core and core <= _LONG | {"buy"}:
        return ReportedPosition.LONG
    if core and core <= _SHORT | {"sell"}:
        return ReportedPosition.SHORT
    if core and core <= _EXIT | {"neutral", "none", "no", "nothing"}:
        return ReportedPosition.FLAT
    return None


def opened_side(order: OrderSide) -> Side:
    """Return the side that an order opens."""
    return Side.LONG if order is OrderSide.BUY else Side.SHORT


def _interpret(core: list[str], percent: Decimal | None) -> ParsedAction | None:
    has = set(core)
    if (has & _LONG and has & _SHORT) or {"buy", "sell"} <= has:
        return None
    side, order = _side(has), _order(has)
    if has & _CANCEL:
        return ParsedAction(ActionKind.CANCEL) if not has & (_EXIT | _REVERSE | _REDUCE) else None
    if has & _NOTHING:
        return ParsedAction(ActionKind.NOTHING) if has <= _NOTHING and percent is None else None
    if has & _REVERSE:
        to = side or (None if order is None else opened_side(order))
        return (
            None
            if has & _REDUCE or percent is not None
            else ParsedAction(ActionKind.REVERSE, side=to)
        )
    if has & (_EXIT | _REDUCE):
        return _exit_action(core, side, order, percent)
    return None if percent is not None else _entry_action(has, side, order)


def _entry_action(has: set[str], side: Side | None, order: OrderSide | None) -> ParsedAction | None:
    if has & _ALL:  # "sell all" closes everything and opens nothing
        return ParsedAction(ActionKind.EXIT, side=Side.LONG) if order is OrderSide.SELL else None
    if side is not None and order is not None and opened_side(order) is not side:
        return None if has & _ENTER else ParsedAction(ActionKind.EXIT, side=side)
    if has & _ENTER or (side is not None and order is not None):
        return ParsedAction(
            ActionKind.ENTER, side=side or (None if order is None else opened_side(order))
        )
    if side is not None:
        return ParsedAction(ActionKind.SIDE, side=side)
    return ParsedAction(ActionKind.ORDER, order=order)


def _exit_action(
    core: list[str], side: Side | None, order: OrderSide | None, percent: Decimal | None
) -> ParsedAction | None:
    """Parse an exit: ``sell to close`` closes a long; ``close sell`` is ambiguous: both sides."""
    has = set(core)
    if has & _ENTER or (percent is not None and not 0 < percent <= _FULL):
        return None
    if side is None and order is not None and core[0] in ("buy", "sell"):
        side = opened_side(order).opposite
    if side is None and "cover" in has:
        side = Side.SHORT
    if has & _REDUCE:
        return ParsedAction(
            ActionKind.REDUCE, side=side, percent=_HALF if "half" in has else percent
        )
    return ParsedAction(ActionKind.EXIT, side=side, percent=percent)


def _side(has: set[str]) -> Side | None:
    if has & _LONG:
        return Side.LONG
    return Side.SHORT if has & _SHORT else None


def _order(has: set[str]) -> OrderSide | None:
    if "buy" in has:
        return OrderSide.BUY
    return OrderSide.SELL if "sell" in has else None


def action_synonyms_table() -> str:
    """Render the synonyms as Markdown."""
    rows = [
        f"| {name} | {', '.join(f'`{each}`' for each in ACTION_SYNONYMS[name])} |"
        for name in ACTION_SYNONYMS
    ]
    return "\n".join(("| Asks for | Words |", "|---|---|", *rows)) + "\n"
