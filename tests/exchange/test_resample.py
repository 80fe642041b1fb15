"""Larger candles are exact sums of smaller ones, or they are not given at all."""

from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalbot.domain.market import Candle
from signalbot.domain.resample import Resampler
from signalbot.domain.timeframe import Ms, Timeframe

START_MS = 1_700_006_400_000  # midnight UTC
BASES = st.sampled_from((Timeframe.M1, Timeframe.M5))
TARGETS = st.sampled_from((Timeframe.M5, Timeframe.M10, Timeframe.M15, Timeframe.H1))
PRICES = st.integers(1, 1_000)


@st.composite
def made_candle(draw: st.DrawFn, base: Timeframe, index: int) -> Candle:
    low, opened, close, high = sorted(draw(st.tuples(PRICES, PRICES, PRICES, PRICES)))
    if draw(st.booleans()):
        opened, close = close, opened
    return Candle(
        symbol="ABC/USDT:USDT",
        timeframe=base,
        open_ms=Ms(START_MS + index * base.ms),
        open=Decimal(opened),
        high=Decimal(high),
        low=Decimal(low),
        close=Decimal(close),
        volume=Decimal(draw(PRICES)) / 10,
    )


@st.composite
def streams(draw: st.DrawFn) -> tuple[Timeframe, list[Candle]]:
    """Candles in order, some of them missing."""
    base = draw(BASES)
    indexes = draw(st.sets(st.integers(0, 60), min_size=1, max_size=50))
    dense = draw(st.integers(0, 40))
    chosen = sorted(indexes | set(range(dense, dense + 20)))
    return base, [draw(made_candle(base, index)) for index in chosen]


def naive(candles: list[Candle], target: Timeframe) -> tuple[list[tuple[object, ...]], int]:
    """Whole larger candles as plain tuples, and how many others were begun."""
    groups: dict[int, list[Candle]] = defaultdict(list)
    for candle in candles:
        groups[candle.open_ms // target.ms].append(candle)
    whole: list[tuple[object, ...]] = [
        (
            key * target.ms,
            parts[0].open,
            max(part.high for part in parts),
            min(part.low for part in parts),
            parts[-1].close,
            sum((part.volume for part in parts), Decimal(0)),
        )
        for key, parts in groups.items()
        if len(parts) == target.ms // parts[0].timeframe.ms
    ]
    return whole, len(groups) - len(whole)


@settings(deadline=None)
@given(streams(), TARGETS)
def test_exactly_the_whole_larger_candles_are_given(
    stream: tuple[Timeframe, list[Candle]], target: Timeframe
) -> None:
    """As a naive grouping has them; every other one that was begun is counted as dropped."""
    base, candles = stream
    resampler = Resampler(base, target)
    given_out = [made for candle in candles if (made := resampler.add(candle)) is not None]
    expected, dropped = naive(candles, target)
    assert [(c.open_ms, c.open, c.high, c.low, c.close, c.volume) for c in given_out] == expected
    assert all(c.timeframe is target for c in given_out)
    last_is_open = candles[-1].close_ms % target.ms != 0
    assert dropped - int(last_is_open) <= resampler.dropped <= dropped


@settings(deadline=None)
@given(streams(), TARGETS)
def test_repeated_and_late_candles_change_nothing(
    stream: tuple[Timeframe, list[Candle]], target: Timeframe
) -> None:
    """A reconnect that replays the last candles is harmless."""
    base, candles = stream
    plain, stuttering = Resampler(base, target), Resampler(base, target)
    expected = [plain.add(candle) for candle in candles]
    for index, candle in enumerate(candles):
        assert stuttering.add(candle) == expected[index]
        assert all(stuttering.add(old) is None for old in candles[max(0, index - 3) : index + 1])
    assert stuttering.dropped == plain.dropped


def test_the_larger_candle_comes_with_its_last_part() -> None:
    """Not with the first of the next."""
    resampler = Resampler(Timeframe.M1, Timeframe.M5)
    candles = [
        Candle(
            symbol="ABC/USDT:USDT",
            timeframe=Timeframe.M1,
            open_ms=Ms(START_MS + minute * 60_000),
            open=Decimal(10),
            high=Decimal(11 + minute),
            low=Decimal(9),
            close=Decimal(10),
            volume=Decimal(1),
        )
        for minute in range(5)
    ]
    made = [resampler.add(candle) for candle in candles]
    assert made[:4] == [None] * 4
    assert made[4] is not None
    assert (made[4].high, made[4].volume, made[4].close_ms) == (
        Decimal(15),
        Decimal(5),
        candles[4].close_ms,
    )


def test_lengths_that_do_not_divide_are_refused() -> None:
    """A 5m candle cannot be made of 3m candles, nor a smaller one of a larger."""
    for base, target in ((Timeframe.M3, Timeframe.M5), (Timeframe.H1, Timeframe.M5)):
        with pytest.raises(ValueError, match="cannot be made of"):
            Resampler(base, target)


def test_a_candle_of_another_length_is_refused() -> None:
    """Mixing lengths would invent prices."""
    candle = Candle(
        symbol="ABC/USDT:USDT",
        timeframe=Timeframe.M5,
        open_ms=Ms(START_MS),
        open=Decimal(1),
        high=Decimal(1),
        low=Decimal(1),
        close=Decimal(1),
        volume=Decimal(0),
    )
    with pytest.raises(ValueError, match="expected a 1m candle, got 5m"):
        Resampler(Timeframe.M1, Timeframe.H1).add(candle)
