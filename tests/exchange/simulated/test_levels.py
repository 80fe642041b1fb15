"""Levels find exactly what a range reaches, however many were added and removed."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from signalbot.exchange.simulated.price_levels import PriceLevel, PriceLevels

PRICES = st.integers(1, 60).map(Decimal)
ADDITIONS = st.tuples(PRICES, st.booleans())


@settings(deadline=None)
@given(
    st.lists(ADDITIONS, max_size=60),
    st.sets(st.integers(0, 59)),
    st.lists(st.tuples(PRICES, PRICES), min_size=1, max_size=8),
)
def test_reached_levels_are_those_a_scan_would_find(
    additions: list[tuple[Decimal, bool]],
    removed: set[int],
    ranges: list[tuple[Decimal, Decimal]],
) -> None:
    """Again and again: what was reached stays until it is removed."""
    levels: PriceLevels[int] = PriceLevels()
    made = [PriceLevel(price, falling, index) for index, (price, falling) in enumerate(additions)]
    for level in made:
        levels.add(level)
    for index in removed & set(range(len(made))):
        levels.remove(made[index])
        levels.remove(made[index])
    left = [level for level in made if level.is_active]
    assert len(levels) == len(left)
    for one, other in ranges:
        low, high = min(one, other), max(one, other)
        expected = {
            level.owner
            for level in left
            if (level.price >= low if level.falling else level.price <= high)
        }
        assert not expected or levels.is_reached(low, high)
        assert {level.owner for level in levels.reached(low, high)} == expected
        assert len(levels) == len(left)


def test_each_side_comes_nearest_first() -> None:
    """Falling levels from the highest down, rising ones from the lowest up."""
    levels: PriceLevels[str] = PriceLevels()
    for price, falling in ((90, True), (95, True), (110, False), (105, False), (80, True)):
        levels.add(PriceLevel(Decimal(price), falling, f"{price}"))
    found = [level.owner for level in levels.reached(Decimal(85), Decimal(120))]
    assert found == ["95", "90", "105", "110"]


def test_removed_levels_do_not_pile_up() -> None:
    """A stop that trails for months leaves nothing behind."""
    levels: PriceLevels[None] = PriceLevels()
    levels.add(PriceLevel(Decimal(1), True, None))
    for price in range(2, 5_000):
        level = PriceLevel(Decimal(price), price % 2 == 0, None)
        levels.add(level)
        levels.remove(level)
    assert len(levels) == 1
    assert len(levels._falling) + len(levels._rising) < 200
