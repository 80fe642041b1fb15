"""Durations are read as people write them, and written as they are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.config.duration import duration_text, is_duration, parse_duration


@given(st.integers(min_value=0, max_value=10**12))
def test_what_is_written_is_read_back(ms: int) -> None:
    """Text and milliseconds are the same duration."""
    assert parse_duration(duration_text(ms)) == ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0s", 0),
        ("250ms", 250),
        ("30s", 30_000),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("1d2h3m4s5ms", 93_784_005),
        ("90m", 5_400_000),
        ("5m250ms", 300_250),
    ],
)
def test_the_usual_ways_of_writing(text: str, ms: int) -> None:
    """Whole numbers with units, largest first."""
    assert parse_duration(text) == ms


@pytest.mark.parametrize(
    "text",
    ["", "5", "5 m", "m", "-5m", "1.5h", "30m1h", "5m5m", "5M", "\u0665m", "5m\n", "9" * 20 + "s"],
)
def test_anything_else_is_refused(text: str) -> None:
    """A guess would be worse than an error."""
    assert not is_duration(text)
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)
