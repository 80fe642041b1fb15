"""Parses numbers of people, spreadsheets and machines, with either decimal separator."""

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final, Literal

DecimalSign = Literal[".", ","]

_NOISE: Final = re.compile(r"[\s\u00a0\u202f'\u2019_$€£¥₿]")
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}([.,])\d{3}")
_EMPTY: Final = frozenset(
    ("", "-", "\u2013", "\u2014", "nan", "null", "none", "n/a", "na", "<na>", "nat")
)
_SCALES: Final = {"K": 3, "M": 6, "B": 9, "T": 12}


class NumberStyle(StrEnum):
    """Evidence of one number for the decimal separator of its file."""

    POINT = "decimal point"  #: such as 1,234.5 or 0.25
    COMMA = "decimal comma"  #: such as 1.234,5 or 0,25
    LIKELY_POINT = (
        "point before three digits"  #: 42.123: decimals, unless other numbers have a decimal comma
    )
    OPEN = "comma before three digits"  #: 42,123: thousands or decimals


def is_empty(text: str) -> bool:
    """Whether a cell is empty or a placeholder for no value."""
    return text.strip().lower() in _EMPTY


def plain_numbers(texts: Iterable[str]) -> list[Decimal] | None:
    """Parse machine-written numbers; None if one is not."""
    try:
        return list(map(Decimal, texts))
    except InvalidOperation:
        return None


def number_styles(texts: Iterable[str]) -> dict[NumberStyle, int]:
    """Return every style found, with the index of its first number."""
    found: dict[NumberStyle, int] = {}
    for at, text in enumerate(texts):
        if "," in text or "." in text:
            style = _style_of(text)
            sign: DecimalSign = "," if style in (NumberStyle.COMMA, NumberStyle.OPEN) else "."
            if style not in found and parse_number(text, sign, is_scaled=True) is not None:
                found[style] = at
    return found


def _style_of(text: str) -> NumberStyle:
    text = _NOISE.sub("", text).rstrip("KkMmBbTt%")
    dots, commas = text.count("."), text.count(",")
    if dots and commas:
        return NumberStyle.POINT if text.rindex(".") > text.rindex(",") else NumberStyle.COMMA
    if dots > 1:
        return NumberStyle.COMMA
    if commas > 1:
        return NumberStyle.POINT
    could_group = _GROUPED.fullmatch(text) and not text.lstrip("+-").startswith("0")
    if dots:
        return NumberStyle.LIKELY_POINT if could_group else NumberStyle.POINT
    return NumberStyle.OPEN if could_group else NumberStyle.COMMA


def parse_number(text: str, sign: DecimalSign, *, is_scaled: bool = False) -> Decimal | None:
    """Parse a number with or without grouped thousands; None if it is invalid.

    ``is_scaled`` allows a suffix such as K or M, which volumes have and prices do not.
    """
    text = _NOISE.sub("", text)
    scale = _SCALES.get(text[-1:].upper(), 0) if is_scaled else 0
    text = text[:-1] if scale else text
    other: DecimalSign = "," if sign == "." else "."
    if other in text and not _is_grouped(text, sign, other):
        return None
    try:
        return Decimal(text.replace(other, "").replace(sign, ".")) * Decimal(10**scale)
    except InvalidOperation:
        return None


def _is_grouped(text: str, sign: DecimalSign, other: DecimalSign) -> bool:
    """Whether ``other`` separates groups of three digits, and occurs nowhere else."""
    integer_part, _, decimals = text.lstrip("+-").partition(sign)
    head, *groups = integer_part.split(other)
    return (
        other not in decimals
        and head.isdecimal()
        and len(head) <= 3  # noqa: PLR2004 - thousands
        and all(len(group) == 3 and group.isdecimal() for group in groups)  # noqa: PLR2004
    )
