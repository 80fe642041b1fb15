"""What a strategy file may contain, and the errors otherwise."""

from pathlib import Path
from typing import Any

import pytest

from signalbot.domain.timeframe import Timeframe
from signalbot.sandbox.response_parser import StrategyDescription
from signalbot.sandbox.strategy_runner import StrategyRunner
from signalbot.strategies.base import StrategyFailed
from signalbot.strategies.params import BadParameter
from tests.sandbox.strategy_fixtures import read

HEAD = "from dataclasses import dataclass\nfrom typing import Annotated\n" + (
    "from signalbot.strategy import *\n"
)
PARAMS = """
    @dataclass(frozen=True)
    class Params:
        slow: Annotated[int, Within(5, 500), "candles"] = 20
        share: float = 0.5
"""


def describe(folder: Path, text: str, **params: Any) -> StrategyDescription:
    path = folder / "own.py"
    path.write_text(text)
    runner = StrategyRunner(read(path, **params), lambda _: None)
    try:
        return runner.describe()
    finally:
        runner.suspend()


def own(body: str) -> str:
    return f"{HEAD}class Own(Strategy):\n    '''Mine.'''{body}"


def test_parameters_are_checked_and_explained(tmp_path: Path) -> None:
    """Type, bounds, default and description."""
    body = PARAMS + "    def warm_up(self, timeframe, params): return params.slow + 1\n"
    found = describe(tmp_path, own(body), slow=30)
    assert (found.name, found.about) == ("Own", "Mine.")
    assert found.warm_up == {Timeframe.M5: 31}
    assert found.params[0] == {
        "name": "slow", "value": "30", "bounds": "from 5 to 500", "about": "candles",
    }  # fmt: skip
    for name, value, why in (
        ("slow", 1, "slow = 1 must be a whole number from 5 to 500"),
        ("slwo", 9, "unknown parameter 'slwo': nearest is 'slow'"),
    ):
        with pytest.raises(BadParameter, match=why) as caught:
            describe(tmp_path, own(body), **{name: value})
        assert caught.value.name == name


def test_several_timeframes_are_a_table(tmp_path: Path) -> None:
    """Each with a length of its own."""
    body = "\n    def warm_up(self, timeframe, params): return {timeframe: 3, '4h': 50}\n"
    assert describe(tmp_path, own(body)).warm_up == {Timeframe.M5: 3, Timeframe.H4: 50}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import nothing_like_it", "ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("def broken(:", "SyntaxError"),
        ("x = 1", "one subclass of signalbot.strategy.Strategy; found: none"),
        (own("\n    pass\nclass Two(Strategy): pass\n"), "found: Own, Two"),
        (own("\n    pass\n"), "must define warm_up"),
        (own("\n    def warm_up(self, t, p): return 10**9\n"), "not from 1 to 5000"),
        (own("\n    def warm_up(self, t, p): return {'7m': 3}\n"), "'7m' is not one of 1m, 3m"),
        (
            own("\n    def warm_up(self, t, p): return {'1m': 3}\n"),
            "1m is not a multiple of the 5m",
        ),
        (own("\n    def warm_up(self, t, p): return {'1h': 3}\n"), "5m, the timeframe it runs on"),
        ("raise SystemExit", "SystemExit"),
    ],
)
def test_a_file_that_cannot_run_reports_the_reason(tmp_path: Path, text: str, why: str) -> None:
    """Before it trades."""
    with pytest.raises(StrategyFailed, match=why):
        describe(tmp_path, text)


def test_a_parameter_without_a_default_must_be_given(tmp_path: Path) -> None:
    """And rules between parameters are the author's to make."""
    body = """
    @dataclass(frozen=True)
    class Params:
        fast: int
        slow: int = 9
        def __post_init__(self):
            if self.fast >= self.slow: raise ValueError("fast must be below slow")
    def warm_up(self, timeframe, params): return params.slow
"""
    assert describe(tmp_path, own(body), fast=3).warm_up == {Timeframe.M5: 9}
    with pytest.raises(BadParameter, match="fast is missing"):
        describe(tmp_path, own(body))
    with pytest.raises(BadParameter, match="fast must be below slow"):
        describe(tmp_path, own(body), fast=9)
