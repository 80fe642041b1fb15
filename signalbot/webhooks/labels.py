"""What an id, a comment or a name says of an order: that it closes, and never that it opens."""

import re

from signalbot.webhooks.actions import ActionKind, ParsedAction, parse_action
from signalbot.webhooks.fields import AlertField
from signalbot.webhooks.instructions import Instructions, Statement
from signalbot.webhooks.name_tokens import token_set, tokenize

ENDS = token_set("stop loss take profit trailing target hit break even stopped out")
_ENDS_OF_SIDES = ENDS | {"long", "short", "l", "s"}
_GENERATED_CLOSE = ("close entry", "close position", "margin call")
_LEAVES = re.compile(
    r"\W*(exit|close\s+(all|long|short|position|trade|buy|sell)|(long|short|[lsx])\W+(exit|close|tp|sl)"
    r"|(tp|sl)\s?\d{0,2}\b\W*(long|short|hit|exit|[ls]\b)|trail\w*\W+(exit|stop)|stopped\s+out|flat\W*$)"
    r"(?![a-z])",
    re.IGNORECASE,
)
_COMES = token_set("enter open go reverse flip turn")
_PRICE = re.compile(r"\d{3,}|\d+\.\d+")
LABELS = (("tag",), ("name",), ("signal", "name"))
_LONGEST_WORD, _LONGEST_LABEL = 24, 60


def read_generated(instructions: Instructions, each: AlertField) -> None:
    """An order's id or comment that names a close and nothing else, such as ``TP/SL``.

    TradingView itself calls the orders of ``strategy.close`` ``Close entry(s) order ...``.
    """
    core = {word for word in tokenize(each.value) if not word.isdecimal()}
    is_reason = each.segments[-1] == ("exit", "reason") and not each.is_empty
    if is_reason or each.value.lower().startswith(_GENERATED_CLOSE):
        instructions.label_statements.append(Statement(each, ParsedAction(ActionKind.CLOSES_ONLY)))
        return
    if core & _COMES or _are_levels(core, each.value):
        return  # "Exit short, go long"
    if len(each.value) < _LONGEST_LABEL and _LEAVES.match(each.value):
        instructions.label_statements.append(Statement(each, ParsedAction(ActionKind.CLOSES_ONLY)))
        return
    if core & ENDS and core <= _ENDS_OF_SIDES:
        instructions.label_statements.append(Statement(each, ParsedAction(ActionKind.CLOSES_ONLY)))
        return
    meaning = parse_action(each.value) if len(each.value) < _LONGEST_WORD else None
    if meaning is not None and meaning.kind in (ActionKind.EXIT, ActionKind.REDUCE):
        instructions.label_statements.append(
            Statement(each, ParsedAction(ActionKind.CLOSES_ONLY, side=meaning.side))
        )


def _are_levels(core: set[str], text: str) -> bool:
    """Whether a comment lists the levels of an entry: ``SL 61000 TP 65000``."""
    return {"stop", "profit"} <= core and "hit" not in core and len(_PRICE.findall(text)) > 1


def read_label(instructions: Instructions, each: AlertField) -> None:
    """A name or tag such as ``Exit Long``."""
    if each.placeholder is None and len(each.value) < _LONGEST_WORD:
        meaning = parse_action(each.value)
        if meaning is not None and meaning.kind is ActionKind.EXIT:
            instructions.label_statements.append(
                Statement(each, ParsedAction(ActionKind.CLOSES_ONLY))
            )
