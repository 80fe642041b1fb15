"""The short form of ``python -m tests.parity``: own references, candles that nobody chose."""

import pytest

from signalbot.domain.timeframe import Timeframe
from tests.parity.accounts import compare
from tests.parity.candles import jumpy_candles
from tests.parity.turns import CASES, beside_talib, held


def test_indicators_are_those_of_the_library_that_the_strategies_use() -> None:
    """The references and TA-Lib were written by different people."""
    apart = {name: far for name, _, far in beside_talib(jumpy_candles(3, 5_000))}
    assert {name for name, far in apart.items() if far > 1e-9} == set()


@pytest.mark.parametrize("kind", CASES)
def test_no_turn_of_a_wild_market_is_missed_or_invented(kind: str) -> None:
    """Gaps and dives included."""
    candles = jumpy_candles(5, 5_000)
    found = [held(kind, candles, params, Timeframe.M1) for params in CASES[kind]]
    assert [(each.missed, each.invented) for each in found] == [([], [])] * len(found)
    assert all(each.turns for each in found)


@pytest.mark.parametrize(("seed", "number"), [(7, 0), (8, 3)])
def test_accounts_come_to_what_an_engine_of_its_own_comes_to(seed: int, number: int) -> None:
    """Every fill, fee, reason, the equity in the end and the deepest fall; liquidations, too.

    Once without slippage, once with so much that levels follow the fill.
    """
    found = compare(jumpy_candles(seed, 1_300), rounds=1, users=9, count=1_200, first=number)
    assert found.differences == []
    assert found.trades > 100
