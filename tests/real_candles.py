"""Real candles for tests, where they are: they are not the project's to copy.

They are looked for as ``shared/data`` beside the checkout or above it, or where
``SIGNALBOT_TEST_DATA`` says. A test that needs them skips where they are absent.
"""

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from signalbot.domain.market import Candle
from signalbot.domain.resample import Resampler
from signalbot.domain.timeframe import Timeframe
from signalbot.replay.candle_files import read_candles

BTC = "BTC/USDT:USDT"
_NAME = "btc-perp-1m-2022-01.csv"


def _find() -> Path:
    named = os.environ.get("SIGNALBOT_TEST_DATA")
    folders = [Path(named)] if named else [
        parent / "shared" / "data" for parent in Path(__file__).resolve().parents
    ]  # fmt: skip
    return next((each / _NAME for each in folders if (each / _NAME).exists()), folders[0] / _NAME)


REAL = _find()
needs_real = pytest.mark.skipif(not REAL.exists(), reason=f"no {_NAME} in shared/data")


@cache
def real_candles(timeframe: Timeframe = Timeframe.M1) -> Sequence[Candle]:
    """January 2022, of any timeframe that one-minute candles make up."""
    minutes = read_candles(REAL, BTC).candles
    if timeframe is Timeframe.M1:
        return minutes
    resampler = Resampler(Timeframe.M1, timeframe)
    joined = (resampler.add(candle) for candle in minutes)
    return [candle for candle in joined if candle is not None]
