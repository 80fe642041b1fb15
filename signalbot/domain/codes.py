"""A code that people meet: the same word wherever it stands, with its cause and its cure."""

from enum import StrEnum


class Code(StrEnum):
    """``cause`` says what it means, ``cure`` what to change; both are clauses, not sentences."""

    cause: str
    cure: str

    def __new__(cls, code: str, cause: str, cure: str) -> "Code":
        member = str.__new__(cls, code)
        member._value_ = code
        member.cause = cause
        member.cure = cure
        return member
