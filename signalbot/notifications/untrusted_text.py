"""Makes untrusted text safe for notices: one line without markup, mentions or links. Pure.

Reasons come from alerts, strategy files, models and exchanges, and go to services that interpret
them: Discord notifies ``@everyone``, Slack ``<!channel>``, and all of them make links. Characters
with a meaning there are replaced by look-alikes without one.
"""

import re

MAX_LENGTH = 600
"""The most characters of an untrusted text in a notice."""

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
    """Return ``text`` in one line of at most ``max_length`` characters, without any markup."""
    printable = "".join(each if each.isprintable() else " " for each in text[: max_length * 4])
    line = " ".join(printable.split()).translate(_MARKS)
    line = _EMPHASIS.sub("\N{FULLWIDTH LOW LINE}", line)
    line = _DOMAIN.sub("[.]", _SCHEME.sub("[:]", line))
    return line if len(line) <= max_length else f"{line[: max_length - 1]}\N{HORIZONTAL ELLIPSIS}"
