"""Numbers and instants read well, and what has no meaning is a dash."""

from decimal import Decimal

import pytest

from signalbot.domain.timeframe import Ms
from signalbot.replay.report import formatting


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1234567.891", "1,234,567.89"),
        ("-0.5", "-0.50"),
        ("0", "0.00"),
        ("0.000123456", "0.00012"),
        ("-0.000000001", "-0.000000001"),
    ],
)
def test_money_has_two_decimals_or_two_digits(value: str, shown: str) -> None:
    """What is small in one currency is much in another."""
    assert formatting.format_money(Decimal(value)) == shown


def test_a_gain_bears_its_sign() -> None:
    """As a loss does; zero has none."""
    assert [formatting.format_profit(Decimal(value)) for value in (5, -5, 0)] == [
        "+5.00",
        "-5.00",
        "0.00",
    ]
    assert [formatting.format_change(value) for value in (5, -5.126, 0, -0.001)] == [
        "+5.00", "-5.13", "0.00", "0.00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("46319.0", "46319"),
        ("42987.7012345678", "42987.701"),
        ("0.00001234", "0.00001234"),
        ("100000", "100000"),
        ("0", "0"),
    ],
)
def test_prices_have_no_needless_digits(value: str, shown: str) -> None:
    """Eight at most, no zeros at the end, never an exponent."""
    assert formatting.format_price(Decimal(value)) == shown


@pytest.mark.parametrize(
    ("length_ms", "shown"),
    [
        (0, "0s"),
        (12_000, "12s"),
        (270_000, "4m 30s"),
        (3_900_000, "1h 05m"),
        (86_400_000 * 2 + 3_600_000 * 3 + 59_000, "2d 3h"),
    ],
)
def test_durations_show_their_two_largest_units(length_ms: int, shown: str) -> None:
    """Finer would not be read."""
    assert formatting.format_duration(length_ms) == shown


def test_instants_are_utc_to_the_minute() -> None:
    """Whatever the zone of the machine."""
    assert formatting.format_minute(Ms(1_640_995_199_999)) == "2021-12-31 23:59"


def test_what_has_no_meaning_is_a_dash() -> None:
    """Everywhere the same one."""
    shown = (
        formatting.format_money(None),
        formatting.format_profit(None),
        formatting.format_change(None),
        formatting.format_ratio(None),
        formatting.format_share(None),
        formatting.format_price(None),
        formatting.format_duration(None),
        formatting.format_minute(None),
    )
    assert set(shown) == {"-"}


def test_ratios_and_shares_are_short() -> None:
    """Two decimals and one; nothing is ever minus zero."""
    assert (formatting.format_ratio(1.23456), formatting.format_ratio(-0.001)) == ("1.23", "0.00")
    assert formatting.format_share(0.4049) == "40.5"
