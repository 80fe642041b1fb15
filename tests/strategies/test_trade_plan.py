"""What all kinds share: the higher trend, stops that can be placed, words for numbers."""

import re

import pytest

from signalbot.domain.signals import Action, Strength
from signalbot.domain.timeframe import Timeframe
from signalbot.strategies import build_strategy
from signalbot.strategies.base import CandleWindow, SignalProposal
from signalbot.strategies.trade_plan import score_strength
from tests.strategies.candles import candles_of, feed, joined, mirrored, random_walk, run

TREND = {"trend_timeframe": "30m", "trend_period": 2}
FALL = [1200.0 - at for at in range(200)]
LEAP = FALL[-1] + 100
RISE_WITH_A_DIP = [1000 + 0.5 * at for at in range(203)] + [1098.0, 1103.0]


def test_a_long_against_the_higher_trend_only_ends_shorts() -> None:
    """The last closed half hour was still falling."""
    ideas = run("ema_cross", [*FALL, LEAP], **TREND)
    assert {at: idea.action for at, idea in ideas.items()} == {200: Action.EXIT_SHORT}


def test_a_short_against_the_higher_trend_only_ends_longs() -> None:
    """The last closed half hour was still rising."""
    ideas = run("ema_cross", mirrored([*FALL, LEAP]), **TREND)
    assert {at: idea.action for at, idea in ideas.items()} == {200: Action.EXIT_LONG}


def test_the_trend_counts_the_candle_that_closes_at_the_same_instant() -> None:
    """The leap is the last of its half hour, and makes it a rising one."""
    closes = [1203.0, 1202.0, 1201.0, *FALL, LEAP]
    assert len(closes) % 6 == 0
    ideas = run("ema_cross", closes, **TREND)
    assert {at: idea.action for at, idea in ideas.items()} == {203: Action.LONG}


def test_an_entry_with_the_trend_is_made() -> None:
    """A dip and a new high within a rise."""
    ideas = run("donchian_breakout", RISE_WITH_A_DIP, **TREND)
    assert ideas[204].action is Action.LONG


def test_a_trend_that_is_late_allows_no_entry() -> None:
    """The half hour that has just closed is missing: an older one does not stand in for it."""
    strategy = build_strategy("donchian_breakout", timeframe=Timeframe.M5, params=TREND)
    candles = candles_of([999.5, *RISE_WITH_A_DIP])  # 206 candles: the last half hour ends at 204
    windows = {timeframe: CandleWindow(count) for timeframe, count in strategy.warm_up.items()}
    for candle in candles:
        windows[Timeframe.M5].append(candle)
    *earlier, newest = joined(candles, Timeframe.M30)
    for candle in earlier:
        windows[Timeframe.M30].append(candle)
    late = strategy.on_candle(windows)
    assert late is None or not late.action.is_entry
    windows[Timeframe.M30].append(newest)
    in_time = strategy.on_candle(windows)
    assert in_time is not None
    assert in_time.action is Action.LONG


def test_a_stop_below_zero_is_no_stop() -> None:
    """Twenty ATRs are more than the price: nothing is entered, and shorts are left."""
    cheap = [250.0 - at for at in range(200)]
    ideas = run("ema_cross", [*cheap, cheap[-1] + 100], stop_atr=20)
    assert {at: idea.action for at, idea in ideas.items()} == {200: Action.EXIT_SHORT}


def test_a_target_below_zero_is_left_out() -> None:
    """A short can win no more than the whole price."""
    ideas = run("ema_cross", mirrored([*FALL, LEAP]), take_profit_r=[1, 2, 50], stop_atr=3)
    (idea,) = ideas.values()
    assert idea.action is Action.SHORT
    assert len(idea.take_profits) == 2


def test_an_empty_list_means_no_targets() -> None:
    """The user's own targets then stand alone."""
    (idea,) = run("ema_cross", [*FALL, LEAP], take_profit_r=[]).values()
    assert idea.take_profits == ()
    assert idea.stop_loss is not None


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (0.0, Strength.WEAK),
        (0.99, Strength.WEAK),
        (1.0, Strength.MODERATE),
        (2.5, Strength.STRONG),
        (3.0, Strength.VERY_STRONG),
        (1e9, Strength.VERY_STRONG),
    ],
)
def test_a_step_belongs_to_the_stronger_word(value: float, word: Strength) -> None:
    """Below the first step is WEAK, from the last on VERY_STRONG."""
    assert score_strength(value, (1.0, 2.0, 3.0)) is word


@pytest.mark.parametrize(
    ("kind_", "number", "steps"),
    [
        ("ema_cross", r"is ([\d.]+) ATR", (0.75, 1.25, 2.0)),
        ("rsi_reversal", r"being ([\d.]+) beyond", (2.0, 5.0, 10.0)),
        ("donchian_breakout", r"is ([\d.]+) ATR", (0.15, 0.4, 0.8)),
        ("supertrend", r"is ([\d.]+) ATR", (0.15, 0.4, 0.8)),
        ("macd_cross", r"moved ([\d.]+) ATR", (0.05, 0.1, 0.15)),
    ],
)
def test_the_word_fits_the_number_in_the_reason(
    kind_: str, number: str, steps: tuple[float, float, float]
) -> None:
    """Every strength occurs, from the steps that the class documents."""
    strategy = build_strategy(kind_, timeframe=Timeframe.M5, params={})
    told = feed(strategy, random_walk(2, 4000))
    entries = [idea for idea in told if idea is not None and idea.action.is_entry]
    for idea in entries:
        value, rounding = stated(number, idea)
        weakest, strongest = (
            score_strength(value - rounding, steps),
            score_strength(value + rounding, steps),
        )
        assert weakest.rank <= idea.strength.rank <= strongest.rank
    assert {idea.strength for idea in entries} == set(Strength)


def stated(number: str, idea: SignalProposal) -> tuple[float, float]:
    """The number behind the strength, as the reason shows it, and its rounding."""
    found = re.search(number, idea.reason)
    assert found is not None
    decimals = len(found[1].partition(".")[2])
    return float(found[1]), 0.51 * 10**-decimals
