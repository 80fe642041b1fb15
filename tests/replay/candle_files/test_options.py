"""What a user decides about a file is understood, or named as it was given."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from signalbot.domain.errors import ConfigError
from signalbot.replay.candle_files.options import (
    ColumnRole,
    parse_columns,
    parse_zone,
    read_options,
)


def test_columns_may_be_named_in_their_order() -> None:
    """A hyphen passes one over."""
    choice = parse_columns("-,time,open,high,low,close,-,volume")
    assert choice.is_complete
    assert choice.by_role[ColumnRole.TIME] == 1
    assert choice.by_role[ColumnRole.VOLUME] == 7


def test_single_columns_may_be_named() -> None:
    """By the header, or by their place from 1 on; a hyphen leaves one out of consideration."""
    choice = parse_columns("close=Last Price, time=1, symbol=-")
    assert not choice.is_complete
    assert choice.by_role == {ColumnRole.CLOSE: "Last Price", ColumnRole.TIME: 0}
    assert choice.ignored == {ColumnRole.SYMBOL}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time,open,high,low,close,vol", "'vol' is not one of time, date"),
        ("time,open,high,low", "the list lacks close"),
        ("open,high,low,close,volume", "the list lacks time"),
        ("time,time,open,high,low,close", "'time' is listed twice"),
        ("close=a,close=b", "each ROLE=COLUMN once"),
        ("close=", "each ROLE=COLUMN once"),
        ("price=Last", "'price' is not one of"),
    ],
)
def test_columns_that_mean_nothing_are_refused(text: str, says: str) -> None:
    """With what is wrong."""
    with pytest.raises(ConfigError, match=f"--columns.*{says}"):
        parse_columns(text)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("UTC", 0), ("+08:00", 8), ("UTC+3", 3), ("gmt-5", -5), ("Asia/Shanghai", 8),
        ("+0530", 5.5), ("Z", 0),
    ],
)  # fmt: skip
def test_a_zone_is_a_name_or_an_offset(text: str, hours: float) -> None:
    """Either is clear."""
    zone = parse_zone(text)
    assert datetime(2024, 1, 1, tzinfo=zone).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"time_zone": "Berlin"}, "--time-zone Berlin: neither an IANA time zone"),
        ({"time_zone": "+25:00"}, "--time-zone"),
        ({"time_format": "minutes"}, "--time-format minutes: neither one of s, ms"),
        ({"decimal": ";"}, "--decimal ;: must be"),
    ],
)
def test_an_option_that_means_nothing_is_refused(options: dict[str, Any], says: str) -> None:
    """Before the file is opened."""
    with pytest.raises(ConfigError, match=says):
        read_options(**options)
