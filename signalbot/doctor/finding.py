"""The result of a check: passed, a note, or a problem with its fix."""

from dataclasses import dataclass
from enum import StrEnum


class FindingLevel(StrEnum):
    """How much attention a finding needs."""

    OK = "ok"
    NOTE = "note"  #: information; nothing is broken
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    level: FindingLevel
    check: str  #: the checked part, in a word or two
    result: str  #: one sentence of facts
    fix: str = ""  #: what to do; required for a problem


def passed(check: str, result: str) -> Finding:
    """The checked part is fine."""
    return Finding(FindingLevel.OK, check, result)


def note(check: str, result: str, fix: str = "") -> Finding:
    """Information that needs no action, or an optional one."""
    return Finding(FindingLevel.NOTE, check, result, fix)


def problem(check: str, result: str, fix: str) -> Finding:
    """Something is broken, and how to fix it."""
    return Finding(FindingLevel.PROBLEM, check, result, fix)
