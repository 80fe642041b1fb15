"""The catalogue of events is what code logs, triggers journal, and clients may filter by."""

import ast
import re
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

import signalbot
from signalbot.domain.events import EVENTS, RENAMED, EventKind
from signalbot.manual.pages import manual_pages
from signalbot.manual.tables import TABLES
from tests.ledger.ledger_fixtures import empty_ledger

PACKAGE = Path(signalbot.__file__).parent
TESTS = PACKAGE.parent / "tests"
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error"}
LEVELS |= {"exception": "error", "log": "any"}
SHAPE = re.compile(r"[a-z]+\.[a-z]+(_[a-z]+)*")
IN_SQL = re.compile(r"'([a-z]+\.[a-z_]+)'")
OTHER_DOTTED = re.compile(r".*\.(py|toml|db|json|sock|key|md|sh|csv|html|jsonl|gz|yml|service)$")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def log_calls() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Where, at which level and with which events the code base logs."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = _tree(path)
        tables = _tables(tree)
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=method)) if (
                    method in LEVELS
                ):
                    where = f"{path.relative_to(PACKAGE.parent)}:{node.lineno}"
                    event = node.args[1 if method == "log" else 0]
                    for level in _levels(method, node):
                        yield where, level, _events_of(event, tables)


def _levels(method: str, call: ast.Call) -> tuple[str, ...]:
    match method, call.args[0]:
        case "log", ast.Name(id="level") | ast.Call(func=ast.Name(id="failure_log_level")):
            return ("debug", "warning")
        case _:
            return (LEVELS[method],)


def _events_of(event: ast.expr, tables: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The events that a log call names: one text, or those of a table in the same module."""
    match event:
        case ast.Constant(value=str(text)):
            return (text,)
        case ast.Subscript(value=ast.Name(id=name)):
            return tables.get(name, ())
        case _:
            return ()


def _tables(tree: ast.Module) -> dict[str, tuple[str, ...]]:
    """Module-level dictionaries of texts, by name."""
    found: dict[str, tuple[str, ...]] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(values=values)):
                texts = [each.value for each in values if isinstance(each, ast.Constant)]
                if len(texts) == len(values):
                    found[name] = tuple(map(str, texts))
    return found


def logged() -> dict[str, set[str]]:
    """The levels of every event the code base logs."""
    levels: dict[str, set[str]] = {}
    for _, level, events in log_calls():
        for event in events:
            levels.setdefault(event, set()).add(level)
    return levels


@pytest.fixture(scope="module")
def triggers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The SQL of every trigger of a new ledger that writes to the journal, by name."""
    with closing(empty_ledger(tmp_path_factory.mktemp("ledger") / "a.db")) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_schema"
            " WHERE type = 'trigger' AND sql LIKE '%INTO events%'"
        ).fetchall()
    return {row[0]: row[1] for row in rows}


def kinds_written_by(name: str, sql: str) -> set[str]:
    """The kinds that a trigger writes: an execution begins as pending, and is never so again."""
    kinds = _kinds_in(sql)
    match name:
        case "execution_claimed":
            return kinds & {EventKind.EXECUTION_CLAIMED}
        case "execution_changed":
            return kinds - {EventKind.EXECUTION_CLAIMED}
        case _:
            return kinds


def _kinds_in(sql: str) -> set[str]:
    prefixes = re.findall(r"'([a-z]+\.)' \|\| (?:lower\()?new\.status", sql)
    statuses = {
        "signal.": ("expired", "cancelled"),
        "execution.": ("executed", "failed"),
        "user.": ("paused", "halted", "removed"),
        "subscription.": ("paused", "cancelled"),
    }
    return {*IN_SQL.findall(sql)} | {
        prefix + status for prefix in prefixes for status in statuses[prefix]
    }


def test_every_event_is_a_constant_noun_and_past_verb() -> None:
    """An event composed at run time can be neither looked up nor searched for."""
    composed = [where for where, _, events in log_calls() if not events]
    assert not composed
    assert [kind for kind in EVENTS if not SHAPE.fullmatch(kind)] == []


def test_the_catalogue_describes_every_kind_once() -> None:
    """The enumeration and the descriptions have the same members."""
    assert {*EVENTS} == {*EventKind}
    assert [kind.name for kind in EventKind if kind.name != kind.replace(".", "_").upper()] == []


def test_every_logged_event_is_in_the_catalogue() -> None:
    """A reader of the log finds a description of every event."""
    missing = [
        f"{where}: {level} {event}"
        for where, level, events in log_calls()
        for event in events
        if event not in EVENTS
    ]
    assert not missing, "not in signalbot.domain.events.EVENTS"


def test_the_catalogue_has_no_event_that_is_neither_logged_nor_journaled() -> None:
    """A description of a removed event would mislead; an event without levels is in the journal."""
    assert {name for name, event in EVENTS.items() if event.levels} == set(logged())
    assert all(event.levels or event.is_journaled for event in EVENTS.values())


def test_the_catalogue_has_the_levels_that_events_are_logged_at() -> None:
    """A filter by level hides exactly the events of the catalogue."""
    wrong = {
        event: f"logged as {sorted(levels)}, catalogued as {list(EVENTS[event].levels)}"
        for event, levels in logged().items()
        if event in EVENTS and levels != set(EVENTS[event].levels)
    }
    assert not wrong


def test_triggers_write_the_journaled_kinds_of_the_catalogue_and_no_other(
    triggers: dict[str, str],
) -> None:
    """The journal, the event stream and notices have no vocabulary of their own."""
    written = set().union(*(kinds_written_by(*each) for each in triggers.items()))
    assert written == {name for name, event in EVENTS.items() if event.is_journaled}


def test_triggers_write_the_fields_of_the_catalogue(triggers: dict[str, str]) -> None:
    """A client of the event stream can rely on the documented fields of ``detail``."""
    for name, sql in triggers.items():
        fields = set(
            re.findall(r"'(\w+)',\s*(?:json\()?(?:new|s|p)\.", sql.partition("json_object")[2])
        )
        for kind in kinds_written_by(name, sql):
            assert fields == {*EVENTS[kind].fields}, (name, kind)


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """What could be the name of an event in a module, with its line; crash points are none."""
    tree = _tree(path)
    crash_points = {
        id(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "crash_point"
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if SHAPE.fullmatch(text):
                if id(node) not in crash_points and not OTHER_DOTTED.fullmatch(text):
                    yield node.lineno, text


def test_the_product_names_no_event_that_is_not_in_the_catalogue() -> None:
    """A comparison with a misspelled or old kind would never be true."""
    topics = {kind.partition(".")[0] for kind in EVENTS}
    unknown = [
        f"{path.relative_to(PACKAGE)}:{line} {text}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, text in _texts(path)
        if text.partition(".")[0] in topics and text not in {*EVENTS, *RENAMED}
    ]
    assert not unknown


def test_tests_wait_for_no_event_that_is_not_in_the_catalogue() -> None:
    """A wait for a misspelled or old event would end only with its time limit."""
    unknown = [
        f"{path.relative_to(TESTS)}:{node.lineno} {event}"
        for path in sorted(TESTS.rglob("*.py"))
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "wait_for"
        for event in node.args[:1]
        if isinstance(event, ast.Constant) and event.value not in EVENTS
    ]
    assert not unknown


def test_old_kinds_are_named_only_where_they_are_mapped() -> None:
    """The product uses one name for one fact."""
    using = [
        f"{path.relative_to(PACKAGE)} {kind}"
        for path in sorted(PACKAGE.rglob("*"))
        if path.suffix in (".py", ".sql")
        and path.name != "kinds.py"
        and not re.match(r"00(0\d|1\d|20|21)_", path.name)
        for kind in RENAMED
        if re.search(rf"[\"']{re.escape(kind)}[\"']", path.read_text(encoding="utf-8"))
    ]
    assert not using
    assert not {*RENAMED} & {*EVENTS}


def test_every_event_has_one_sentence() -> None:
    """The table stays a table: short sentences, no character that would break a row."""
    for event, entry in EVENTS.items():
        assert entry.meaning[0].isupper(), event
        assert entry.meaning.endswith("."), event
        assert not set(entry.meaning) & set("|\n"), event


def test_the_manual_shows_every_event() -> None:
    """Page ``log-events``, with the level and meaning of each."""
    page = manual_pages()["log-events"].render(TABLES)
    for event, entry in EVENTS.items():
        assert f"| `{event}` | {', '.join(entry.levels) or '-'} | {entry.meaning} |" in page
