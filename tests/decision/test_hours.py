"""Hours of trading are hours on the user's wall, on every day of the year."""

from dataclasses import replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.decision.decide import ClearedEntry, screen
from signalbot.decision.decision_input import Skip
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.settings import Filters, HoursRange
from signalbot.domain.timeframe import Ms
from tests.decision.decision_inputs import decision_input
from tests.domain.samples import SIGNAL

DAY = HoursRange(time(8), time(22))
NIGHT = HoursRange(time(22), time(6))
LUNCH = HoursRange(time(12), time(13, 30))
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia")


def _allowed(at: str | int, *hours: HoursRange, zone: str = "UTC") -> bool:
    """Whether an entry is allowed at an instant, given in milliseconds or in ISO 8601."""
    now_ms = at if isinstance(at, int) else round(datetime.fromisoformat(at).timestamp() * 1000)
    signal = replace(SIGNAL, created_at_ms=Ms(now_ms - 1), expires_at_ms=Ms(now_ms + 1))
    found = screen(
        decision_input(signal=signal, filters=Filters(hours=hours, time_zone=zone), now_ms=now_ms)
    )
    assert found == ClearedEntry() or isinstance(found, Skip)
    assert not isinstance(found, Skip) or found.reason is DecisionCode.OUTSIDE_HOURS
    return found == ClearedEntry()


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        ("2024-01-15T07:59:59.999Z", False),
        ("2024-01-15T08:00:00Z", True),
        ("2024-01-15T21:59:59.999Z", True),
        ("2024-01-15T22:00:00Z", False),
    ],
)
def test_a_span_begins_at_its_start_and_ends_before_its_end(at: str, allowed: bool) -> None:
    """To the millisecond."""
    assert _allowed(at, DAY) is allowed


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        ("2024-01-15T21:59:59.999Z", False),
        ("2024-01-15T22:00:00Z", True),
        ("2024-01-16T00:00:00Z", True),
        ("2024-01-16T05:59:59.999Z", True),
        ("2024-01-16T06:00:00Z", False),
    ],
)
def test_a_span_may_cross_midnight(at: str, allowed: bool) -> None:
    """The night belongs to one span though it lies on two days."""
    assert _allowed(at, NIGHT) is allowed


def test_any_of_several_spans_will_do() -> None:
    """And what lies in none is refused."""
    assert _allowed("2024-01-15T12:15:00Z", NIGHT, LUNCH)
    assert _allowed("2024-01-15T23:15:00Z", NIGHT, LUNCH)
    assert not _allowed("2024-01-15T13:30:00Z", NIGHT, LUNCH)


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        ("2024-03-30T06:59:59.999Z", False),  # winter: an hour before UTC
        ("2024-03-30T07:00:00Z", True),
        ("2024-03-31T05:59:59.999Z", False),  # the clock went forward this night
        ("2024-03-31T06:00:00Z", True),
        ("2024-03-31T19:59:59.999Z", True),
        ("2024-03-31T20:00:00Z", False),
        ("2024-10-27T06:59:59.999Z", False),  # and back this one
        ("2024-10-27T07:00:00Z", True),
    ],
)
def test_the_wall_clock_counts_when_it_is_put_forward_or_back(at: str, allowed: bool) -> None:
    """Eight o'clock in Berlin is eight o'clock, in summer as in winter."""
    assert _allowed(at, DAY, zone="Europe/Berlin") is allowed


def test_an_hour_that_does_not_exist_never_comes_and_one_that_comes_twice_counts_twice() -> None:
    """Between two and three in Berlin, on the two nights the clocks change."""
    hour = HoursRange(time(2), time(3))
    midnight_ms = 1_711_839_600_000  # that begins the last Sunday of March 2024
    spring = range(midnight_ms, midnight_ms + 24 * 3_600_000, 900_000)
    assert not any(_allowed(at, hour, zone="Europe/Berlin") for at in spring)
    for at in ("2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z"):
        assert _allowed(at, hour, zone="Europe/Berlin")


@given(st.integers(0, 2**41), st.sampled_from(ZONES), st.times(), st.times())
def test_hours_agree_with_the_calendar_of_the_zone(
    at: int, zone: str, start: time, end: time
) -> None:
    """As the standard library reads the same clock."""
    wall = datetime.fromtimestamp(at // 1000, ZoneInfo(zone)).time()
    complete = at // 1000 * 1000
    span = HoursRange(start, end)
    if start != end:
        assert _allowed(complete, span, zone=zone) == span.contains(wall)


def test_a_refusal_names_the_local_time() -> None:
    """In the user's time zone, which it names."""
    filters = Filters(hours=(DAY,), time_zone="Asia/Kolkata")
    at_ms = 1_700_000_100_000  # 22:15 UTC
    assert screen(decision_input(filters=filters, now_ms=at_ms)) == Skip(
        DecisionCode.OUTSIDE_HOURS, {"time": "03:45", "time_zone": "Asia/Kolkata"}
    )
