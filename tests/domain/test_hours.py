"""Spans of the day, across midnight or not."""

from datetime import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from signalbot.domain.settings import HoursRange

TIMES = st.times()
EVENING = HoursRange(time(22), time(6))


@given(TIMES, TIMES, TIMES)
def test_a_span_and_the_span_from_its_end_to_its_start_divide_the_day(
    start: time, end: time, at: time
) -> None:
    """Every time of day lies in exactly one of the two: no gap, no overlap, start included."""
    assume(start != end)
    span, rest = HoursRange(start, end), HoursRange(end, start)
    assert span.contains(at) != rest.contains(at)
    assert span.contains(start)
    assert not span.contains(end)


@pytest.mark.parametrize(
    ("at", "expected"),
    [("22:00", True), ("23:59:59.999", True), ("00:00", True), ("05:59:59.999", True),
     ("06:00", False), ("12:00", False), ("21:59:59.999", False)],
)  # fmt: skip
def test_a_span_may_cross_midnight(at: str, expected: bool) -> None:
    """From ten in the evening to six in the morning."""
    assert EVENING.contains(time.fromisoformat(at)) is expected


@given(TIMES, TIMES)
def test_a_span_that_ends_where_it_starts_is_empty(start: time, at: time) -> None:
    """The end is excluded, so the span is empty."""
    assert not HoursRange(start, start).contains(at)
    assert not HoursRange(start, start).contains(start)
