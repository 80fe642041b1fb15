"""Every code by kind: the source of the manual's tables and of ``signalbot explain``."""

from collections.abc import Mapping
from typing import Final

from signalbot.domain.codes import Code
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.failure_codes import FailureCode
from signalbot.domain.positions import CloseReason

CODES: Final[Mapping[str, type[Code]]] = {
    "decision": DecisionCode,
    "execution": FailureCode,
    "closed position": CloseReason,
}

_BY_NAME: Final = {each.value: each for kind in CODES.values() for each in kind}


def code_of(name: str | None) -> Code | None:
    """The code named ``name``; None if there is none, or a newer signalbot wrote it."""
    return None if name is None else _BY_NAME.get(name)


def meaning_of(name: str | None) -> dict[str, str | None]:
    """JSON fields ``cause`` and ``cure`` of a code; both None for an unknown one."""
    code = code_of(name)
    if code is None:
        return {"cause": None, "cure": None}
    return {"cause": code.cause, "cure": code.fix}


def codes_table(kind: type[Code]) -> str:
    """The codes of one kind as a Markdown table."""
    rows = [f"| `{each.value}` | {each.cause} | {each.fix} |" for each in kind]
    return "\n".join(("| code | it means | what to change |", "|---|---|---|", *rows)) + "\n"
