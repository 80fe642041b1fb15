"""Later candles alone decide the outcome of a signal."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from signalbot.ai.outcome_evaluator import evaluate_outcome
from signalbot.domain.market import Candle
from signalbot.domain.signals import Action
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.ledger.ai_calls import PriceOutcome
from tests.domain.samples import SIGNAL

LONG = replace(
    SIGNAL,
    action=Action.LONG,
    price=Decimal(100),
    stop_loss=Decimal(95),
    take_profits=(Decimal(110), Decimal(120)),
)
SHORT = replace(LONG, action=Action.SHORT, stop_loss=Decimal(105), take_profits=(Decimal(90),))


def candles(*ranges: tuple[str, str]) -> list[Candle]:
    """One after the other, each from its low to its high."""
    return [
        Candle(
            symbol=SIGNAL.symbol,
            timeframe=Timeframe.M5,
            open_ms=Ms(index * Timeframe.M5.ms),
            open=Decimal(low),
            high=Decimal(high),
            low=Decimal(low),
            close=Decimal(high),
            volume=Decimal(1),
        )
        for index, (low, high) in enumerate(ranges)
    ]


@pytest.mark.parametrize(
    ("signal", "ranges", "ended", "move"),
    [
        (LONG, [("99", "105"), ("94", "106")], PriceOutcome.STOP, "-5"),
        (LONG, [("99", "105"), ("101", "111")], PriceOutcome.TARGET, "10"),
        (LONG, [("94", "111")], PriceOutcome.STOP, "-5"),
        (SHORT, [("89", "101")], PriceOutcome.TARGET, "10"),
        (SHORT, [("99", "105")], PriceOutcome.STOP, "-5"),
        (LONG, [("99", "101")], None, None),
        (LONG, [("99", "101")] * 250, PriceOutcome.TIME, "1"),
        (replace(LONG, stop_loss=None), [("50", "200")], PriceOutcome.UNKNOWN, None),
        (replace(LONG, action=Action.EXIT_LONG), [("50", "200")], PriceOutcome.UNKNOWN, None),
    ],
)
def test_the_first_level_that_is_touched_decides(
    signal: object, ranges: Sequence[tuple[str, str]], ended: PriceOutcome | None, move: str | None
) -> None:
    """The stop where a candle touches both; the close when neither is reached in time."""
    expected = (ended, None if move is None else Decimal(move))
    assert evaluate_outcome(signal, candles(*ranges)) == expected  # type: ignore[arg-type]
