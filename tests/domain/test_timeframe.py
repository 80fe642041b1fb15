"""Candle boundaries: every instant lies in exactly one candle of every length."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.timeframe import DAY_MS, Ms, Timeframe, day_start, drift_ms

INSTANTS = st.integers(0, 2**42).map(Ms)
TIMEFRAMES = st.sampled_from(Timeframe)
MINUTES = {
    "1m": 1, "3m": 3, "5m": 5, "10m": 10, "15m": 15, "30m": 30,
    "1h": 60, "2h": 120, "4h": 240, "6h": 360, "12h": 720, "1d": 1440,
}  # fmt: skip


def test_there_are_twelve_lengths_written_as_exchanges_write_them() -> None:
    """From one minute to one day, each with the length of its name."""
    assert {each.value: each.ms // 60_000 for each in Timeframe} == MINUTES
    assert all(each.ms % 60_000 == 0 for each in Timeframe)


@pytest.mark.parametrize("timeframe", Timeframe)
def test_a_day_has_an_integer_number_of_candles(timeframe: Timeframe) -> None:
    """So midnight UTC is a boundary of every timeframe, and no candle spans two days."""
    assert DAY_MS % timeframe.ms == 0


@given(TIMEFRAMES, INSTANTS)
def test_every_instant_lies_in_the_candle_that_contains_it(timeframe: Timeframe, at: Ms) -> None:
    """The open is included and the close is not, and between them lies exactly one length."""
    opens, closes = timeframe.floor(at), timeframe.next_close(at)
    assert opens <= at < closes
    assert closes - opens == timeframe.ms
    assert timeframe.is_boundary(opens)
    assert timeframe.is_boundary(closes)


@given(TIMEFRAMES, INSTANTS)
def test_a_boundary_opens_its_own_candle(timeframe: Timeframe, at: Ms) -> None:
    """The close of one candle is the open of the next; the last millisecond still belongs."""
    close = timeframe.next_close(at)
    assert timeframe.floor(close) == close
    assert timeframe.next_close(close) == close + timeframe.ms
    assert timeframe.next_close(Ms(close - 1)) == close
    assert timeframe.is_boundary(at) == (timeframe.floor(at) == at)


@given(TIMEFRAMES, INSTANTS)
def test_boundaries_are_counted_from_midnight_utc(timeframe: Timeframe, at: Ms) -> None:
    """As a calendar counts: a 4h candle opens at 00, 04, 08, 12, 16 and 20 o'clock."""
    opens = datetime.fromtimestamp(timeframe.floor(at) / 1000, UTC)
    assert opens.second == opens.microsecond == 0
    assert (opens.hour * 60 + opens.minute) % MINUTES[timeframe.value] == 0


@given(INSTANTS)
def test_a_day_starts_at_midnight_utc(at: Ms) -> None:
    """Daily limits count from the calendar's midnight, wherever the computer stands."""
    midnight = datetime.fromtimestamp(at // 1000, UTC).replace(hour=0, minute=0, second=0)
    assert day_start(at) == midnight.timestamp() * 1000
    assert day_start(at) == Timeframe.D1.floor(at)


def test_drift_is_positive_when_late_and_negative_while_the_candle_is_open() -> None:
    """Drift is counted from the close."""
    assert drift_ms(Ms(60_000), Ms(60_250)) == 250
    assert drift_ms(Ms(60_000), Ms(59_999)) == -1
