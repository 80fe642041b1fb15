"""Parameters are what a user wrote, or an error that describes valid values."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.timeframe import Timeframe
from signalbot.strategies import BadParameter, build_strategy
from signalbot.strategies.ema_cross import EmaCrossParams
from signalbot.strategies.params import parse_params


def refusal(kind: str, params: dict[str, Any]) -> BadParameter:
    """Why ``kind`` cannot be built with ``params`` on 5-minute candles."""
    with pytest.raises(BadParameter) as caught:
        build_strategy(kind, timeframe=Timeframe.M5, params=params)
    return caught.value


def test_what_is_written_is_what_counts() -> None:
    """The example of the configuration, and everything else a table can hold."""
    params = parse_params(
        EmaCrossParams,
        {
            "fast": 5,
            "slow": 13,
            "stop_atr": 3,
            "take_profit_r": [1, 2.5],
            "atr_period": 10,
            "allow_short": False,
            "trend_timeframe": "4h",
            "trend_period": 100,
        },
    )
    assert params == EmaCrossParams(
        fast=5,
        slow=13,
        stop_atr=3.0,
        take_profit_r=(1.0, 2.5),
        atr_period=10,
        allow_short=False,
        trend_timeframe=Timeframe.H4,
        trend_period=100,
    )


def test_what_is_left_out_has_its_default() -> None:
    """An empty table is a complete one."""
    params = parse_params(EmaCrossParams, {})
    assert (params.fast, params.slow, params.stop_atr) == (9, 21, 2.0)
    assert params.take_profit_r == (1.0, 2.0)
    assert params.trend_timeframe is None


@pytest.mark.parametrize(
    ("params", "name", "message"),
    [
        ({"fast": 1}, "fast", "fast = 1 must be a whole number from 2 to 200"),
        ({"fast": "9"}, "fast", "fast = '9' must be a whole number from 2 to 200"),
        ({"fast": 9.0}, "fast", "fast = 9.0 must be a whole number from 2 to 200"),
        ({"fast": True}, "fast", "fast = True must be a whole number from 2 to 200"),
        ({"stop_atr": math.nan}, "stop_atr", "stop_atr = nan must be a number from 0.1 to 20"),
        ({"stop_atr": True}, "stop_atr", "stop_atr = True must be a number from 0.1 to 20"),
        ({"stop_atr": 0}, "stop_atr", "stop_atr = 0 must be a number from 0.1 to 20"),
        (
            {"take_profit_r": [2.0, 1.0]},
            "take_profit_r",
            "take_profit_r = [2.0, 1.0] must be a list of rising numbers from 0.1 to 50",
        ),
        (
            {"take_profit_r": 2.0},
            "take_profit_r",
            "take_profit_r = 2.0 must be a list of rising numbers from 0.1 to 50",
        ),
        (
            {"take_profit_r": [-1.0]},
            "take_profit_r",
            "take_profit_r = [-1.0] must be a list of rising numbers from 0.1 to 50",
        ),
        ({"allow_short": 1}, "allow_short", "allow_short = 1 must be true or false"),
        (
            {"trend_period": 20},
            "trend_period",
            "trend_period has no effect without trend_timeframe",
        ),
        ({"fast": 30, "slow": 21}, "fast", "fast = 30 must be below slow = 21"),
        ({"fast": 21}, "fast", "fast = 21 must be below slow = 21"),
    ],
)
def test_a_value_that_cannot_be_is_answered_with_what_can(
    params: dict[str, Any], name: str, message: str
) -> None:
    """Type, bounds, order and company are all named."""
    error = refusal("ema_cross", params)
    assert (error.name, str(error)) == (name, message)


def test_an_unknown_name_is_answered_with_the_nearest(kind: str) -> None:
    """Every kind knows the shared parameters, and lists its own."""
    error = refusal(kind, {"stop_art": 2.0})
    assert error.name == "stop_art"
    assert str(error).startswith("unknown parameter 'stop_art': nearest is 'stop_atr', known are ")


def test_all_errors_are_reported_together() -> None:
    """Three mistakes, one message, named after the first."""
    error = refusal("ema_cross", {"fsat": 9, "slow": 0, "allow_short": "no"})
    assert error.name == "fsat"
    assert all(key in str(error) for key in ("'fsat'", "slow = 0", "allow_short = 'no'"))


@pytest.mark.parametrize(
    ("kind_", "params", "name"),
    [
        ("macd_cross", {"fast": 26}, "fast"),
        ("donchian_breakout", {"period": 5}, "exit_period"),
        ("rsi_reversal", {"oversold": 50}, "oversold"),
        ("rsi_reversal", {"overbought": 50.0}, "overbought"),
        ("supertrend", {"multiplier": 0.1}, "multiplier"),
    ],
)
def test_a_kind_has_bounds_of_its_own(kind_: str, params: dict[str, Any], name: str) -> None:
    """The refusal is named after the parameter to change."""
    assert refusal(kind_, params).name == name


@pytest.mark.parametrize("trend", ["1m", "5m"])
def test_a_trend_is_of_a_longer_timeframe(kind: str, trend: str) -> None:
    """The strategy's own timeframe and shorter ones are refused."""
    error = refusal(kind, {"trend_timeframe": trend})
    assert error.name == "trend_timeframe"
    assert "longer than the strategy's own 5m and a multiple of it: 10m, 15m," in str(error)


def test_a_trend_is_of_a_multiple() -> None:
    """Candles of 15 minutes do not close with those of 10."""
    with pytest.raises(BadParameter, match="a multiple of it: 30m, 1h,"):
        build_strategy("ema_cross", timeframe=Timeframe.M10, params={"trend_timeframe": "15m"})


def test_a_trend_has_a_timeframe_that_exists() -> None:
    """The message lists those that do."""
    assert str(refusal("ema_cross", {"trend_timeframe": "7m"})) == (
        "trend_timeframe = '7m' must be one of 1m, 3m, 5m, 10m, 15m, 30m, 1h, 2h, 4h, 6h, 12h, 1d"
    )


@given(st.floats() | st.integers() | st.booleans() | st.none() | st.text() | st.lists(st.floats()))
def test_only_a_number_within_bounds_is_accepted(value: object) -> None:
    """Whatever is written, the parameter is a float from 0.1 to 20 or an error."""
    try:
        stop_atr = parse_params(EmaCrossParams, {"stop_atr": value}).stop_atr
    except BadParameter:
        assert isinstance(value, bool) or not (
            isinstance(value, (int, float)) and 0.1 <= value <= 20
        )
    else:
        assert isinstance(stop_atr, float)
        assert not isinstance(value, bool)
        assert stop_atr == value
        assert 0.1 <= stop_atr <= 20
