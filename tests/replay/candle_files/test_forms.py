"""Every form that vendors write candles in gives the same candles."""

from pathlib import Path

import pytest

from signalbot.domain.timeframe import Timeframe
from signalbot.replay.candle_files import CandleFile, read_candles
from tests.replay.candle_files.forms import DAY, FORMS, HOUR, MINUTE, Form, rows_of

BTC = "BTC/USDT:USDT"
TIMEFRAMES = {MINUTE: Timeframe.M1, HOUR: Timeframe.H1, DAY: Timeframe.D1}


def written(folder: Path, form: Form) -> Path:
    path = folder / form.name
    path.write_bytes(form.content())
    return path


def values_of(file: CandleFile) -> list[tuple[object, ...]]:
    return [(c.open_ms // 1000, c.open, c.high, c.low, c.close, c.volume) for c in file.candles]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_form_is_read_without_being_prepared(tmp_path: Path, form: Form) -> None:
    """Every candle with its open time, its prices to the last digit, and its volume."""
    file = read_candles(written(tmp_path, form), BTC)
    expected = [
        (row.t, row.o, row.h, row.l, row.c, row.v if form.has_volume else 0)
        for row in rows_of(form.step)
    ]
    assert values_of(file) == expected
    assert file.timeframe is TIMEFRAMES[form.step]
    assert set(file.dropped) <= {"of another market"}


def test_all_forms_have_different_names() -> None:
    """Or one would hide another."""
    assert len({form.name for form in FORMS}) == len(FORMS)
