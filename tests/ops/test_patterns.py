"""No pattern that searches outside text takes more than in proportion to its length."""

import re
import time
from collections.abc import Iterator
from itertools import product
from types import ModuleType

import pytest

from signalbot.control import provenance
from signalbot.exchange.live import outcome
from signalbot.intake import fields, symbols
from signalbot.notify import destination
from signalbot.ops import console, redaction

LENGTH = 12_000
LIMIT_S = 0.1
CHARACTERS = " \"':=/-aE0"
WORDS = (
    "secret", "token=", "sk-", "eyJ", "authorization", "bearer ", "-----BEGIN A", "hooks/", "://",
    '"status"', '{"status":', "failed due to ", "sbt_", "EA", "PERP", "key:'",
)  # fmt: skip
BOUNDED = {"_WORDS", "_NAME"}  # only ever see what is short


def patterns() -> Iterator[tuple[str, re.Pattern[str] | re.Pattern[bytes]]]:
    """Every compiled pattern of the modules that read what others wrote."""
    modules = (console, destination, fields, outcome, provenance, redaction, symbols)
    for module in modules:
        yield from _of(module)


def _of(module: ModuleType) -> Iterator[tuple[str, re.Pattern[str] | re.Pattern[bytes]]]:
    for name, value in vars(module).items():
        found = [value] if isinstance(value, re.Pattern) else _within(value)
        for number, pattern in enumerate(found):
            if name not in BOUNDED:
                yield f"{module.__name__}.{name}.{number}", pattern


def _within(value: object) -> list[re.Pattern[str]]:
    if not isinstance(value, tuple):
        return []
    return [part for each in value if isinstance(each, tuple) for part in each
            if isinstance(part, re.Pattern)]  # fmt: skip


def texts() -> Iterator[str]:
    for one, other in product(CHARACTERS, CHARACTERS):
        yield one * (LENGTH // 2) + other * (LENGTH // 2)
        yield (one + other) * (LENGTH // 2)
    for word, other in product(WORDS, CHARACTERS):
        yield word + other * LENGTH
        yield (word + other) * (LENGTH // (len(word) + 1))


@pytest.mark.parametrize("name", dict(patterns()))
def test_it_is_linear(name: str) -> None:
    """Over texts that make it begin, and go on, as often as can be."""
    pattern = dict(patterns())[name]
    for text in texts():
        began_s = time.process_time()
        if isinstance(pattern.pattern, bytes):
            pattern.sub(b"", text.encode())
        else:
            pattern.sub("", text)
        assert time.process_time() - began_s < LIMIT_S, (text[:40], text[-40:])
