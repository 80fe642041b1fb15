"""Reads ids, comments and names of orders: they can declare a close, never an entry."""

import re

from signalbot.webhooks.actions import ActionKind, ParsedAction, parse_action
from signalbot.webhooks.fields import AlertField
from signalbot.webhooks.instructions import Instructions, Statement
from signalbot.webhooks.name_tokens import token_set, tokenize

CLOSING_TOKENS = token_set("stop loss take profit trailing target hit break even stopped out")
_CLOSING_TOKENS_AND_SIDES = CLOSING_TOKENS | {"long", "short", "l", "s"}
_GENERATED_CLOSE = ("close entry", "close position", "margin call")
_CLOSING_LABEL = re.compile(
    r"\W*(exit|close\s+(all|long|short|position|trade|buy|sell)|(long|short|[lsx])\W+(exit|close|tp|sl)"
    r"|(tp|sl)\s?\d{0,2}\b\W*(long|short|hit|exit|[ls]\b)|trail\w*\W+(exit|stop)|stopped\s+out|flat\W*$)"
    r"(?![a-z])",
    re.IGNORECASE,
)
_OPENING_TOKENS = token_set("enter open go reverse flip turn")
_PRICE = re.compile(r"\d{3,}|\d+\.\d+")
LABELS = (("tag",), ("name",), ("signal", "name"))
_MAX_WORD, _MAX_LABEL = 24, 60


def read_generated(instructions: Instructions, each: AlertField) -> None:
    """Read an order's id or comment that names only a close, such as ``TP/SL``.

    TradingView names orders of ``strategy.close`` ``Close entry(s) order ...``.
    """
    core = {word for word in tokenize(each.value) if not word.isdecimal()}
    is_reason = each.segments[-1] == ("exit", "reason") and not each.is_empty
    if is_reason or each.value.lower().startswith(_GENERATED_CLOSE):
        instructions.label_statements.append(Statement(each, ParsedAction(ActionKind.CLOSES_ONLY)))
        return
    if core & _OPENING_TOKENS or _are_levels(core, each.value):
        return  # "Exit short, go long"
    if len(each.value) < _MAX_LABEL and _CLOSING_LABEL.match(each.value):
        instructions.label_statements.append(Statement(each, ParsedAction(ActionKind.CLOSES_ONLY)))
        return
    if core & CLOSING_TOKENS and core <= _CLOSING_TOKENS_AND_SIDES:
        instructions.label_statements.append(Statement(each, ParsedAction(ActionKind.CLOSES_ONLY)))
        return
    action = parse_action(each.value) if len(each.value) < _MAX_WORD else None
    if action is not None and action.kind in (ActionKind.EXIT, ActionKind.REDUCE):
        instructions.label_statements.append(
            Statement(each, ParsedAction(ActionKind.CLOSES_ONLY, side=action.side))
        )


def _are_levels(core: set[str], text: str) -> bool:
    """Whether a comment lists levels of an entry: ``SL 61000 TP 65000``."""
    return {"stop", "profit"} <= core and "hit" not in core and len(_PRICE.findall(text)) > 1


def read_label(instructions: Instructions, each: AlertField) -> None:
    """Read a name or tag such as ``Exit Long``."""
    if each.placeholder is None and len(each.value) < _MAX_WORD:
        action = parse_action(each.value)
        if action is not None and action.kind is ActionKind.EXIT:
            instructions.label_statements.append(
                Statement(each, ParsedAction(ActionKind.CLOSES_ONLY))
            )
