"""A stable code with its cause and fix, the same word in ledger, log, API, command line, manual."""

from enum import StrEnum


class Code(StrEnum):
    """``cause``: what the code means; ``fix``: what to change. Both are clauses, not sentences."""

    cause: str
    fix: str

    def __new__(cls, code: str, cause: str, fix: str) -> "Code":
        member = str.__new__(cls, code)
        member._value_ = code
        member.cause = cause
        member.fix = fix
        return member
