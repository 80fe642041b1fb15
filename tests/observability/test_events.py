"""The catalogue of events is what the code logs, and what the README says it logs."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import signalbot
from signalbot.domain.events import EVENTS, events_table

PACKAGE = Path(signalbot.__file__).parent
README = PACKAGE.parent / "README.md"
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error"}
LEVELS |= {"exception": "error", "log": "any"}
SHAPE = re.compile(r"[a-z]+\.[a-z]+(_[a-z]+)*")


def log_calls() -> Iterator[tuple[str, str, ast.expr]]:
    """Where, at which level and with which event the code base logs."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=method)) if (
                    method in LEVELS
                ):
                    where = f"{path.relative_to(PACKAGE.parent)}:{node.lineno}"
                    for level in _levels(method, node):
                        yield where, level, node.args[1 if method == "log" else 0]


def _levels(method: str, call: ast.Call) -> tuple[str, ...]:
    match method, call.args[0]:
        case "log", ast.Name(id="level") | ast.Call(func=ast.Name(id="failure_log_level")):
            return ("debug", "warning")
        case _:
            return (LEVELS[method],)


def logged() -> dict[str, set[str]]:
    """The levels of every event the code base logs."""
    levels: dict[str, set[str]] = {}
    for _, level, event in log_calls():
        if isinstance(event, ast.Constant) and isinstance(event.value, str):
            levels.setdefault(event.value, set()).add(level)
    return levels


def test_every_event_is_a_constant_noun_and_what_happened_to_it() -> None:
    """An event that is put together at run time can neither be looked up nor searched for."""
    odd = [
        f"{where}: {ast.unparse(event)}"
        for where, _, event in log_calls()
        if not (
            isinstance(event, ast.Constant)
            and isinstance(event.value, str)
            and SHAPE.fullmatch(event.value)
        )
    ]
    assert not odd


def test_every_logged_event_is_in_the_catalogue() -> None:
    """Whoever meets an event in the log finds a sentence about it."""
    missing = [
        f"{where}: {level} {ast.unparse(event)}"
        for where, level, event in log_calls()
        if isinstance(event, ast.Constant) and event.value not in EVENTS
    ]
    assert not missing, "not in signalbot.domain.events.EVENTS"


def test_the_catalogue_has_nothing_that_nobody_logs() -> None:
    """A sentence about an event that is gone would be waited for in vain."""
    assert not set(EVENTS) - set(logged())


def test_the_catalogue_tells_the_levels_events_are_logged_at() -> None:
    """Who filters by level knows what will be missing."""
    wrong = {
        event: f"logged as {sorted(levels)}, catalogued as {list(EVENTS[event].levels)}"
        for event, levels in logged().items()
        if event in EVENTS and levels != set(EVENTS[event].levels)
    }
    assert not wrong


def test_every_event_is_told_in_one_sentence() -> None:
    """The table stays a table: short sentences, nothing that would break a row."""
    for event, entry in EVENTS.items():
        assert entry.meaning[0].isupper(), event
        assert entry.meaning.endswith("."), event
        assert not set(entry.meaning) & set("|\n"), event


def test_the_readme_shows_the_table_of_events() -> None:
    """The section between the markers is the catalogue as it is now."""
    text = README.read_text(encoding="utf-8")
    section = text.partition("<!-- events -->")[2].partition("<!-- /events -->")[0]
    assert section.strip() == events_table().strip(), "paste signalbot.domain.events.events_table()"
