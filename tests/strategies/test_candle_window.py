"""A window holds the newest candles, whatever came before."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.strategies.base import CandleWindow
from tests.strategies.candles import candles_of, random_walk

CANDLES = random_walk(1, 60)


@given(capacity=st.integers(1, 12), count=st.integers(0, 60))
def test_a_window_is_the_tail_of_a_list(capacity: int, count: int) -> None:
    """Every column equals the last ``capacity`` values of a plain list, at every length."""
    window = CandleWindow(capacity)
    for candle in CANDLES[:count]:
        window.append(candle)
    tail = CANDLES[:count][-capacity:]
    assert window.open.tolist() == [float(candle.open) for candle in tail]
    assert window.high.tolist() == [float(candle.high) for candle in tail]
    assert window.low.tolist() == [float(candle.low) for candle in tail]
    assert window.close.tolist() == [float(candle.close) for candle in tail]
    assert window.volume.tolist() == [float(candle.volume) for candle in tail]


@given(capacity=st.integers(1, 12), count=st.integers(0, 60))
def test_a_window_knows_its_length_and_its_newest_close(capacity: int, count: int) -> None:
    """It is full from its capacity on, and closes with its newest candle."""
    window = CandleWindow(capacity)
    for candle in CANDLES[:count]:
        window.append(candle)
    assert len(window) == min(count, capacity)
    assert window.is_full == (count >= capacity)
    assert window.close_ms == (CANDLES[count - 1].close_ms if count else None)


def test_a_window_is_read_only() -> None:
    """A strategy that tries gets an error, and the next one sees the true prices."""
    window = CandleWindow(2)
    window.append(candles_of([100])[0])
    with pytest.raises(ValueError, match="read-only"):
        window.close[0] = 1.0
    with pytest.raises(ValueError, match="WRITEABLE"):
        window.close.flags.writeable = True
    assert window.close.tolist() == [100.0]


def test_columns_are_what_indicators_read_without_copying() -> None:
    """Contiguous 64-bit floats, at any point of the window's way."""
    window = CandleWindow(3)
    for candle in CANDLES:
        window.append(candle)
        assert window.close.flags.c_contiguous
        assert window.close.dtype == np.float64


def test_a_window_for_no_candle_is_refused() -> None:
    """There is nothing it could ever show."""
    with pytest.raises(ValueError, match="0 candles"):
        CandleWindow(0)
