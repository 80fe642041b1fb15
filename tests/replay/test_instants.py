"""Instants are understood as exchanges and people write them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.replay.instants import instant_reader

NEW_YEAR_MS = 1_640_995_200_000  # 2022-01-01 00:00 UTC


@pytest.mark.parametrize(
    "text",
    [
        "2022-01-01 00:00:00.000000",
        "2022-01-01 00:00",
        "2022-01-01",
        "20220101",
        "2022-01-01T00:00:00Z",
        "20220101T000000Z",
        "2022-01-01T01:00:00+01:00",
        "2021-12-31 19:00:00-05:00",
        " 2022-01-01 00:00:00 ",
        "1640995200",
        "1640995200.0",
        "1640995200000",
        "1640995200000000",
        "1640995200000000000",
        "1.6409952E9",
    ],
)
def test_one_instant_may_be_written_in_many_ways(text: str) -> None:
    """ISO 8601 with and without zone, and a number of any unit."""
    assert instant_reader("timestamp")(text) == NEW_YEAR_MS


@given(st.datetimes(datetime(1974, 1, 1), datetime(2199, 1, 1)), st.sampled_from((1, 3, 6, 9)))  # noqa: DTZ001 - the zone is added
def test_the_size_of_a_number_tells_its_unit(moment: datetime, digits: int) -> None:
    """Seconds, milliseconds, micro- and nanoseconds cannot be mistaken for each other."""
    digits = 0 if digits == 1 else digits
    at_s = int(moment.replace(tzinfo=UTC).timestamp())
    assert instant_reader("time")(str(at_s * 10**digits)) == at_s * 1000


def test_a_fraction_of_a_second_is_kept_to_the_millisecond() -> None:
    """Neither form of writing loses it, nor rounds up what is finer."""
    read = instant_reader("time")
    assert read("2022-01-01T00:00:00.123999") == NEW_YEAR_MS + 123
    assert read("1640995200.123999") == NEW_YEAR_MS + 123


def test_a_column_that_names_its_unit_is_believed() -> None:
    """``open_ms`` holds milliseconds however small they are."""
    assert instant_reader("open_ms")("60000") == 60_000


@pytest.mark.parametrize(
    "text",
    ["", "soon", "nan", "inf", "-1640995200", "1e99", "2022-13-01", "20220101000000", "2300-01-01"],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    """Garbage, infinities, and times no candle can have."""
    with pytest.raises(ValueError):  # noqa: PT011 - the reader's contract is the type alone
        instant_reader("time")(text)
