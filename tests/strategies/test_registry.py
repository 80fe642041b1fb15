"""Kinds are listed cheaply, built by name, and misspelt ones are recognised."""

import subprocess
import sys

import pytest

from signalbot.domain.timeframe import Timeframe
from signalbot.strategies import KINDS, BadParameter, UnknownKind, build_strategy
from signalbot.strategies.base import LocalStrategy


def test_a_kind_is_built_under_its_own_name(kind: str) -> None:
    """The registry's name, the class's kind and the given timeframe agree."""
    strategy: LocalStrategy = build_strategy(kind, timeframe=Timeframe.M15, params={})
    assert isinstance(strategy, KINDS[kind])
    assert strategy.kind == kind
    assert strategy.timeframe is Timeframe.M15
    assert list(strategy.warm_up) == [Timeframe.M15]


def test_listing_the_kinds_loads_no_numerical_library() -> None:
    """Commands that only read must start fast."""
    code = (
        "import sys, signalbot.strategies as s; assert 'ema_cross' in s.KINDS and len(s.KINDS) > 4;"
        "sys.exit(bool({'numpy', 'talib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("ema_cros", "ema_cross"), ("macd", "macd_cross"), ("super-trend", "supertrend")],
)
def test_a_misspelt_kind_is_answered_with_the_nearest(typed: str, meant: str) -> None:
    """And with all there are; the wrong key is ``kind``."""
    with pytest.raises(UnknownKind, match=f"nearest is '{meant}', known are ema_cross, ") as caught:
        build_strategy(typed, timeframe=Timeframe.M5, params={})
    assert isinstance(caught.value, BadParameter)
    assert caught.value.name == "kind"


def test_an_unknown_kind_has_no_class() -> None:
    """As in any mapping."""
    assert "llm" not in KINDS
    with pytest.raises(KeyError):
        KINDS["llm"]
