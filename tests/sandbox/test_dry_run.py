"""``strategy check`` finds what would go wrong live, and nothing else."""

from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.market import Candle
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.sandbox.dry_run import DryRun, dry_run, required_candles
from tests.sandbox.strategy_fixtures import read, write
from tests.strategies.candles import random_walk


def trial(tmp_path: Path, body: str, *, head: str = "", count: int = 60) -> DryRun:
    return dry_run(read(write(tmp_path, body, head=head)), random_walk(1, count), most=50)


def test_a_pure_strategy_is_good(tmp_path: Path) -> None:
    """In order and backwards, the proposals are the same."""
    body = """
        c = candles.main
        if c.close[-1] > c.high[:-1].max(): return long("up", stop_loss=c.low.min() * 0.99)
        if c.close[-1] < c.low[:-1].min(): return exit_long("down")
    """
    found = trial(tmp_path, body)
    assert found.is_good
    assert found.evaluated == found.rechecked == 50
    assert {"LONG", "EXIT_LONG", "HOLD"} == set(found.actions)
    assert len(found.durations_s) == 50


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("seen = []", "seen.append(1)\nif len(seen) % 7 == 0: return long('seventh')"),
        (
            "best = [0.0]",
            "best[0] = max(best[0], candles.main.high[-1])\n"
            "if candles.main.high[-1] >= best[0]: return long('highest ever seen')",
        ),
        (
            "later = {}",
            "now = candles.main.close_ms\nlater[now] = candles.main.close[-1]\n"
            "if later.get(now + 300_000, 0) > candles.main.close[-1]: return long('it will rise')",
        ),
        ("import random", "if random.random() > 0.5: return long('heads')"),
    ],
)
def test_memory_look_ahead_and_chance_are_found(tmp_path: Path, head: str, body: str) -> None:
    """Whatever makes the answer depend on anything but the candles."""
    found = trial(tmp_path, body, head=head)
    assert found.disagreements
    assert not found.is_good


def test_exceptions_and_wrong_answers_are_counted_and_shown(tmp_path: Path) -> None:
    """With the place in the file, or the number that cannot be."""
    body = """
        if int(candles.main.close_ms / 300_000) % 2: return candles.main.close[999]
        return long("stop above", stop_loss=candles.main.close[-1] * 2)
    """
    found = trial(tmp_path, body)
    assert len(found.failures) == 50
    told = {each.message.partition(":")[0] for each in found.failures}
    assert "IndexError" in told
    assert any("must be below the close" in each.message for each in found.failures)


def test_one_that_keeps_dying_is_not_tried_for_ever(tmp_path: Path) -> None:
    """Three workers are enough to know."""
    found = trial(tmp_path, "import os; os._exit(1)")
    assert found.evaluated == len(found.failures) == 3


def test_several_timeframes_are_made_of_the_given_candles(tmp_path: Path) -> None:
    """All of them closed by the evaluated candle, none later."""
    body = """
        ends = {name: table.close_ms for name, table in candles.items()}
        assert ends["15m"] <= ends["5m"] and ends["5m"] - ends["15m"] < 900_000
        assert candles["15m"].close[-1] == candles["5m"].close[-1] or ends["15m"] != ends["5m"]
    """
    path = write(tmp_path, body)
    path.write_text(path.read_text().replace("return 3", "return {timeframe: 3, '15m': 4}"))
    minutes = [
        Candle(
            symbol=each.symbol, timeframe=Timeframe.M1, open_ms=Ms(number * 60_000),
            open=each.open, high=each.high, low=each.low, close=each.close, volume=Decimal(1),
        )
        for number, each in enumerate(random_walk(2, 400))
    ]  # fmt: skip
    found = dry_run(read(path), minutes, most=50)
    assert not found.failures, found.failures[0].message
    assert found.evaluated == 50


def test_the_warm_up_is_counted_in_candles_of_its_own_timeframe() -> None:
    """With one candle to spare, wherever the first one lies."""
    assert required_candles({Timeframe.M5: 10, Timeframe.H1: 3}, Timeframe.M5) == 48
