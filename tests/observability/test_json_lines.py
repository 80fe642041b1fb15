"""The JSON format: one object per line, whatever is logged."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.observability.logging.json_lines import JsonRenderer
from signalbot.observability.logging.redaction import Redaction, is_secret_name
from signalbot.observability.logging.secrets import SecretRegistry
from tests.observability import hostile_values
from tests.observability.conftest import NOW_MS


def line(facts: Mapping[str, object], level: str = "info") -> str:
    return JsonRenderer(lambda: NOW_MS, Redaction(SecretRegistry()))(None, level, dict(facts))


def rendered(**facts: object) -> Any:
    return json.loads(line(facts))


def refused(constant: str) -> None:
    pytest.fail(f"{constant} is not JSON")


def test_a_line_has_time_level_and_event_before_its_facts() -> None:
    """Programs find what they need by name, people in the order of the call."""
    assert line({"event": "order.placed", "leg": "entry", "price": "10.5"}, "warning") == (
        '{"ts": "2026-09-21T14:13:20.123Z", "level": "warning", "event": "order.placed",'
        ' "leg": "entry", "price": "10.5"}\n'
    )


def test_values_keep_their_kind_and_decimals_their_digits() -> None:
    """No number passes through binary floating point, and None stays known to be none."""
    facts: dict[str, object] = {"left": 3, "final": True, "stop": None, "drift": 0.5}
    assert rendered(event="x", fee=Decimal("1E-8"), prices=[Decimal("1.50")], **facts) == {
        "ts": "2026-09-21T14:13:20.123Z",
        "level": "info",
        "event": "x",
        "fee": "0.00000001",
        "prices": ["1.50"],
        **facts,
    }


def test_facts_do_not_hide_time_level_or_traceback() -> None:
    """A fact of the same name is kept beside them."""
    both = rendered(event="x", level="high", ts=1, exception="rule")
    assert (both["level"], both["level_"]) == ("info", "high")
    assert (both["ts_"], both["exception_"]) == (1, "rule")


def test_an_exception_is_one_fact_without_local_variables() -> None:
    """The traceback does not break the line."""
    try:
        int("broken")
    except ValueError as e:
        complete = rendered(event="user.failed", exc_info=e)
    assert complete["exception"].startswith("Traceback (most recent call last):\n")
    assert complete["exception"].endswith("with base 10: 'broken'")


@given(hostile_values.facts, hostile_values.texts)
def test_whatever_is_logged_a_line_is_one_json_object(facts: dict[str, object], event: str) -> None:
    """No value or name makes logging fail, breaks the line or invents a constant like NaN."""
    text = line({**facts, "event": event})
    assert text.endswith("}\n")
    assert text[:-1].isprintable()
    complete = json.loads(text, parse_constant=refused)
    assert (complete["level"], complete["ts"]) == ("info", "2026-09-21T14:13:20.123Z")


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), hostile_values.texts))
def test_texts_come_back_as_they_were(facts: dict[str, str]) -> None:
    """Escaping loses nothing."""
    clean = Redaction(SecretRegistry()).redact
    harmless = {
        name: text
        for name, text in facts.items()
        if not is_secret_name(name) and clean(text) == text and name not in ("ts", "level", "event")
    }
    complete = json.loads(line({"event": "x", **harmless}))
    assert {name: complete[name] for name in harmless} == harmless
