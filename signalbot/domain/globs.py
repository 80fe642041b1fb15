"""Matches names against lists of globs; each list is compiled once."""

import re
from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache

MAX_GLOBS = 1_000
"""Maximum number of globs in one setting."""

MAX_GLOB_LENGTH = 100
"""Maximum length of one glob, in characters."""

_SPECIAL = frozenset("*?[")
_CACHED_LISTS = 256


def matches_any(name: str, globs: tuple[str, ...]) -> bool:
    """Whether ``name`` matches one of ``globs``, by the rules of ``fnmatch.fnmatchcase``."""
    literals, patterns = _compiled(globs)
    return name in literals or any(match(name) for match in patterns)


@lru_cache(_CACHED_LISTS)
def _compiled(
    globs: tuple[str, ...],
) -> tuple[frozenset[str], tuple[Callable[[str], re.Match[str] | None], ...]]:
    literals = frozenset(each for each in globs if not _SPECIAL & set(each))
    patterns = dict.fromkeys(each for each in globs if each not in literals)
    return literals, tuple(re.compile(translate(each)).match for each in patterns)
