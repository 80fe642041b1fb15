"""Candle files of every shape are read, and every fault of a row is named."""

from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.errors import ConfigError
from signalbot.domain.timeframe import Timeframe
from signalbot.replay.csv import BadRow, CandleFile, Fault, read_candles
from tests.replay.made import HOUR, START, SYMBOL, decimals

HEADER = "timestamp,open,high,low,close,volume"
GOOD = [
    "2022-01-01 00:00,10,12,9,11,5",
    "2022-01-01 01:00,11,13,10,12,6",
    "2022-01-01 02:00,12,14,11,13,7",
    "2022-01-01 03:00,13,15,12,14,8",
]
REAL = Path(__file__).parents[3] / "shared" / "data" / "btc-perp-1m-2022-01.csv"


def read(folder: Path, *lines: str, header: str = HEADER) -> CandleFile:
    """The candles of a file of these lines."""
    file = folder / "candles.csv"
    file.write_text("\n".join((header, *lines)) + "\n")
    return read_candles(file, SYMBOL)


def refusal(folder: Path, *lines: str, header: str = HEADER) -> str:
    """Why a file of these lines is refused."""
    with pytest.raises(ConfigError) as refused:
        read(folder, *lines, header=header)
    return str(refused.value)


def test_rows_become_candles(tmp_path: Path) -> None:
    """Every value is taken over exactly, and the spacing tells the timeframe."""
    file = read(tmp_path, *GOOD)
    first = file.candles[0]
    assert (first.symbol, first.timeframe, first.open_ms) == (SYMBOL, Timeframe.H1, START)
    values = (first.open, first.high, first.low, first.close, first.volume)
    assert values == decimals(10, 12, 9, 11, 5)
    assert [candle.open_ms for candle in file.candles] == [START + at * HOUR for at in range(4)]
    assert (file.dropped, file.examples, file.gaps, file.missing) == ({}, (), 0, 0)


def test_prices_keep_every_digit(tmp_path: Path) -> None:
    """No binary float comes near them."""
    file = read(tmp_path, "1640995200,0.1,0.30000000000000004,0.1,0.2,0", *GOOD[1:])
    assert file.candles[0].high == Decimal("0.30000000000000004")


@pytest.mark.parametrize(
    "header",
    [
        "Date,Open,High,Low,Close,Volume",
        "DATETIME,OPEN,HIGH,LOW,CLOSE,VOL",
        "time, open, high, low, close, volume",
        "Open Time,open,high,low,close,volume",
        '"timestamp","open","high","low","close","volume"',
        "\ufefftimestamp,open,high,low,close,volume",
    ],
)
def test_columns_are_known_by_many_names(tmp_path: Path, header: str) -> None:
    """Case, spaces, quotes and a byte order mark make no difference."""
    assert len(read(tmp_path, *GOOD, header=header).candles) == 4


def test_columns_may_stand_in_any_order_among_others(tmp_path: Path) -> None:
    """What is not needed is passed over."""
    lines = [f"x,9,4,1,3,2,{START + at * HOUR},7,2.5" for at in range(2)]
    file = read(tmp_path, *lines, header="symbol,trades,high,low,close,open,open_ms,volume,vwap")
    candle = file.candles[1]
    values = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    assert values == decimals(2, 4, 1, 3, 7)
    assert candle.open_ms == START + HOUR


def test_the_open_time_is_preferred_to_other_times(tmp_path: Path) -> None:
    """A file may have a date for people beside the instant for machines."""
    lines = [f"yesterday,{START + at * HOUR},1,1,1,1,1" for at in range(2)]
    file = read(tmp_path, *lines, header="date,open_time,open,high,low,close,volume")
    assert file.candles[0].open_ms == START


@pytest.mark.parametrize("separator", [";", "\t"])
def test_semicolons_and_tabs_separate_as_well(tmp_path: Path, separator: str) -> None:
    """The header shows what separates."""
    lines = [line.replace(",", separator) for line in GOOD]
    assert len(read(tmp_path, *lines, header=HEADER.replace(",", separator)).candles) == 4


def test_a_file_may_begin_with_the_newest_row(tmp_path: Path) -> None:
    """It is the same file upside down."""
    assert read(tmp_path, *reversed(GOOD)).candles == read(tmp_path, *GOOD).candles


def test_empty_lines_are_no_rows(tmp_path: Path) -> None:
    """They are passed over without being counted."""
    file = read(tmp_path, GOOD[0], "", *GOOD[1:], "")
    assert (len(file.candles), file.dropped) == (4, {})


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("2022-01-01 04:00,10,12,9,11", Fault.TOO_FEW_COLUMNS),
        ("tomorrow,10,12,9,11,5", Fault.NOT_A_TIME),
        (",10,12,9,11,5", Fault.NOT_A_TIME),
        ("2022-01-01 04:00,10,12,9,eleven,5", Fault.NOT_A_NUMBER),
        ("2022-01-01 04:00,10,12,9,,5", Fault.NOT_A_NUMBER),
        ("2022-01-01 04:00,10,12,9,NaN,5", Fault.NOT_A_NUMBER),
        ("2022-01-01 04:00,10,inf,9,11,5", Fault.NOT_A_NUMBER),
        ("2022-01-01 04:00,10,12,9,11,nan", Fault.NOT_A_NUMBER),
        ("2022-01-01 04:00,0,12,0,11,5", Fault.NOT_POSITIVE),
        ("2022-01-01 04:00,10,12,-9,11,5", Fault.NOT_POSITIVE),
        ("2022-01-01 04:00,10,9,12,11,5", Fault.HIGH_BELOW_LOW),
        ("2022-01-01 04:00,13,12,9,11,5", Fault.OUTSIDE_RANGE),
        ("2022-01-01 04:00,10,12,9,8,5", Fault.OUTSIDE_RANGE),
        ("2022-01-01 04:00,10,12,9,11,-5", Fault.NEGATIVE_VOLUME),
        ("2022-01-01 04:30,10,12,9,11,5", Fault.OFF_GRID),
        ("2022-01-01 03:00,10,12,9,11,5", Fault.DUPLICATE),
        ("2022-01-01 02:00,10,12,9,11,5", Fault.OUT_OF_ORDER),
    ],
)
def test_a_bad_row_is_left_out_and_named(tmp_path: Path, row: str, fault: Fault) -> None:
    """Its fault is counted, its line can be found, and the rows around it stay."""
    later = "2022-01-01 05:00,13,15,12,14,8"
    file = read(tmp_path, *GOOD, row, later)
    assert file.dropped == {fault: 1}
    assert file.examples == (BadRow(6, fault),)
    assert len(file.candles) == 5


def test_a_good_row_may_follow_a_bad_one_of_the_same_time(tmp_path: Path) -> None:
    """Only what was taken counts as seen before."""
    file = read(tmp_path, *GOOD[:3], "2022-01-01 03:00,1,1,1,-1,1", GOOD[3])
    assert len(file.candles) == 4
    assert file.dropped == {Fault.NOT_POSITIVE: 1}


def test_all_bad_rows_are_counted_and_the_first_few_shown(tmp_path: Path) -> None:
    """Counts are complete, examples are not a flood."""
    file = read(tmp_path, *GOOD, *["x,1,1,1,1,1"] * 8, "y")
    assert file.dropped == {Fault.NOT_A_TIME: 8, Fault.TOO_FEW_COLUMNS: 1}
    assert [bad.line for bad in file.examples] == [6, 7, 8, 9, 10]


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    """Empty lines and line breaks inside quotes are lines."""
    file = read(tmp_path, GOOD[0], "", '"x\ny",1,1,1,1,1', *GOOD[1:])
    assert file.examples == (BadRow(5, Fault.NOT_A_TIME),)


def test_gaps_are_counted_and_stay(tmp_path: Path) -> None:
    """A missing candle is never invented."""
    rows = [f"2022-01-01 {hour:02}:00,1,1,1,1,1" for hour in (0, 1, 2, 4, 5, 9)]
    file = read(tmp_path, *rows)
    assert (len(file.candles), file.gaps, file.missing) == (6, 2, 4)
    assert (file.coverage.gaps, file.coverage.missing) == (2, 4)


def test_coverage_spans_from_first_open_to_last_close(tmp_path: Path) -> None:
    """The end is exclusive."""
    covered = read(tmp_path, *GOOD).coverage
    assert (covered.start_ms, covered.end_ms, covered.candles) == (START, START + 4 * HOUR, 4)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With the reason the system gives."""
    with pytest.raises(ConfigError, match=r"nowhere\.csv: .*No such file"):
        read_candles(tmp_path / "nowhere.csv", SYMBOL)


@pytest.mark.parametrize("column", HEADER.split(","))
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    """With the file, the names that would do, and those that are there."""
    told = refusal(tmp_path, *GOOD, header=HEADER.replace(column, "other"))
    assert "candles.csv: no column for the " in told
    assert f"needs {column}" in told or f"{column} or" in told or f" or {column}" in told
    assert "it reads: " in told
    assert "other" in told


def test_a_file_without_a_header_says_so(tmp_path: Path) -> None:
    """What stands in its place is shown."""
    told = refusal(tmp_path, *GOOD[1:], header=GOOD[0])
    assert "the header line needs open_ms or" in told
    assert "it reads: 2022-01-01_00:00, 10" in told


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    """There is no header to look into."""
    assert "it reads: (empty)" in refusal(tmp_path, header="")


def test_an_odd_spacing_names_the_timeframes(tmp_path: Path) -> None:
    """The commonest spacing must be a timeframe."""
    told = refusal(tmp_path, *[f"{1640995200 + at * 45},1,1,1,1,1" for at in range(5)])
    assert "45 s apart" in told
    assert "1m, 3m, 5m" in told


def test_the_commonest_spacing_is_the_timeframe(tmp_path: Path) -> None:
    """However the file begins."""
    minutes = (0, 60, 120, 125, 130, 135, 140)
    file = read(tmp_path, *[f"{1640995200 + at * 60},1,1,1,1,1" for at in minutes])
    assert file.timeframe is Timeframe.M5


def test_one_candle_has_no_spacing(tmp_path: Path) -> None:
    """And what was left out is told, since it may be the reason."""
    told = refusal(tmp_path, GOOD[0], "never,1,1,1,1,1")
    assert "fewer than two candles" in told
    assert "1 not a time (line 3)" in told


def test_a_file_of_close_times_is_refused_with_the_reason(tmp_path: Path) -> None:
    """All rows are off the grid, so none is usable."""
    rows = [f"2022-01-01 {hour:02}:59:59.999,1,1,1,1,1" for hour in range(3)]
    assert "no row is a usable candle: 3 off the grid (line 2)" in refusal(tmp_path, *rows)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00binary", b"timestamp,open\n\xe9,1\n"])
def test_what_is_not_text_is_refused(tmp_path: Path, content: bytes) -> None:
    """A spreadsheet or an archive is no CSV."""
    file = tmp_path / "candles.csv"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"candles\.csv: "):
        read_candles(file, SYMBOL)


def test_a_cell_without_end_is_refused(tmp_path: Path) -> None:
    """The reader's own limits are told as a fault of the file."""
    told = refusal(tmp_path, '"' + "9" * 200_000, *GOOD)
    assert "not CSV: field larger" in told


@pytest.mark.skipif(not REAL.exists(), reason="no ../shared/data beside the checkout")
def test_a_real_month_is_read_whole() -> None:
    """45,031 candles of a minute, none missing, none bad."""
    file = read_candles(REAL, SYMBOL)
    assert (len(file.candles), file.timeframe, file.gaps) == (45_031, Timeframe.M1, 0)
    assert file.dropped == {}
    assert file.coverage.start_ms == 1_640_991_660_000
    assert file.coverage.end_ms == 1_643_693_520_000
    assert file.candles[-1].close == Decimal("38544.0")
