"""What an id, a comment or a name says of an order: that it closes, and never that it opens."""

import re

from signalbot.intake.fields import Field
from signalbot.intake.names import word_set, words
from signalbot.intake.statements import Instructions, Statement
from signalbot.intake.verbs import Kind, Meaning, meaning_of

ENDS = word_set("stop loss take profit trailing target hit break even stopped out")
_ENDS_OF_SIDES = ENDS | {"long", "short", "l", "s"}
_GENERATED_CLOSE = ("close entry", "close position", "margin call")
_LEAVES = re.compile(
    r"\W*(exit|close\s+(all|long|short|position|trade|buy|sell)|(long|short|[lsx])\W+(exit|close|tp|sl)"
    r"|(tp|sl)\s?\d{0,2}\b\W*(long|short|hit|exit|[ls]\b)|trail\w*\W+(exit|stop)|stopped\s+out|flat\W*$)"
    r"(?![a-z])",
    re.IGNORECASE,
)
_COMES = word_set("enter open go reverse flip turn")
_PRICE = re.compile(r"\d{3,}|\d+\.\d+")
LABELS = (("tag",), ("name",), ("signal", "name"))
_LONGEST_WORD, _LONGEST_LABEL = 24, 60


def read_generated(instructions: Instructions, each: Field) -> None:
    """An order's id or comment that names a close and nothing else, such as ``TP/SL``.

    TradingView itself calls the orders of ``strategy.close`` ``Close entry(s) order ...``.
    """
    core = {word for word in words(each.value) if not word.isdecimal()}
    is_reason = each.segments[-1] == ("exit", "reason") and not each.is_empty
    if is_reason or each.value.lower().startswith(_GENERATED_CLOSE):
        instructions.hints.append(Statement(each, Meaning(Kind.CLOSES_ONLY)))
        return
    if core & _COMES or _are_levels(core, each.value):
        return  # "Exit short, go long"
    if len(each.value) < _LONGEST_LABEL and _LEAVES.match(each.value):
        instructions.hints.append(Statement(each, Meaning(Kind.CLOSES_ONLY)))
        return
    if core & ENDS and core <= _ENDS_OF_SIDES:
        instructions.hints.append(Statement(each, Meaning(Kind.CLOSES_ONLY)))
        return
    meaning = meaning_of(each.value) if len(each.value) < _LONGEST_WORD else None
    if meaning is not None and meaning.kind in (Kind.EXIT, Kind.REDUCE):
        instructions.hints.append(Statement(each, Meaning(Kind.CLOSES_ONLY, side=meaning.side)))


def _are_levels(core: set[str], text: str) -> bool:
    """Whether a comment lists the levels of an entry: ``SL 61000 TP 65000``."""
    return {"stop", "profit"} <= core and "hit" not in core and len(_PRICE.findall(text)) > 1


def read_label(instructions: Instructions, each: Field) -> None:
    """A name or tag such as ``Exit Long``."""
    if each.placeholder is None and len(each.value) < _LONGEST_WORD:
        meaning = meaning_of(each.value)
        if meaning is not None and meaning.kind is Kind.EXIT:
            instructions.hints.append(Statement(each, Meaning(Kind.CLOSES_ONLY)))
