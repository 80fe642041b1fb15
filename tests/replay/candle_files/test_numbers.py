"""Numbers are read as their file writes them, and never by a guess that changes an amount."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.replay.candle_files.number_parsing import NumberStyle, number_styles, parse_number

PRICES = st.decimals(0, 10**9, places=2)


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("1,234.5", NumberStyle.POINT),
        ("1,234,567", NumberStyle.POINT),
        ("0.123", NumberStyle.POINT),
        ("42000.1", NumberStyle.POINT),
        ("1.234,5", NumberStyle.COMMA),
        ("1.234.567", NumberStyle.COMMA),
        ("0,123", NumberStyle.COMMA),
        ("42000,12", NumberStyle.COMMA),
        ("1234,567", NumberStyle.COMMA),
        ("42,123", NumberStyle.OPEN),
        ("42.123", NumberStyle.LIKELY_POINT),
        ("52.11K", NumberStyle.POINT),
    ],
)
def test_a_number_tells_how_it_is_written(text: str, style: NumberStyle) -> None:
    """Or that it may be read in two ways."""
    assert number_styles([text]) == {style: 0}


@pytest.mark.parametrize("text", ["1.2.3", "1,2,3", "42,", "a.b", ".,", "1.234.56,7"])
def test_what_is_no_number_tells_nothing(text: str) -> None:
    """A broken cell must not decide for the others."""
    assert NumberStyle.OPEN not in number_styles([text])
    assert parse_number(text, ".") is None or parse_number(text, ",") is None


@given(PRICES)
def test_every_number_is_read_as_it_was_written(price: Decimal) -> None:
    """With and without thousands, with either sign."""
    english = f"{price:,.2f}"
    assert parse_number(english, ".") == price
    assert parse_number(english.replace(",", ""), ".") == price
    european = english.translate(str.maketrans(",.", ".,"))
    assert parse_number(european, ",") == price
    assert parse_number(european.replace(".", " "), ",") == price
    assert parse_number(european.replace(".", "\u202f"), ",") == price


@given(PRICES.filter(lambda price: price != price.to_integral_value()))
def test_a_number_is_no_other_one_with_the_wrong_sign(price: Decimal) -> None:
    """Two decimals are no thousands: the number is refused, not multiplied."""
    assert parse_number(f"{price:.2f}", ",") is None
    assert parse_number(f"{price:.2f}".replace(".", ","), ".") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("52.11K", "52110"), ("1.2M", "1200000"), ("3B", "3000000000"), ("$42,000.50", "42000.5")],
)
def test_volumes_may_be_shortened(text: str, value: str) -> None:
    """As people like to read them."""
    assert parse_number(text, ".", is_scaled=True) == Decimal(value)


def test_prices_may_not_be_shortened() -> None:
    """52.1K is not a price to trade on."""
    assert parse_number("52.11K", ".") is None
