"""Lost alerts are noticed by where the next one begins; what was only overtaken is not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.position_tracking import (
    OUT_OF_ORDER_MS,
    AlertReport,
    PositionGap,
    ReportedPosition,
    TrackedPosition,
    TrackResult,
    track,
)
from signalbot.domain.signals import Action
from signalbot.domain.timeframe import Ms

LONG, SHORT, FLAT = ReportedPosition.LONG, ReportedPosition.SHORT, ReportedPosition.FLAT
NOW = Ms(1_795_243_000_000)
MINUTE_MS = 60_000


def _told(
    key: str, previous: ReportedPosition | None, position: ReportedPosition | None, *actions: Action
) -> AlertReport:
    return AlertReport(key=key, previous=previous, position=position, actions=actions)


def _hear(known: TrackedPosition | None, told: AlertReport, *, now_ms: int = NOW) -> TrackResult:
    return track(known, told, strategy="tv", symbol="BTC/USDT:USDT", now_ms=Ms(now_ms))


def _standing(position: ReportedPosition) -> TrackedPosition:
    known = _hear(None, _told("before", None, position), now_ms=NOW - MINUTE_MS).tracked
    assert known is not None
    return known


@pytest.mark.parametrize(
    ("known", "previous", "position", "owed"),
    [
        (LONG, FLAT, SHORT, Action.EXIT_LONG),
        (LONG, SHORT, FLAT, Action.EXIT_LONG),
        (SHORT, LONG, FLAT, Action.EXIT_SHORT),
        (LONG, FLAT, LONG, None),
        (FLAT, LONG, FLAT, None),
        (FLAT, LONG, LONG, None),
    ],
)
def test_only_the_exit_of_what_was_left_is_owed(
    known: ReportedPosition,
    previous: ReportedPosition,
    position: ReportedPosition,
    owed: Action | None,
) -> None:
    """Who is in step by now, or never entered, is left alone."""
    heard = _hear(_standing(known), _told("next", previous, position))
    assert heard.gap == PositionGap(known, previous)
    assert heard.missed_exit is owed


def test_the_first_alert_can_miss_nothing() -> None:
    """Where a strategy stood before anybody listened is nobody's loss."""
    heard = _hear(None, _told("first", LONG, FLAT))
    assert heard.gap is None
    assert heard.tracked is not None
    assert heard.tracked.position is FLAT


def test_the_same_alert_says_the_same_again() -> None:
    """So that one that was interrupted half-way is carried out whole."""
    told = _told("next", FLAT, SHORT)
    first = _hear(_standing(LONG), told)
    again = _hear(first.tracked, replace(told, is_repeat=True), now_ms=NOW + MINUTE_MS)
    assert (again.tracked, again.gap, again.missed_exit) == (
        first.tracked,
        first.gap,
        first.missed_exit,
    )


def test_an_older_alert_that_comes_again_changes_nothing() -> None:
    """Its sender had no answer and tries once more; meanwhile the strategy has gone on."""
    entered = _hear(_standing(FLAT), _told("in", FLAT, LONG)).tracked
    left = _hear(entered, _told("out", LONG, FLAT)).tracked
    again = _hear(left, replace(_told("in", FLAT, LONG), is_repeat=True), now_ms=NOW + MINUTE_MS)
    assert again == TrackResult(tracked=left)


@pytest.mark.parametrize(
    ("later_ms", "is_overtaken"), [(0, True), (OUT_OF_ORDER_MS, True), (10_001, False)]
)
def test_an_alert_that_fills_the_gap_at_once_was_overtaken(
    later_ms: int, is_overtaken: bool
) -> None:  # fmt: skip
    """Later it is a new one that looks the same."""
    gap = _hear(_standing(FLAT), _told("out", LONG, FLAT))
    assert gap.gap == PositionGap(FLAT, LONG)
    late = _hear(gap.tracked, _told("in", FLAT, LONG), now_ms=NOW + later_ms)
    assert late.is_out_of_order is is_overtaken
    assert late.tracked is not None
    assert late.tracked.position is (FLAT if is_overtaken else LONG)


def test_the_senders_clock_decides_where_it_is_told() -> None:
    """Sent later, it is a new one, however soon; sent before, it is not compared."""
    out = replace(_told("out", LONG, FLAT), sent_at_ms=NOW)
    gap = _hear(_standing(FLAT), out).tracked
    into = _told("in", FLAT, LONG)
    assert not _hear(gap, replace(into, sent_at_ms=Ms(NOW + 1))).is_out_of_order
    assert _hear(gap, replace(into, sent_at_ms=NOW)).is_out_of_order
    other = replace(_told("other", SHORT, FLAT), sent_at_ms=Ms(NOW - 1))
    assert _hear(gap, other) == TrackResult(tracked=gap)


@pytest.mark.parametrize(
    ("before", "actions", "after"),
    [
        (FLAT, (Action.LONG,), LONG),
        (LONG, (Action.EXIT_LONG,), FLAT),
        (SHORT, (Action.EXIT_LONG,), SHORT),
        (LONG, (Action.EXIT_LONG, Action.SHORT), SHORT),
        (SHORT, (Action.EXIT_LONG, Action.EXIT_SHORT), FLAT),
        (LONG, (), LONG),
    ],
)
def test_without_the_fields_the_actions_tell(
    before: ReportedPosition, actions: tuple[Action, ...], after: ReportedPosition
) -> None:
    """Some alerts of a source may have the fields and others not."""
    heard = _hear(_standing(before), _told("next", None, None, *actions))
    assert heard.gap is None
    assert heard.tracked is not None
    assert heard.tracked.position is after


@given(
    st.lists(st.tuples(st.sampled_from(ReportedPosition), st.booleans()), min_size=1, max_size=30)
)
def test_a_loss_is_noticed_exactly_where_it_shows(
    moves: list[tuple[ReportedPosition, bool]],
) -> None:
    """Whatever is lost: the next alert tells it if it matters, and all is in step again."""
    known: TrackedPosition | None = None
    stood, believed = FLAT, None
    for number, (stance, arrives) in enumerate(moves):
        told = _told(str(number), stood, stance)
        stood = stance
        if not arrives:
            continue
        heard = _hear(known, told, now_ms=NOW + number * MINUTE_MS)
        assert (heard.gap is not None) == (believed is not None and believed is not told.previous)
        assert heard.missed_exit is None or (
            believed is not None and heard.missed_exit is believed.exit_action
        )
        known, believed = heard.tracked, stance
        assert known is not None
        assert known.position is stance
