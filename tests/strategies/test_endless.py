"""Every built-in strategy against its definition over a history without end.

The definitions are those of ``tests.parity``: whole-history indicators that share no code with the
strategies. Windows are finite, so what a rule must know of older candles it carries along.
"""

from random import Random
from typing import Any

import pytest

from signalbot.domain.timeframe import Timeframe
from signalbot.strategies import KINDS, build_strategy
from tests.parity.turns import CASES, expected, told
from tests.real_candles import needs_real, real_candles
from tests.strategies.candles import candles_of, random_walk

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
    strategy = build_strategy(kind, timeframe=timeframe, params=params)
    said, first = told(strategy, candles)
    assert said == expected(kind, candles, params, first=first)
    assert said or len(candles) < 2 * first


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("kind", "params"), EVERY)
def test_no_turn_of_a_random_walk_is_missed_or_invented(
    kind: str, params: dict[str, Any], seed: int
) -> None:
    """The same on random candles."""
    candles = random_walk(seed, 4_000)
    strategy = build_strategy(kind, timeframe=Timeframe.M5, params=params)
    said, first = told(strategy, candles)
    assert said == expected(kind, candles, params, first=first)
    assert said


@needs_real
@pytest.mark.parametrize(("kind", "params"), EVERY)
def test_after_a_restart_a_strategy_goes_on_as_if_there_had_been_none(
    kind: str, params: dict[str, Any]
) -> None:
    """Restarted at any candle, with only its windows, it proposes the same."""
    candles = real_candles(Timeframe.M5)
    whole, first = told(build_strategy(kind, timeframe=Timeframe.M5, params=params), candles)
    goes_on = 40
    for begin in sorted(Random(7).sample(range(first, len(candles) - goes_on), 25)):
        strategy = build_strategy(kind, timeframe=Timeframe.M5, params=params)
        length = strategy.warm_up[Timeframe.M5]
        part = candles[begin + 1 - length : begin + goes_on]
        said, _ = told(strategy, part)
        shifted = [(at + begin + 1 - length, action) for at, action in said]
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
    strategy = build_strategy("donchian_breakout", timeframe=Timeframe.M5, params=params)
    said, _ = told(strategy, candles_of(closes))
    assert said == [(500, "SHORT"), (521, "LONG"), (642, "EXIT_LONG")]
