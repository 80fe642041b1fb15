"""Times are understood as exchanges and people write them, and refused where they are ambiguous."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.replay.candle_files.options import NUMBER_UNITS
from signalbot.replay.candle_files.time_column_parsing import (
    AmbiguousTime,
    looks_like_time,
    read_times,
)

NEW_YEAR_MS = 1_640_995_200_000  # 2022-01-01 00:00 UTC
HOUR_MS = 3_600_000
BERLIN = ZoneInfo("Europe/Berlin")


def instant(text: str, column: str = "time", **options: str) -> int | None:
    """What a single time means."""
    return read_times([text], column=column, **options).at_ms[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "2022-01-01 00:00:00.000000",
        "2022-01-01 00:00",
        "2022-01-01",
        "2022-1-1 0:00",
        "2021-12-31 24:00",
        "20220101",
        "202201010000",
        "20220101000000",
        "20220101 000000",
        "20220101 0000",
        "20220101T000000Z",
        "2022-01-01T00:00:00Z",
        "2022-01-01T00:00:00.000000000Z",
        "2022-01-01T01:00:00+01:00",
        "2021-12-31 19:00:00-05:00",
        "2022-01-01 00:00:00 +0000",
        "2022-01-01 00:00:00 UTC",
        "2022-01-01 00:00:00+00:00 UTC",
        "2022-01-01 03:00 UTC+3",
        "2022-01-01 01:00+01:00[Europe/Berlin]",
        " 2022-01-01 00:00:00 ",
        "2022/01/01 00:00",
        "2022.01.01 00:00",
        "01.01.2022 00:00:00.000",
        "01.01.2022 01:00:00.000 GMT+0100",
        "01/01/2022 12:00:00 AM",
        "2022-01-01 12-AM",
        "2022-01-01 12 am",
        "Jan 01, 2022",
        "January 1, 2022 00:00",
        "01-Jan-2022",
        "1 Jan 2022 00:00:00 GMT",
        "Sat, 01 Jan 2022 00:00:00 GMT",
        "2022年1月1日",
        "44562",
        "44562.0",
        "1640995200",
        "1640995200.0",
        "1640995200000",
        "1640995200000000",
        "1640995200000000000",
        "1.6409952E9",
    ],
)
def test_one_instant_may_be_written_in_many_ways(text: str) -> None:
    """ISO 8601 with and without zone, forms that people use, and a number of any unit."""
    assert instant(text) == NEW_YEAR_MS


@given(st.datetimes(datetime(1974, 1, 1), datetime(2199, 1, 1)), st.sampled_from((0, 3, 6, 9)))  # noqa: DTZ001 - the zone is added
def test_the_size_of_a_number_tells_its_unit(moment: datetime, digits: int) -> None:
    """Seconds, milliseconds, micro- and nanoseconds cannot be mistaken for each other."""
    at_s = int(moment.replace(tzinfo=UTC).timestamp())
    assert instant(str(at_s * 10**digits)) == at_s * 1000


@given(
    st.datetimes(datetime(2009, 1, 1), datetime(2199, 1, 1)),  # noqa: DTZ001 - the zone is added
    st.sampled_from(
        (
            "%Y-%m-%d %H:%M:%S",
            "%Y/%m/%d %H:%M:%S",
            "%d.%m.%Y %H:%M:%S",
            "%Y-%m-%dT%H:%M:%SZ",
            "%Y-%m-%d %I:%M:%S %p",
            "%d %b %Y %H:%M:%S",
            "%B %d, %Y %H:%M:%S",
            "%Y%m%d %H%M%S",
        )
    ),
)
def test_a_time_in_a_form_that_is_clear_is_never_another_one(moment: datetime, form: str) -> None:
    """Whatever the day: what is day, month and year cannot change places."""
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    assert instant(moment.strftime(form)) == int(moment.timestamp() * 1000)


def test_a_fraction_of_a_second_is_kept_to_the_millisecond() -> None:
    """Neither form of writing loses it, nor rounds up what is finer."""
    assert instant("2022-01-01T00:00:00.123999") == NEW_YEAR_MS + 123
    assert instant("1640995200.123999") == NEW_YEAR_MS + 123


def test_days_of_a_spreadsheet_are_good_to_the_second() -> None:
    """It keeps them as binary fractions of a day."""
    hours = [instant(f"{44562 + hour / 24:.10f}") for hour in range(24)]
    assert hours == [NEW_YEAR_MS + hour * HOUR_MS for hour in range(24)]


def test_a_column_that_names_its_unit_is_believed() -> None:
    """``open_ms`` holds milliseconds however small they are."""
    assert instant("60000", "open_ms") == 60_000


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "nan", "inf", "-1640995200", "1e99", "2022-13-01", "2300-01-01", "7",
        "2022-02-30", "2022-01-01 25:00", "2022-01-01 12:60", "2022-01-01 13 pm", "24/01/02",
        "2022-01-01 nonsense", "42000.5 USD",
    ],
)  # fmt: skip
def test_what_is_no_instant_is_none(text: str) -> None:
    """Garbage, infinities, and times no candle can have."""
    assert instant(text) is None


@pytest.mark.parametrize("text", ["42000", "42000.5", "17", "0", "", "BTCUSDT", "1.5e3"])
def test_a_price_does_not_look_like_a_time(text: str) -> None:
    """Where there is no header, prices must not be taken for the days of a spreadsheet."""
    assert not looks_like_time(text)


def test_a_month_that_comes_first_is_told_by_a_day_that_no_month_is() -> None:
    """One row decides for all of them."""
    days = ["01/02/2024", "01/03/2024", "01/13/2024"]
    read = read_times(days).at_ms
    assert [at and datetime.fromtimestamp(at / 1000, UTC).day for at in read] == [2, 3, 13]
    turned = [f"{text[3:5]}/{text[:2]}/{text[6:]}" for text in days]
    assert read_times(turned).at_ms == read


def test_day_and_month_are_told_by_candles_that_follow_each_other() -> None:
    """Forty hours: one reading has no gap, the other one of a month."""
    hours = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=each) for each in range(40)]
    expected = [int(each.timestamp() * 1000) for each in hours]
    for form in ("%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%d-%m-%Y %H:%M"):
        assert read_times([each.strftime(form) for each in hours]).at_ms == expected


@pytest.mark.parametrize(
    "texts",
    [
        [f"02/03/2024 {hour:02}:00" for hour in range(20)],
        [f"{month:02}/{month % 12 + 1:02}/2024" for month in range(1, 12)],
    ],
)
def test_day_and_month_that_cannot_be_told_apart_are_refused(texts: list[str]) -> None:
    """With both formats, ready to be chosen from."""
    with pytest.raises(AmbiguousTime) as refused:
        read_times(texts)
    assert refused.value.text == texts[0]
    assert "--time-format '%d/%m/%Y" in str(refused.value)
    assert "'%m/%d/%Y" in str(refused.value)


def test_days_that_contradict_each_other_are_refused() -> None:
    """A file has one form."""
    with pytest.raises(AmbiguousTime, match="the day is second here and first in '13/01/2024'"):
        read_times(["13/01/2024", "01/14/2024"])


def test_the_format_decides_if_it_is_given() -> None:
    """Of texts, and of numbers by their unit."""
    third = int(datetime(2024, 3, 2, tzinfo=UTC).timestamp() * 1000)
    assert instant("02/03/2024", time_format="%d/%m/%Y") == third
    assert instant("2024-03-02 01:00 +0100", time_format="%Y-%m-%d %H:%M %z") == third
    assert instant("02.03.2024", time_format="%d/%m/%Y") is None
    assert [instant("60", time_format=unit) for unit in NUMBER_UNITS[:2]] == [60_000, 60]
    assert instant("44562", time_format="excel") == NEW_YEAR_MS


def test_times_without_a_zone_are_in_the_one_that_is_given() -> None:
    """Times that have one keep it."""
    read = read_times(["2022-01-01 01:00", "2022-01-01T00:00:00Z"], zone=BERLIN)
    assert read.at_ms == [NEW_YEAR_MS, NEW_YEAR_MS]
    assert not read.is_naive
    assert read_times(["2022-01-01 00:00"]).is_naive


@pytest.mark.parametrize(
    ("column", "hours"),
    [
        ("Gmt time", 0), ("Time (UTC)", 0), ("candle_begin_time_GMT8", 8), ("date (UTC+8)", 8),
        ("Time (EET)", 2), ("Date (Europe/Berlin)", 1), ("time (GMT-5)", -5),
    ],
)  # fmt: skip
def test_a_column_may_name_its_zone(column: str, hours: int) -> None:
    """As vendors do in its header."""
    read = read_times(["2022-01-01 12:00"], column=column)
    assert read.at_ms == [NEW_YEAR_MS + (12 - hours) * HOUR_MS]
    assert not read.is_naive


def test_a_local_time_is_refused_until_the_place_is_known() -> None:
    """The file says that it is local, and not where."""
    with pytest.raises(AmbiguousTime, match="--time-zone"):
        read_times(["01.01.2022 00:00:00.000"], column="Local time")
    read = read_times(["01.01.2022 01:00:00.000"], column="Local time", zone=BERLIN)
    assert read.at_ms == [NEW_YEAR_MS]


def test_an_abbreviation_of_a_zone_is_refused_until_one_is_chosen() -> None:
    """IST is in Ireland, Israel and India."""
    with pytest.raises(AmbiguousTime, match="IST is the name of several zones: set --time-zone"):
        read_times(["2022-01-01 05:30 IST"])
    assert read_times(["2022-01-01 05:30 IST"], zone=ZoneInfo("Asia/Kolkata")).at_ms == [
        NEW_YEAR_MS
    ]


@given(st.booleans())
def test_the_hour_that_comes_twice_in_autumn_is_two_hours(is_newest_first: bool) -> None:
    """Rows tell by their order which of the two they are."""
    first = datetime(2024, 10, 26, 22, tzinfo=UTC)
    hours = [first + timedelta(hours=each) for each in range(8)]
    if is_newest_first:
        hours.reverse()
    local = [each.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M") for each in hours]
    assert len(set(local)) == 7
    assert read_times(local, zone=BERLIN).at_ms == [int(e.timestamp() * 1000) for e in hours]


def test_the_hour_that_spring_leaves_out_is_no_time() -> None:
    """No clock in Berlin has ever shown it."""
    assert read_times(["2024-03-31 02:30"], zone=BERLIN).at_ms == [None]


@given(st.integers(0, 2**31), st.sampled_from([BERLIN, timezone(timedelta(hours=8))]))
def test_a_local_time_is_the_instant_that_its_clock_showed(at_s: int, zone: timezone) -> None:
    """Except in the hour that comes twice, where either is right."""
    local = datetime.fromtimestamp(at_s, zone).strftime("%Y-%m-%d %H:%M:%S")
    read = read_times([local], zone=zone).at_ms[0]
    assert read is not None
    assert datetime.fromtimestamp(read / 1000, zone).strftime("%Y-%m-%d %H:%M:%S") == local


def test_numbers_that_a_spreadsheet_has_shortened_are_noted() -> None:
    """Whether that has cost anything, the spacing of the candles tells."""
    assert read_times(["1.73569E+12"]).is_rounded
    assert not read_times(["1735690000000"]).is_rounded
