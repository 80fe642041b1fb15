"""What holds for any strategy: no look-ahead, patience, levels that make sense."""

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalbot.domain.timeframe import Timeframe
from signalbot.strategies import KINDS, build_strategy
from signalbot.strategies.base import SignalProposal
from tests.strategies.candles import (
    candles_of,
    feed,
    look_at,
    market,
    random_walk,
    spoken,
)

ALONE: dict[str, Any] = {}
WITH_TREND: dict[str, Any] = {"trend_timeframe": "2h", "trend_period": 5}

ANY_KIND = st.sampled_from(sorted(KINDS))
SEED = st.integers(0, 2**32)


@pytest.mark.parametrize("params", [ALONE, WITH_TREND], ids=["alone", "with trend"])
def test_the_future_changes_nothing(kind: str, params: dict[str, Any]) -> None:
    """Fed as candles close, or cut out of a history that goes on: the same, candle by candle."""
    strategy = build_strategy(kind, timeframe=Timeframe.M5, params=params)
    candles = random_walk(9, 1800)
    whole = market(strategy, candles)
    fed = feed(strategy, candles)
    cut = [look_at(strategy, whole, now_ms=candle.close_ms) for candle in candles]
    assert fed == cut
    assert {"LONG", "SHORT"} <= set(spoken(fed).values())


@pytest.mark.parametrize("params", [ALONE, WITH_TREND], ids=["alone", "with trend"])
def test_there_is_no_proposal_before_every_window_is_full(
    kind: str, params: dict[str, Any]
) -> None:
    """With one candle less in any window there is no proposal."""
    strategy = build_strategy(kind, timeframe=Timeframe.M5, params=params)
    candles = random_walk(3, 1500)
    whole = market(strategy, candles)
    ideas = spoken(feed(strategy, candles))
    patience_ms = max(timeframe.ms * count for timeframe, count in strategy.warm_up.items())
    assert len(ideas) > 5
    assert candles[min(ideas)].close_ms >= patience_ms
    for at in ideas:
        now_ms = candles[at].close_ms
        assert look_at(strategy, whole, now_ms=now_ms) is not None
        for timeframe in strategy.warm_up:
            assert look_at(strategy, whole, now_ms=now_ms, short=timeframe) is None


def test_a_longer_memory_would_enter_at_the_same_candles(kind: str) -> None:
    """The rule's own warm-up is long enough: windows four times as long give the same entries."""
    strategy = build_strategy(kind, timeframe=Timeframe.M5, params={"atr_period": 2})
    candles = random_walk(11, 5000)
    patience = 4 * strategy.warm_up[Timeframe.M5]
    entries = [
        [
            (at, idea.action, idea.strength)
            for at, idea in enumerate(feed(strategy, candles, length=length))
            if idea is not None and idea.action.is_entry and at >= patience
        ]
        for length in (1, 4)
    ]
    assert entries[0] == entries[1]
    assert len(entries[0]) > 50


def test_a_flat_market_has_no_proposal(kind: str) -> None:
    """No range, no stop distance, no idea."""
    strategy = build_strategy(kind, timeframe=Timeframe.M5, params={})
    for price in (0.0001, 1.1, 64_250.3):
        assert spoken(feed(strategy, candles_of([price] * 400))) == {}


@settings(max_examples=60, deadline=None)
@given(
    name=ANY_KIND,
    seed=SEED,
    volatility=st.floats(1e-5, 0.2),
    stop_atr=st.floats(0.1, 20),
    targets=st.lists(st.integers(10, 5000), max_size=4, unique=True).map(
        lambda hundredths: [each / 100 for each in sorted(hundredths)]
    ),
)
def test_levels_lie_on_the_right_side_of_the_close(
    name: str, seed: int, volatility: float, stop_atr: float, targets: list[float]
) -> None:
    """Stop behind, targets ahead and in order, all above zero, in any market."""
    params = {"stop_atr": stop_atr, "take_profit_r": targets}
    strategy = build_strategy(name, timeframe=Timeframe.M5, params=params)
    candles = random_walk(seed, 500, volatility=volatility)
    for candle, idea in zip(candles, feed(strategy, candles), strict=True):
        if idea is None:
            continue
        assert 0 <= idea.confidence <= 1
        assert idea.reason
        if idea.action.is_entry:
            check_levels(idea, close=float(candle.close), most_targets=len(targets))
        else:
            assert idea.stop_loss is None
            assert idea.take_profits == ()


def check_levels(idea: SignalProposal, *, close: float, most_targets: int) -> None:
    """Stop, close and targets must follow each other in the direction of the trade."""
    assert idea.stop_loss is not None
    assert len(idea.take_profits) <= most_targets
    levels = [idea.stop_loss, close, *idea.take_profits]
    assert all(math.isfinite(level) and level > 0 for level in levels)
    if idea.action.side.sign > 0:
        assert len(idea.take_profits) == most_targets
    assert all(idea.action.side.sign * (b - a) > 0 for a, b in pairwise(levels))


@settings(max_examples=30, deadline=None)
@given(name=ANY_KIND, seed=SEED)
def test_without_allow_short_there_is_no_short(name: str, seed: int) -> None:
    """The longs stay the same, and no candle proposes SHORT."""
    candles = random_walk(seed, 600)
    free, bound = (
        spoken(feed(build_strategy(name, timeframe=Timeframe.M5, params=params), candles))
        for params in ({}, {"allow_short": False})
    )
    assert "SHORT" not in bound.values()
    assert longs(bound) == longs(free)


def longs(actions: dict[int, str]) -> list[int]:
    """Where the actions are LONG."""
    return [at for at, action in actions.items() if action == "LONG"]
