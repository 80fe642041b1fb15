"""What an examination says: all is well, something to know, or something to do."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    NOTE = "note"  #: worth knowing; nothing is broken
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    what: str  #: the part that was looked at, in a word or two
    says: str  #: one sentence of facts
    cure: str = ""  #: what to do about it; a problem has one


def good(what: str, says: str) -> Finding:
    return Finding(Level.OK, what, says)


def note(what: str, says: str, cure: str = "") -> Finding:
    return Finding(Level.NOTE, what, says, cure)


def problem(what: str, says: str, cure: str) -> Finding:
    return Finding(Level.PROBLEM, what, says, cure)
