"""Every built-in strategy against its definition over a history without end.

The definitions are those of ``tests.parity``: whole-history indicators that share no code with the
strategies. Windows are finite, so what a rule must know of older candles it carries along.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import numpy as np
import pytest

from signalbot.domain.market import Candle
from signalbot.domain.timeframe import Timeframe
from signalbot.strategies import KINDS, build
from signalbot.strategies.base import CandleWindow, Strategy
from tests.parity.rules import Columns, Turn, turns
from tests.real import needs_real, real_candles
from tests.strategies.candles import candles_of, random_walk

CASES: Mapping[str, Sequence[dict[str, Any]]] = {
    "ema_cross": [{"fast": 9, "slow": 21}, {"fast": 2, "slow": 3}, {"fast": 50, "slow": 200}],
    "macd_cross": [
        {"fast": 12, "slow": 26, "signal": 9},
        {"fast": 3, "slow": 10, "signal": 16},
    ],
    "rsi_reversal": [
        {"period": 14, "oversold": 30, "overbought": 70},
        {"period": 2, "oversold": 10, "overbought": 90},
        {"period": 30, "oversold": 40, "overbought": 60},
    ],
    "donchian_breakout": [
        {"period": 20, "exit_period": 10},
        {"period": 55, "exit_period": 20},
        {"period": 10, "exit_period": 10},
    ],
    "supertrend": [
        {"period": 10, "multiplier": 3.0},
        {"period": 10, "multiplier": 2.0},
        {"period": 7, "multiplier": 1.5},
        {"period": 14, "multiplier": 5.0},
        {"period": 10, "multiplier": 1.0},
    ],
}
EVERY = [
    pytest.param(kind, params, id=f"{kind}-{'-'.join(map(str, params.values()))}")
    for kind, cases in CASES.items()
    for params in cases
]
LENGTHS = [Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1]


def test_every_built_in_strategy_is_held_against_its_definition() -> None:
    """None is left out."""
    assert set(CASES) == set(KINDS)


@needs_real
@pytest.mark.parametrize("timeframe", LENGTHS)
@pytest.mark.parametrize(("kind", "params"), EVERY)
def test_no_turn_of_real_candles_is_missed_or_invented(
    kind: str, params: dict[str, Any], timeframe: Timeframe
) -> None:
    """A month of BTC: the same actions at the same candles, from the first full window on."""
    candles = real_candles(timeframe)
    strategy = build(kind, timeframe=timeframe, params=params)
    told, first = _told(strategy, candles)
    assert told == _expected(kind, candles, params, first=first)
    assert told or len(candles) < 2 * first


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("kind", "params"), EVERY)
def test_no_turn_of_a_random_walk_is_missed_or_invented(
    kind: str, params: dict[str, Any], seed: int
) -> None:
    """The same on candles that nobody has chosen."""
    candles = random_walk(seed, 4_000)
    strategy = build(kind, timeframe=Timeframe.M5, params=params)
    told, first = _told(strategy, candles)
    assert told == _expected(kind, candles, params, first=first)
    assert told


@needs_real
@pytest.mark.parametrize(("kind", "params"), EVERY)
def test_after_a_restart_a_strategy_goes_on_as_if_there_had_been_none(
    kind: str, params: dict[str, Any]
) -> None:
    """Begun anew anywhere, with nothing but its windows, it says what it would have said."""
    candles = real_candles(Timeframe.M5)
    whole, first = _told(build(kind, timeframe=Timeframe.M5, params=params), candles)
    goes_on = 40
    for begin in sorted(Random(7).sample(range(first, len(candles) - goes_on), 25)):
        strategy = build(kind, timeframe=Timeframe.M5, params=params)
        length = strategy.warm_up[Timeframe.M5]
        part = candles[begin + 1 - length : begin + goes_on]
        told, _ = _told(strategy, part)
        shifted = [(at + begin + 1 - length, action) for at, action in told]
        assert shifted == [turn for turn in whole if begin <= turn[0] < begin + goes_on]


def test_an_exit_is_kept_for_a_breakout_of_long_ago() -> None:
    """A dip, a breakout 20 candles later, and 120 candles within every channel.

    What is seen of the shorter channel reaches further back than what is seen of the longer one:
    the dip must not be taken for the end of a breakout that is out of sight.
    """
    calm = [1000.0 + at % 2 for at in range(500)]
    rest = [1004.0 if at % 10 == 0 else 1010.0 for at in range(92)] + [1010.0] * 28
    closes = [*calm, 995.0, *calm[:20], 1010.6, *rest, 1007.0]
    params = {"period": 55, "exit_period": 20}
    strategy = build("donchian_breakout", timeframe=Timeframe.M5, params=params)
    told, _ = _told(strategy, candles_of(closes))
    assert told == [(500, "SHORT"), (521, "LONG"), (642, "EXIT_LONG")]


def _told(strategy: Strategy, candles: Sequence[Candle]) -> tuple[list[Turn], int]:
    """What it says as the candles close, and the index of the first with a full window."""
    timeframe = strategy.timeframe
    length = strategy.warm_up[timeframe]
    windows = {timeframe: CandleWindow(length)}
    told = []
    for at, candle in enumerate(candles):
        windows[timeframe].append(candle)
        idea = strategy.on_candle(windows) if at + 1 >= length else None
        if idea is not None:
            told.append((at, idea.action.value))
    return told, length - 1


def _expected(
    kind: str, candles: Sequence[Candle], params: dict[str, Any], *, first: int
) -> list[Turn]:
    high, low, close = (
        np.array([float(getattr(candle, name)) for candle in candles])
        for name in ("high", "low", "close")
    )
    found = turns(kind, Columns(high, low, close), params)
    return [turn for turn in found if turn[0] >= first]
