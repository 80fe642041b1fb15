"""How far a range of prices moves a trailing stop."""

from dataclasses import replace
from decimal import Decimal

import pytest

from signalbot.domain.market import PriceRange
from signalbot.domain.positions import Position
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Ms
from signalbot.pipeline.positions.trailing_stop import trail_position
from tests.domain.samples import NOW, held


def _held(side: Side) -> Position:
    stop = Decimal(90) if side is Side.LONG else Decimal(110)
    return replace(held(entry="100"), side=side, stop_loss=stop, opened_at_ms=Ms(NOW))


def _reached(at_ms: int) -> PriceRange:
    low, high, last = Decimal(80), Decimal(120), Decimal(100)
    return PriceRange(symbol="BTC/USDT:USDT", high=high, low=low, last=last, at_ms=Ms(at_ms))


@pytest.mark.parametrize(("side", "stop"), [(Side.LONG, 108), (Side.SHORT, 88)])
def test_a_stop_trails_the_best_price_of_a_range(side: Side, stop: int) -> None:
    """Ten percent behind it."""
    after = trail_position(_held(side), _reached(NOW + 1), percent=Decimal(10))
    assert after.stop_loss == stop


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("at_ms", [NOW - 1, NOW])
def test_a_range_that_was_over_when_the_position_opened_moves_nothing(
    side: Side, at_ms: int
) -> None:
    """Its best price may have come before the entry: only its last one counts."""
    position = _held(side)
    assert trail_position(position, _reached(at_ms), percent=Decimal(10)) is position
