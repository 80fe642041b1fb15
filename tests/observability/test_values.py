"""What renderers share: memory with a bound, and numbers that stay short."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from signalbot.observability.logging.values import MemoCache, decimal_text, value_text
from tests.observability.hostile_values import Broken, HostileValue


def test_a_text_is_worked_out_once() -> None:
    """A thousand users with one symbol cost one look at it."""
    seen: list[str] = []

    def fit(text: str) -> str:
        seen.append(text)
        return text.upper()

    remembered = MemoCache(fit)
    assert [remembered["btc"] for _ in range(3)] == ["BTC"] * 3
    assert seen == ["btc"]


def test_memory_is_bounded_in_number_and_length() -> None:
    """Prices never repeat and error texts are long: neither may pile up."""
    remembered = MemoCache(str.upper)
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
    assert Decimal(decimal_text(value)) == value
    assert "E" not in decimal_text(Decimal("1E-8"))
    assert len(decimal_text(Decimal("1E+999999"))) < 100


def test_objects_without_a_text_are_named() -> None:
    """With a failing ``repr`` the type name is logged."""
    assert value_text(HostileValue()) == "<HostileValue that cannot be shown>"
    assert value_text(Broken("x")) == "Broken: Broken('x')"
    assert value_text(TimeoutError()) == "TimeoutError"
    assert value_text(ValueError("why")) == "ValueError: why"
