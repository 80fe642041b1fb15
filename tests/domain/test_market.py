"""Instruments and candles: what can be traded, and which rows can be true."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.errors import InvalidCandle
from signalbot.domain.market import Candle, Instrument
from signalbot.domain.timeframe import Ms, Timeframe
from tests.domain.samples import BTC, CANDLE, INSTRUMENT, decimals

PRICES = decimals(most=10**13, places=8)
STEPS = st.one_of(decimals(most=50, places=0), decimals(most=999, places=8))
VOLUMES = decimals(least=0, most=10**12, places=8)
POISON = (Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-Infinity"))


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    """Rules of any sane market, minimums on the lot or not."""
    return replace(
        INSTRUMENT,
        tick=draw(STEPS),
        lot=draw(STEPS),
        min_quantity=draw(decimals(least=0, most=10**9, places=8)),
        min_notional=draw(decimals(least=0, most=10**4, places=2)),
    )


@st.composite
def rows(draw: st.DrawFn) -> Candle:
    """Any candle that could have happened."""
    low, first, second, high = sorted(draw(st.tuples(PRICES, PRICES, PRICES, PRICES)))
    opened, close = draw(st.permutations((first, second)))
    timeframe = draw(st.sampled_from(Timeframe))
    return Candle(
        symbol=BTC,
        timeframe=timeframe,
        open_ms=Ms(draw(st.integers(0, 10**6)) * timeframe.ms),
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=draw(VOLUMES),
    )


@pytest.mark.parametrize("field", ["tick", "lot", "contract_size"])
@pytest.mark.parametrize("value", ["0", "-0.1"])
def test_an_instrument_needs_steps_above_zero(field: str, value: str) -> None:
    """A step of nothing would make every rounding meaningless."""
    changes: dict[str, Decimal] = {field: Decimal(value)}
    with pytest.raises(ValueError, match=BTC):
        replace(INSTRUMENT, **changes)  # type: ignore[arg-type]


@given(instruments(), PRICES)
def test_the_smallest_quantity_is_really_tradable(instrument: Instrument, price: Decimal) -> None:
    """On the lot and above both minimums, and one lot less would be refused."""
    least = instrument.smallest_quantity(price)

    def is_tradable(quantity: Decimal) -> bool:
        return (
            quantity > 0
            and (Fraction(quantity) / Fraction(instrument.lot)).denominator == 1
            and quantity >= instrument.min_quantity
            and Fraction(quantity) * Fraction(price) >= Fraction(instrument.min_notional)
        )

    assert is_tradable(least)
    assert not is_tradable(least - instrument.lot)


@given(instruments(), PRICES)
def test_prices_round_to_the_tick_and_quantities_down_to_the_lot(
    instrument: Instrument, value: Decimal
) -> None:
    """Each rounding keeps its direction and its own grid."""
    down, up = instrument.floor_price(value), instrument.ceil_price(value)
    assert down <= value <= up
    assert up - down in (0, instrument.tick)
    assert instrument.round_price(value) in (down, up)
    quantity = instrument.floor_quantity(value)
    assert (Fraction(quantity) / Fraction(instrument.lot)).denominator == 1
    assert quantity <= value < quantity + instrument.lot


@given(rows())
def test_every_possible_row_is_a_candle(candle: Candle) -> None:
    """It closes, exclusively, when the next one opens."""
    assert candle.close_ms == candle.open_ms + candle.timeframe.ms
    assert candle.timeframe.next_close(candle.open_ms) == candle.close_ms


def test_a_candle_in_which_nothing_happened_is_possible() -> None:
    """One price, no volume."""
    one = Decimal(5)
    still = replace(CANDLE, open=one, high=one, low=one, close=one, volume=Decimal(0))
    assert still.volume == 0


@pytest.mark.parametrize("field", ["open", "high", "low", "close", "volume"])
@pytest.mark.parametrize("value", POISON, ids=str)
def test_a_number_that_is_none_is_refused(field: str, value: Decimal) -> None:
    """NaN and infinity, quiet or signalling, in any column."""
    changes: dict[str, Decimal] = {field: value}
    with pytest.raises(InvalidCandle, match="finite"):
        replace(CANDLE, **changes)  # type: ignore[arg-type]


@given(rows(), st.sampled_from(("open", "high", "low", "close")), st.integers(-3, 0))
def test_a_price_that_is_not_positive_is_refused(candle: Candle, field: str, value: int) -> None:
    """Zero is no price."""
    changes: dict[str, Decimal] = {field: Decimal(value)}
    with pytest.raises(InvalidCandle):
        replace(candle, **changes)  # type: ignore[arg-type]


@given(rows(), st.sampled_from(("open", "close")), decimals(most=10**6, places=8))
def test_high_and_low_enclose_open_and_close(candle: Candle, field: str, beyond: Decimal) -> None:
    """Above the high or below the low, however little, cannot be."""
    above: dict[str, Decimal] = {field: candle.high + beyond}
    below: dict[str, Decimal] = {field: candle.low - beyond}
    with pytest.raises(InvalidCandle):
        replace(candle, **above)  # type: ignore[arg-type]
    with pytest.raises(InvalidCandle):
        replace(candle, **below)  # type: ignore[arg-type]


def test_a_high_below_the_low_is_refused() -> None:
    """Swapped columns are the commonest mistake of a parser."""
    with pytest.raises(InvalidCandle, match="enclose"):
        replace(CANDLE, high=CANDLE.low, low=CANDLE.high)


@given(rows(), decimals(most=10**6, places=8))
def test_a_negative_volume_is_refused(candle: Candle, volume: Decimal) -> None:
    """Volume counts what was traded."""
    with pytest.raises(InvalidCandle, match="volume"):
        replace(candle, volume=-volume)


@given(rows(), st.data())
def test_an_open_time_off_the_grid_is_refused(candle: Candle, data: st.DataObject) -> None:
    """A candle that opens between two boundaries is of another length, or of another clock."""
    off_by = data.draw(st.integers(1, candle.timeframe.ms - 1))
    with pytest.raises(InvalidCandle, match="boundary"):
        replace(candle, open_ms=Ms(candle.open_ms + off_by))
