"""No pattern of the package takes more than in proportion to the length of what it reads."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import product
from types import ModuleType
from typing import Any

import pytest

import signalbot
from tests.linear_cost import grows_too_fast

LENGTH = 4_000
GROUPS = 8
CHARACTERS = " \"':=/-aE0.,{"
NAMES = (
    "secret", "token=", "sk-", "eyJ", "authorization", "bearer ", "-----BEGIN A", "hooks/", "://",
    '"status"', '{"status":', "failed due to ", "sbt_", "EA", "PERP", "key:'",
)  # fmt: skip
BOUNDED = {
    "signalbot.config.document._SYNTAX_ERROR": "a message of tomllib, not the file",
    "signalbot.config.duration._PART": "only what PATTERN has matched: bounded digits",
    "signalbot.config.toml_positions._DOT": "matched at a place, never searched for",
    "signalbot.config.toml_positions._EQUALS": "matched at a place, never searched for",
    "signalbot.webhooks.channel_format._PRICE": "a text of at most 4,000 characters, 400 a line",
    "signalbot.webhooks.channel_format._SHARE": "a text of at most 4,000 characters, 400 a line",
    "signalbot.webhooks.command_formats._COMMANDS": "at most 4,000 characters, 400 a line",
    "signalbot.webhooks.symbols._GLUED_DATE": "names of at most 60 characters",
    "signalbot.webhooks.symbols._GLUED_PERPETUAL": "names of at most 60 characters",
    "signalbot.webhooks.symbols._KUCOIN": "names of at most 60 characters",
}
"""Patterns that take more, and why they never see a long text."""

Pattern = re.Pattern[str] | re.Pattern[bytes]
Reader = Callable[[str], object]


@cache
def readers() -> dict[str, Reader]:
    """Every compiled pattern of the package, but those of a worker's own process.

    Each is used as its module uses it: only what is searched for may begin anywhere.
    """
    found: dict[str, Reader] = {}
    registered: set[Pattern] = set()
    for each in pkgutil.walk_packages(signalbot.__path__, "signalbot."):
        if not each.name.endswith("__main__") and ".inside" not in each.name:
            module = importlib.import_module(each.name)
            for name, value in vars(module).items():
                for place, pattern in enumerate(_within(value)):
                    is_own = re.search(rf"^{name}\b.*=", inspect.getsource(module), re.MULTILINE)
                    if is_own and pattern not in registered:
                        registered.add(pattern)
                        found[f"{each.name}.{name}.{place}"] = _reader(module, name, pattern)
    return found


def _within(value: object) -> Iterator[Pattern]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        yield from _within(tuple(value.values()))
    elif isinstance(value, (tuple, list, set, frozenset)):
        for each in value:
            yield from _within(each)


def _reader(module: ModuleType, name: str, pattern: Any) -> Reader:
    uses = set(re.findall(rf"\b{name}\.(\w+)\(", inspect.getsource(module)))
    text_of: Callable[[str], Any] = str if isinstance(pattern.pattern, str) else str.encode
    if uses and uses <= {"match", "fullmatch"}:
        begin = pattern.fullmatch if uses == {"fullmatch"} else pattern.match
        return lambda text: begin(text_of(text))
    return lambda text: pattern.sub(text_of(""), text_of(text))


def texts() -> Iterator[Callable[[int], str]]:
    """Texts of any length that make a pattern begin, and go on, as often as can be."""
    for one, other in product(CHARACTERS, CHARACTERS):
        yield partial(_halves, one, other)
        yield partial(_turns, one, other)
    for word, other in product(NAMES, CHARACTERS):
        yield partial(_tail, word, other)
        yield partial(_turns, word, other)


def _halves(one: str, other: str, size: int) -> str:
    return one * (size // 2) + other * (size // 2)


def _turns(one: str, other: str, size: int) -> str:
    return (one + other) * (size // (len(one) + 1))


def _tail(word: str, other: str, size: int) -> str:
    return word + other * size


def slow(name: str, read: Reader) -> str | None:
    """The first text over which a pattern goes back and forth, and how much."""
    for make in texts():
        growth = grows_too_fast(lambda size, make=make: read(make(size)), length=LENGTH)  # type: ignore[misc]
        if growth is not None:
            return f"{name}: {growth:.0f} times as long for {make(LENGTH)[:20]!r}"
    return None


def test_patterns_that_go_back_and_forth_are_found() -> None:
    """A repeat that may begin anywhere and seldom ends well."""
    assert slow("repeat", lambda text: re.sub(r"\s*=", "", text)) is not None
    assert slow("one place", lambda text: re.sub(r"\s[a-z]+=", "", text)) is None
    assert {name.rpartition(".")[0] for name in readers()} >= BOUNDED.keys()


@pytest.mark.parametrize("group", range(GROUPS))
def test_every_pattern_is_linear(group: int) -> None:
    """Over every text; in groups, which are tried side by side."""
    found = [
        slow(name, read)
        for name, read in list(readers().items())[group::GROUPS]
        if name.rpartition(".")[0] not in BOUNDED
    ]
    assert not [each for each in found if each is not None]
