"""What renderers share: memory with a bound, and numbers that stay short."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from signalbot.ops.texts import Remembered, number_text, text_of
from tests.ops.odd import Broken, Hostile


def test_a_text_is_worked_out_once() -> None:
    """A thousand users with one symbol cost one look at it."""
    seen: list[str] = []

    def fit(text: str) -> str:
        seen.append(text)
        return text.upper()

    remembered = Remembered(fit)
    assert [remembered["btc"] for _ in range(3)] == ["BTC"] * 3
    assert seen == ["btc"]


def test_memory_is_bounded_in_number_and_length() -> None:
    """Prices never repeat and error texts are long: neither may pile up."""
    remembered = Remembered(str.upper)
    sizes = set()
    for number in range(30_000):
        assert remembered[f"x{number}"] == f"X{number}"
        sizes.add(len(remembered))
    assert max(sizes) < 10_000
    long = "y" * 1000
    assert remembered[long] == long.upper()
    assert long not in remembered


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_keeps_its_value_in_a_bounded_text(value: Decimal) -> None:
    """Plain digits where money is, and no million zeros where it is not."""
    assert Decimal(number_text(value)) == value
    assert "E" not in number_text(Decimal("1E-8"))
    assert len(number_text(Decimal("1E+999999"))) < 100


def test_objects_that_cannot_be_shown_are_named() -> None:
    """Even a failing ``repr`` tells what was logged."""
    assert text_of(Hostile()) == "<Hostile that cannot be shown>"
    assert text_of(Broken("x")) == "Broken: Broken('x')"
    assert text_of(TimeoutError()) == "TimeoutError"
    assert text_of(ValueError("why")) == "ValueError: why"
