"""Every code that people meet, by what it tells of: the source of documents and of ``explain``."""

from collections.abc import Mapping
from typing import Final

from signalbot.domain.codes import Code
from signalbot.domain.failures import Failure
from signalbot.domain.positions import CloseReason
from signalbot.domain.reasons import Reason

CODES: Final[Mapping[str, type[Code]]] = {
    "decision": Reason,
    "execution": Failure,
    "closed position": CloseReason,
}

_BY_WORD: Final = {each.value: each for kind in CODES.values() for each in kind}


def code_of(word: str | None) -> Code | None:
    """The code that is written so; None when there is none, or a newer signalbot wrote it."""
    return None if word is None else _BY_WORD.get(word)


def meaning_of(word: str | None) -> dict[str, str | None]:
    """``cause`` and ``cure`` of a code as it is written; of an unknown one, neither."""
    code = code_of(word)
    if code is None:
        return {"cause": None, "cure": None}
    return {"cause": code.cause, "cure": code.cure}


def codes_table(kind: type[Code]) -> str:
    """The codes of one kind as a table in Markdown."""
    rows = [f"| `{each.value}` | {each.cause} | {each.cure} |" for each in kind]
    return "\n".join(("| code | it means | what to change |", "|---|---|---|", *rows)) + "\n"
