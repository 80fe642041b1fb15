"""The console format: columns for the eye, one event per line."""

import re
from decimal import Decimal

from hypothesis import given
from structlog.typing import EventDict

from signalbot.domain.events import EVENTS
from signalbot.observability.logging.console import ConsoleRenderer
from signalbot.observability.logging.redaction import Redaction
from signalbot.observability.logging.secrets import SecretRegistry
from tests.observability import hostile_values
from tests.observability.conftest import NOW_MS

STAMP = "2026-09-21 14:13:20.123"
UNASKED = "the value of a local variable"
ESCAPE = "\x1b["


def console(*, colour: bool = False) -> ConsoleRenderer:
    return ConsoleRenderer(lambda: NOW_MS, Redaction(SecretRegistry()), color=colour)


def line(event: str, level: str = "info", *, colour: bool = False, **facts: object) -> str:
    return console(colour=colour)(None, level, {**facts, "event": event})


def settled(**more: object) -> EventDict:
    subject = {"user_id": "alice", "symbol": "BTC/USDT:USDT", "action": "LONG"}
    return {"event": "execution.executed", "signal_id": "sig_0123456789abcdef", **subject, **more}


def test_a_line_has_time_level_event_and_subject_in_order() -> None:
    """Time, level, event, user, symbol, action and signal stand in this order whatever the call."""
    rendered = console()(None, "info", settled(status="executed", filled="0.1"))
    assert re.split(r" {2,}", rendered) == [
        STAMP,
        "INFO",
        "execution.executed",
        "alice",
        "BTC/USDT:USDT",
        "LONG",
        "sig_0123456789abcdef",
        "status=executed filled=0.1\n",
    ]


def test_columns_are_aligned_over_all_events_and_levels() -> None:
    """Whatever happened at whatever level, the user is found in the same place."""
    lines = console()
    starts = {
        lines(None, level, {"event": event, "user_id": "alice"}).index("alice")
        for event in EVENTS
        for level in ("debug", "info", "warning", "error", "critical")
    }
    assert len(starts) == 1


def test_a_missing_column_is_left_blank_for_the_next_one() -> None:
    """A line without a user has its symbol where other lines have theirs."""
    lines = console()
    complete = lines(None, "info", settled())
    without_user = lines(None, "info", {"event": "candle.gap_filled", "symbol": "BTC/USDT:USDT"})
    assert complete.index("BTC/USDT") == without_user.index("BTC/USDT")


def test_a_column_grows_with_the_longest_name_it_has_seen() -> None:
    """Long user names cost one shift, not a ragged log."""
    lines = console()
    lines(None, "info", settled(user_id="bob"))
    first = lines(None, "info", settled(user_id="somebody-longer"))
    second = lines(None, "info", settled(user_id="bob"))
    assert first.index("BTC/USDT") == second.index("BTC/USDT")


def test_facts_begin_in_the_same_place_whatever_the_direction() -> None:
    """LONG is shorter than SHORT, and nothing moves for it."""
    lines = console()
    starts = {
        lines(None, "info", {"event": "position.opened", "side": side, "left": "1"}).index("left=")
        for side in ("LONG", "SHORT")
    }
    assert len(starts) == 1


def test_a_side_is_in_the_column_of_actions() -> None:
    """An order's or position's direction is found where a signal's is."""
    rendered = line(
        "position.opened", user_id="alice", symbol="BTC/USDT:USDT", side="SHORT", left="1"
    )
    assert re.split(r" {2,}", rendered)[3:] == ["alice", "BTC/USDT:USDT", "SHORT", "left=1\n"]


def test_a_strategy_is_in_the_column_of_users() -> None:
    """A new signal has a strategy and no user."""
    rendered = line("signal.created", strategy="btc-trend", symbol="ETH/USDT:USDT", action="SHORT")
    assert re.split(r" {2,}", rendered)[3:] == ["btc-trend", "ETH/USDT:USDT", "SHORT\n"]


def test_a_line_without_a_subject_has_no_empty_columns() -> None:
    """No blank columns where there is nothing to align."""
    rendered = line("daemon.starting", version="1.0", pid=7)
    assert re.split(r" {2,}", rendered)[2:] == ["daemon.starting", "version=1.0 pid=7\n"]


def test_facts_that_are_none_are_left_out() -> None:
    """Unknown facts take no space."""
    assert line("order.placed", price=None, symbol=None, leg="entry").endswith(
        "order.placed                 leg=entry\n"
    )


def test_values_that_are_no_single_word_are_quoted() -> None:
    """A value ends where it seems to end."""
    rendered = line("order.rejected", a="one two", b='say "no"', c="", d="x=1", e="Größe", f="a\\b")
    assert rendered.endswith(r'a="one two" b="say \"no\"" c="" d="x=1" e=Größe f="a\\b"' + "\n")


def test_numbers_lists_and_tables_are_compact() -> None:
    """Decimals as plain digits, containers as JSON without spaces."""
    rendered = line(
        "order.rejected",
        fee=Decimal("1E-8"),
        left=3,
        final=True,
        prices=[Decimal("1.50"), "2"],
        body={"code": -2010},
    )
    assert rendered.endswith(
        'fee=0.00000001 left=3 final=true prices=["1.50","2"] body={"code":-2010}\n'
    )


def test_without_a_terminal_there_are_no_escape_codes() -> None:
    """A log file is text."""
    assert ESCAPE not in line("position.closed", "error", user_id="alice", side="LONG", pnl="-1.5")


def test_colours_change_nothing_but_colour() -> None:
    """What a terminal shows is the same text."""
    facts = settled(pnl="-1.5", price="10")
    plain = console()(None, "error", dict(facts))
    coloured = console(colour=True)(None, "error", dict(facts))
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert coloured.count(ESCAPE) > 8


def test_losses_and_gains_differ_in_colour() -> None:
    """A loss is seen before it is read."""
    assert "\x1b[31m-1.5\x1b[0m" in line("position.closed", colour=True, pnl="-1.5")
    assert "\x1b[32m1.5\x1b[0m" in line("position.closed", colour=True, net_pnl="1.5")


def test_a_traceback_follows_indented_and_without_local_variables() -> None:
    """The event is one line, and what belongs to it is visibly below it."""

    def fails(local: str) -> None:
        raise ValueError("broken\n2026-01-01 00:00:00.000  INFO   daemon.ready")

    try:
        fails(UNASKED)
    except ValueError:
        rendered = line("user.failed", "error", exc_info=True, user_id="alice")
    first, *others = rendered.splitlines()
    assert first.startswith(STAMP)
    assert first.endswith("alice")
    assert others[0] == "    Traceback (most recent call last):"
    assert others[-1] == "    2026-01-01 00:00:00.000  INFO   daemon.ready"
    assert all(each.startswith("    ") for each in others)
    assert UNASKED not in rendered


def test_a_traceback_cannot_move_the_cursor() -> None:
    """An exception's text is as foreign as any other."""
    rendered = line("user.failed", "error", exc_info=ValueError("\r2026\x1b[2K\x85\u2028end"))
    assert rendered.endswith(r"    ValueError: \r2026\x1b[2K\x85\u2028end" + "\n")


@given(hostile_values.facts, hostile_values.texts)
def test_whatever_is_logged_an_event_is_one_printable_line(
    facts: dict[str, object], event: str
) -> None:
    """No value, name or event can begin a line of its own, move the cursor or stop the log."""
    rendered = console()(None, "info", {**facts, "event": event})
    assert rendered.startswith(STAMP)
    assert rendered.endswith("\n")
    assert rendered[:-1].isprintable()


def test_a_column_cannot_be_forged() -> None:
    """Names that look like several columns, or lines, stay one."""
    rendered = line("user.failed", user_id="x\n2026  INFO", symbol="a  b")
    assert r'"x\n2026  INFO"' in rendered
    assert '"a  b"' in rendered
    assert rendered.count("\n") == 1
