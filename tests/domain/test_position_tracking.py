"""A lost alert is detected by the next one; an overtaken alert is not lost."""

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


def _report(
    key: str, previous: ReportedPosition | None, position: ReportedPosition | None, *actions: Action
) -> AlertReport:
    return AlertReport(key=key, previous=previous, position=position, actions=actions)


def _track(
    tracked: TrackedPosition | None, report: AlertReport, *, now_ms: int = NOW
) -> TrackResult:
    return track(tracked, report, strategy="tv", symbol="BTC/USDT:USDT", now_ms=Ms(now_ms))


def _position(position: ReportedPosition) -> TrackedPosition:
    tracked = _track(None, _report("before", None, position), now_ms=NOW - MINUTE_MS).tracked
    assert tracked is not None
    return tracked


@pytest.mark.parametrize(
    ("tracked", "previous", "position", "missed_exit_expected"),
    [
        (LONG, FLAT, SHORT, Action.EXIT_LONG),
        (LONG, SHORT, FLAT, Action.EXIT_LONG),
        (SHORT, LONG, FLAT, Action.EXIT_SHORT),
        (LONG, FLAT, LONG, None),
        (FLAT, LONG, FLAT, None),
        (FLAT, LONG, LONG, None),
    ],
)
def test_only_the_exit_of_a_closed_position_is_missed(
    tracked: ReportedPosition,
    previous: ReportedPosition,
    position: ReportedPosition,
    missed_exit_expected: Action | None,
) -> None:
    """No exit is missed if the position is right again, or was never entered."""
    result = _track(_position(tracked), _report("next", previous, position))
    assert result.gap == PositionGap(tracked, previous)
    assert result.missed_exit is missed_exit_expected


def test_the_first_alert_can_miss_nothing() -> None:
    """There is no expected position before the first alert."""
    result = _track(None, _report("first", LONG, FLAT))
    assert result.gap is None
    assert result.tracked is not None
    assert result.tracked.position is FLAT


def test_a_repeated_alert_has_the_same_result() -> None:
    """An alert that was interrupted is carried out completely."""
    report = _report("next", FLAT, SHORT)
    first = _track(_position(LONG), report)
    again = _track(first.tracked, replace(report, is_repeat=True), now_ms=NOW + MINUTE_MS)
    assert (again.tracked, again.gap, again.missed_exit) == (
        first.tracked,
        first.gap,
        first.missed_exit,
    )


def test_a_repeated_older_alert_changes_nothing() -> None:
    """Its sender got no response and retries after a later alert."""
    entered = _track(_position(FLAT), _report("in", FLAT, LONG)).tracked
    left = _track(entered, _report("out", LONG, FLAT)).tracked
    again = _track(left, replace(_report("in", FLAT, LONG), is_repeat=True), now_ms=NOW + MINUTE_MS)
    assert again == TrackResult(tracked=left)


@pytest.mark.parametrize(
    ("later_ms", "is_overtaken"), [(0, True), (OUT_OF_ORDER_MS, True), (10_001, False)]
)
def test_an_alert_that_fills_the_gap_at_once_was_overtaken(
    later_ms: int, is_overtaken: bool
) -> None:  # fmt: skip
    """After the limit an equal alert is a new one."""
    gap = _track(_position(FLAT), _report("out", LONG, FLAT))
    assert gap.gap == PositionGap(FLAT, LONG)
    late = _track(gap.tracked, _report("in", FLAT, LONG), now_ms=NOW + later_ms)
    assert late.is_out_of_order is is_overtaken
    assert late.tracked is not None
    assert late.tracked.position is (FLAT if is_overtaken else LONG)


def test_the_senders_clock_decides_if_it_is_reported() -> None:
    """Sent later, it is a new alert, however soon; sent before, it is not compared."""
    out = replace(_report("out", LONG, FLAT), sent_at_ms=NOW)
    gap = _track(_position(FLAT), out).tracked
    into = _report("in", FLAT, LONG)
    assert not _track(gap, replace(into, sent_at_ms=Ms(NOW + 1))).is_out_of_order
    assert _track(gap, replace(into, sent_at_ms=NOW)).is_out_of_order
    other = replace(_report("other", SHORT, FLAT), sent_at_ms=Ms(NOW - 1))
    assert _track(gap, other) == TrackResult(tracked=gap)


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
def test_without_reported_positions_the_actions_decide(
    before: ReportedPosition, actions: tuple[Action, ...], after: ReportedPosition
) -> None:
    """Alerts of one source may have the fields or not."""
    result = _track(_position(before), _report("next", None, None, *actions))
    assert result.gap is None
    assert result.tracked is not None
    assert result.tracked.position is after


@given(
    st.lists(st.tuples(st.sampled_from(ReportedPosition), st.booleans()), min_size=1, max_size=30)
)
def test_a_loss_is_detected_exactly_if_positions_differ(
    moves: list[tuple[ReportedPosition, bool]],
) -> None:
    """The next alert reveals the loss if positions differ, and corrects the position."""
    tracked: TrackedPosition | None = None
    stood, expected = FLAT, None
    for number, (after, arrives) in enumerate(moves):
        report = _report(str(number), stood, after)
        stood = after
        if not arrives:
            continue
        result = _track(tracked, report, now_ms=NOW + number * MINUTE_MS)
        assert (result.gap is not None) == (
            expected is not None and expected is not report.previous
        )
        assert result.missed_exit is None or (
            expected is not None and result.missed_exit is expected.exit_action
        )
        tracked, expected = result.tracked, after
        assert tracked is not None
        assert tracked.position is after
