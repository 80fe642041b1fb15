"""What an examination says: all is well, something to know, or something to do."""

from dataclasses import dataclass
from enum import StrEnum


class FindingLevel(StrEnum):
    OK = "ok"
    NOTE = "note"  #: worth knowing; nothing is broken
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    level: FindingLevel
    check: str  #: the part that was looked at, in a word or two
    result: str  #: one sentence of facts
    fix: str = ""  #: what to do about it; a problem has one


def passed(check: str, result: str) -> Finding:
    return Finding(FindingLevel.OK, check, result)


def note(check: str, result: str, fix: str = "") -> Finding:
    return Finding(FindingLevel.NOTE, check, result, fix)


def problem(check: str, result: str, fix: str) -> Finding:
    return Finding(FindingLevel.PROBLEM, check, result, fix)
