"""Texts that others wrote, made fit for a notice: a line without markup, mentions or links. Pure.

A reason comes from an alert, a strategy file, a model or an exchange, and goes to services that
each read something into it: Discord pings ``@everyone``, Slack ``<!channel>``, all of them make
links. What has a meaning there is replaced by what looks like it and has none.
"""

import re

MAX_LENGTH = 600
"""Characters of a foreign text in a notice."""

_MARKS = str.maketrans(
    {
        "@": "\N{FULLWIDTH COMMERCIAL AT}",
        "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
        ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
        "*": "\N{ASTERISK OPERATOR}",
        "~": "\N{TILDE OPERATOR}",
        "|": "\N{BROKEN BAR}",
        "`": "'",
        "#": "\N{FULLWIDTH NUMBER SIGN}",
        "[": "(",
        "]": ")",
        "\\": "\N{FULLWIDTH REVERSE SOLIDUS}",
    }
)
_EMPHASIS = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_SCHEME = re.compile(r":(?=//)")
_DOMAIN = re.compile(
    r"(?<=[\w-])[.\N{IDEOGRAPHIC FULL STOP}\N{FULLWIDTH FULL STOP}"
    r"\N{HALFWIDTH IDEOGRAPHIC FULL STOP}](?=[^\W\d_])"
)


def sanitized(text: str, *, max_length: int = MAX_LENGTH) -> str:
    """``text`` as one line of at most ``longest`` characters that means nothing to any service."""
    printable = "".join(each if each.isprintable() else " " for each in text[: max_length * 4])
    line = " ".join(printable.split()).translate(_MARKS)
    line = _EMPHASIS.sub("\N{FULLWIDTH LOW LINE}", line)
    line = _DOMAIN.sub("[.]", _SCHEME.sub("[:]", line))
    return line if len(line) <= max_length else f"{line[: max_length - 1]}\N{HORIZONTAL ELLIPSIS}"
