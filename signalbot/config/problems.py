"""Problems of a configuration, collected and reported together, each with its position."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from signalbot.domain.errors import ConfigError

_MAX_LISTED_NAMES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One error in the configuration."""

    where: str  #: the file, or ``environment NAME`` when a variable set the value
    path: str = ""  #: dotted keys, such as ``users.alice.account.exchange``
    message: str  #: the invalid value and what is accepted
    line: int | None = None  #: in the file, counted from 1
    column: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.where, self.line, self.column) if part)
        return ": ".join(part for part in (place, self.path, self.message) if part)


class InvalidConfig(ConfigError):
    """The configuration cannot be used; ``str()`` is one line for each of ``problems``."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda each: (each.where, each.line or 0)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def closest_match(text: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate closest to ``text``, or None if none is similar."""
    options = {each.lower(): each for each in candidates}
    near = get_close_matches(text.lower(), options, n=1)
    return options[near[0]] if near else None


def suggestion(text: str, candidates: Iterable[str]) -> str:
    """Return ``: did you mean 'x'?`` for a similar candidate, else the candidates, else ""."""
    options = sorted(candidates)
    near = closest_match(text, options)
    if near:
        return f": did you mean '{near}'?"
    if not options:
        return ""
    more = ", …" if len(options) > _MAX_LISTED_NAMES else ""
    return f": known are {', '.join(repr(each) for each in options[:_MAX_LISTED_NAMES])}{more}"
