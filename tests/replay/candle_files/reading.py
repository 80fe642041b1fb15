"""Writes a candle file and reads it, or says why it is refused."""

from pathlib import Path
from typing import Any

import pytest

from signalbot.domain.errors import ConfigError
from signalbot.replay.candle_files import CandleFile, read_candles, read_options

BTC = "BTC/USDT:USDT"
FIRST_S = 1_640_995_200
"""2022-01-01 00:00 UTC"""

HOUR_S = 3_600


def read(
    folder: Path, content: str | bytes, name: str = "f.csv", symbol: str = BTC, **options: Any
) -> CandleFile:
    """The candles of a file of this content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_candles(path, symbol, read_options(**options))


def refusal(folder: Path, content: str | bytes, name: str = "f.csv", **options: Any) -> str:
    """Why a file of this content is refused."""
    with pytest.raises(ConfigError) as refused:
        read(folder, content, name, **options)
    return str(refused.value)


def table(header: str, row: str, count: int = 4, sign: str = ",") -> str:
    """Rows of one form: ``{t}`` is the time in seconds, ``{n}`` counts them from 0."""
    lines = [row.format(t=FIRST_S + at * HOUR_S, n=at) for at in range(count)]
    return "\n".join([header, *lines] if header else lines).replace(",", sign) + "\n"


def shape(file: CandleFile) -> tuple[str, ...]:
    """Open, high, low, close and volume of the first candle, as text."""
    first = file.candles[0]
    return tuple(map(str, (first.open, first.high, first.low, first.close, first.volume)))
