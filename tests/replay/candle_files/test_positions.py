"""A file without a header is read by what stands in it, or its columns must be named."""

from pathlib import Path

import pytest

from tests.replay.candle_files.forms.writing import Row, lines, rows_of
from tests.replay.candle_files.reading import read, refusal, shape

ROWS = rows_of(60)
SHAPE = tuple(map(str, ROWS[0][1:]))


def written(*columns: str, rows: list[Row] = ROWS) -> str:
    """Rows of these columns without a header; what is no column of a row stands there itself."""
    return lines("", [[getattr(row, each, each) for each in columns] for row in rows])


@pytest.mark.parametrize(
    "columns",
    [
        "tohlcv",  # most
        "tochlv",  # Bitfinex, KuCoin
        "tlhocv",  # Coinbase
    ],
)
def test_the_order_of_prices_is_seen(tmp_path: Path, columns: str) -> None:
    """By which of them is the highest and which the lowest."""
    assert shape(read(tmp_path, written(*columns))) == SHAPE


@pytest.mark.parametrize("columns", ["tclhov", "thloc"])
def test_an_order_that_nobody_uses_is_refused(tmp_path: Path, columns: str) -> None:
    """It may be anything."""
    told = refusal(tmp_path, written(*columns))
    assert "--columns time,open,high,low,close,volume" in told
    assert f"the first row is: {ROWS[0].t}, " in told


def test_open_and_close_are_not_exchanged(tmp_path: Path) -> None:
    """A candle opens where the one before closed, whichever row comes first."""
    for rows in (ROWS, ROWS[::-1]):
        told = refusal(tmp_path, written(*"tchlov", rows=rows))
        assert "columns 2 and 5, by position open and close" in told
        named = read(
            tmp_path, written(*"tchlov", rows=rows), columns="time,close,high,low,open,volume"
        )
        assert shape(named) == SHAPE


def test_an_average_price_is_no_volume(tmp_path: Path) -> None:
    """Kraken's answers have one before the volume."""
    text = lines("", [(*row[:5], (row.h + row.l) / 2, row.v, 9) for row in ROWS])
    assert shape(read(tmp_path, text)) == SHAPE


def test_contracts_are_not_coins(tmp_path: Path) -> None:
    """OKX's answers count contracts first, except on spot."""
    swap = lines("", [(*row[:5], row.v * 100, row.v, row.v * row.o, 1) for row in ROWS])
    spot = lines("", [(*row, row.v * row.o, row.v * row.o, 1) for row in ROWS])
    assert shape(read(tmp_path, swap)) == shape(read(tmp_path, spot)) == SHAPE


@pytest.mark.parametrize("leading", [("BTCUSDT",), ("BTCUSDT", "1m"), ("7",)])
def test_columns_may_stand_before_the_time(tmp_path: Path, leading: tuple[str, ...]) -> None:
    """A market, an interval, a number."""
    assert shape(read(tmp_path, written(*leading, *"tohlcv"))) == SHAPE


def test_a_market_before_the_time_is_honored(tmp_path: Path) -> None:
    """As one in a column with a name."""
    assert "'ETHUSDT'" in refusal(tmp_path, written("ETHUSDT", *"tohlcv"))


def test_a_close_time_tells_how_long_candles_are(tmp_path: Path) -> None:
    """Of a market that is hardly traded, no two minutes may follow each other."""
    text = lines("", [(row.t * 1000, *row[1:], row.t * 1000 + 59_999) for row in ROWS[::7]])
    assert read(tmp_path, text).timeframe == "1m"


def test_without_a_time_there_are_no_candles(tmp_path: Path) -> None:
    """Prices alone are refused."""
    assert "no column of times" in refusal(tmp_path, written(*"ohlcv"))


def test_all_columns_must_be_named_where_there_is_no_header(tmp_path: Path) -> None:
    """By their order: names cannot be looked up."""
    told = refusal(tmp_path, written(*"tclhov"), columns="close=Last")
    assert "there is no header; list all columns in order" in told
    too_many = refusal(tmp_path, written(*"tohl"), columns="time,open,high,low,close")
    assert "lists 5 columns of 4" in too_many
