"""The package speaks the language of its field: names, docstrings, help texts, events."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import signalbot
from signalbot.domain.events import EVENTS

PACKAGE = Path(signalbot.__file__).parent
MOST_HELP_WORDS = 8
SMALL_FILE_LINES = 30
MOST_SMALL_FILES = 20

BANNED_IN_NAMES = frozenset(
    """
    told tell tells says said saying hear heard hears ask asks asked asking nobody whoever whose
    whom wish wishes owe owes owed heed heeds admit admits dismiss bury relive lay laid door desk
    roster clerk courier bells patient speech doubt doubts doubter outsider shown known hints fate
    fates leaving past silences words complaints whole courses tape chance making minting stance
    stances stake idea pulse keyring tally lineage keeping everybody somebody anybody anyone
    someone everyone stranger strangers news trouble troubles cure cures luck obstacle meanwhile
    """.split()  # noqa: SIM905 - a list of words reads as text
)
BANNED_IN_PROSE = re.compile(
    r"\b(told|tells?|says?|said|saying|hears?|heard|asks?|asked|asking|nobody|whoever|whose|whom"
    r"|wish(es)?|owes?|owed|heeds?|everybody|somebody|anybody|strangers?|news)\b",
    re.IGNORECASE,
)
ALLOWED_NAMES = frozenset({"cures", "cure"})
"""Fields that clients of the API read."""


@cache
def modules() -> dict[Path, ast.Module]:
    """Every module of the package, parsed; examples are files of users."""
    paths = (path for path in sorted(PACKAGE.rglob("*.py")) if "examples" not in path.parts)
    return {path: ast.parse(path.read_text()) for path in paths}


def words_of(name: str) -> list[str]:
    """The words of a name in snake case or camel case, in lower case."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return [part.lower() for part in parts]


def names_in(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Names that this module gives: its own, of classes, functions and parameters."""
    yield 1, path.stem
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield node.lineno, name
            case ast.AsyncFunctionDef(name=name) | ast.arg(arg=name):
                yield node.lineno, name


def test_names_are_of_the_field() -> None:
    """Modules, classes, functions and parameters use no private metaphors."""
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {name}"
        for path, tree in modules().items()
        for line, name in names_in(path, tree)
        if name not in ALLOWED_NAMES and BANNED_IN_NAMES.intersection(words_of(name))
    ]
    assert not found, "\n".join(found)


def test_first_lines_of_docstrings_are_plain() -> None:
    """Subject, verb, object: a function returns, a row holds, an exchange rejects."""
    found = [
        f"{path.relative_to(PACKAGE)}:{node.body[0].lineno}: {first}"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and (first := (ast.get_docstring(node) or "").partition("\n")[0])
        and BANNED_IN_PROSE.search(first)
    ]
    assert not found, "\n".join(found)


def test_help_texts_are_short_and_plain() -> None:
    """A help text has at most eight words."""
    found = [
        f"{path.relative_to(PACKAGE)}:{keyword.value.lineno}: {text}"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "help"
        and isinstance(keyword.value, ast.Constant)
        and isinstance(text := keyword.value.value, str)
        and (len(text.split()) > MOST_HELP_WORDS or BANNED_IN_PROSE.search(text))
    ]
    assert not found, "\n".join(found)


def test_a_class_name_occurs_once() -> None:
    """A name stands for one thing."""
    counts = Counter(
        node.name
        for tree in modules().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in counts.items() if count > 1] == []


def test_few_files_are_tiny() -> None:
    """What is read together stands together."""
    small = [
        str(path.relative_to(PACKAGE))
        for path in modules()
        if not path.name.startswith("__") and path.read_text().count("\n") < SMALL_FILE_LINES
    ]
    assert len(small) <= MOST_SMALL_FILES, "\n".join(small)


def test_events_are_named_noun_and_past_verb() -> None:
    """Two or more words: what it is about, and what has happened to it."""
    assert [name for name in EVENTS if not re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)*", name)] == []
    assert [name for name in EVENTS if BANNED_IN_NAMES.intersection(words_of(name))] == []
