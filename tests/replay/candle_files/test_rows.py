"""Rows become candles exactly once, and every fault of a row is named."""

from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.errors import ConfigError
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.replay.candle_files import BadRow, CandleFile, ReadOptions, RowFault, read_candles
from tests.replay.report_fixtures import HOUR, START, SYMBOL, decimals

HEADER = "timestamp,open,high,low,close,volume"
GOOD = [
    "2022-01-01 00:00,10,12,9,11,5",
    "2022-01-01 01:00,11,13,10,12,6",
    "2022-01-01 02:00,12,14,11,13,7",
    "2022-01-01 03:00,13,15,12,14,8",
]
REAL = Path(__file__).parents[4] / "shared" / "data" / "btc-perp-1m-2022-01.csv"


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
    rows = [f"{1640995200 + at * 3600},0.1,0.30000000000000004,0.1,0.2,0" for at in range(3)]
    file = read(tmp_path, *rows)
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
    file = read(tmp_path, *lines, header="maker,trades,high,low,close,open,open_ms,volume,vwap")
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
        ("2022-01-01 04:00,10,12,9,11", RowFault.TOO_FEW_COLUMNS),
        ("tomorrow,10,12,9,11,5", RowFault.NOT_A_TIME),
        (",10,12,9,11,5", RowFault.NOT_A_TIME),
        ("2022-01-01 04:00,10,12,9,eleven,5", RowFault.NOT_A_NUMBER),
        ("2022-01-01 04:00,10,12,9,,5", RowFault.NOT_A_NUMBER),
        ("2022-01-01 04:00,10,12,9,NaN,5", RowFault.NOT_A_NUMBER),
        ("2022-01-01 04:00,10,inf,9,11,5", RowFault.NOT_A_NUMBER),
        ("2022-01-01 04:00,10,12,9,11,nan", RowFault.NOT_A_NUMBER),
        ("2022-01-01 04:00,0,12,0,11,5", RowFault.NOT_POSITIVE),
        ("2022-01-01 04:00,10,12,-9,11,5", RowFault.NOT_POSITIVE),
        ("2022-01-01 04:00,10,9,12,11,5", RowFault.HIGH_BELOW_LOW),
        ("2022-01-01 04:00,13,12,9,11,5", RowFault.OUTSIDE_RANGE),
        ("2022-01-01 04:00,10,12,9,8,5", RowFault.OUTSIDE_RANGE),
        ("2022-01-01 04:00,10,12,9,11,-5", RowFault.NEGATIVE_VOLUME),
        ("2022-01-01 04:30,10,12,9,11,5", RowFault.OFF_GRID),
        ("2022-01-01 03:00,10,12,9,11,5", RowFault.DUPLICATE),
    ],
)
def test_a_bad_row_is_left_out_and_named(tmp_path: Path, row: str, fault: RowFault) -> None:
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
    assert file.dropped == {RowFault.NOT_POSITIVE: 1}


def test_all_bad_rows_are_counted_and_the_first_few_shown(tmp_path: Path) -> None:
    """Counts are complete, examples are not a flood."""
    file = read(tmp_path, *GOOD, *["x,1,1,1,1,1"] * 8, "y")
    assert file.dropped == {RowFault.NOT_A_TIME: 8, RowFault.TOO_FEW_COLUMNS: 1}
    assert [bad.line for bad in file.examples] == [6, 7, 8, 14]


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    """Empty lines and line breaks inside quotes are lines."""
    file = read(tmp_path, GOOD[0], "", '"x\ny",1,1,1,1,1', *GOOD[1:])
    assert file.examples == (BadRow(5, RowFault.NOT_A_TIME),)


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


@pytest.mark.parametrize("column", HEADER.split(",")[:-1])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    """With the file, the names that would do, and those that are there."""
    told = refusal(tmp_path, *GOOD, header=HEADER.replace(column, "other"))
    assert "candles.csv: no column for " in told
    assert f"needs {column}" in told or f"{column} or" in told or f" or {column}" in told
    assert "the header is: " in told
    assert "other" in told


def test_a_file_without_volumes_has_none(tmp_path: Path) -> None:
    """Charts are exported so; it is told."""
    rows = [row.rpartition(",")[0] for row in GOOD]
    file = read(tmp_path, *rows, header=HEADER.removesuffix(",volume"))
    assert {candle.volume for candle in file.candles} == {0}
    assert any("volume of every candle is 0" in note for note in file.notes)


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    """There is nothing to look into."""
    assert "candles.csv: the file is empty" in refusal(tmp_path, header="")


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


def test_ends_of_candles_are_not_their_opens(tmp_path: Path) -> None:
    """The last moment of an hour lies in the hour that it ends."""
    rows = [f"2022-01-01 {hour:02}:59:59.999,1,1,1,1,1" for hour in range(3)]
    file = read(tmp_path, *rows)
    assert [candle.open_ms for candle in file.candles] == [START + at * HOUR for at in range(3)]
    assert any("timestamp is the close time" in note for note in file.notes)


def test_a_column_of_closes_holds_closes(tmp_path: Path) -> None:
    """Whether it tells the last moment or the first of the next candle."""
    for ends in ("00:59:59.999", "01:00:00"):
        first = read(
            tmp_path,
            f"2022-01-01 {ends},1,1,1,1,1",
            *(f"2022-01-01 {int(ends[:2]) + at:02}{ends[2:]},1,1,1,1,1" for at in (1, 2, 3)),
            header="close_time,open,high,low,close,volume",
        ).candles[0]
        assert first.open_ms == START


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


def test_months_in_any_order_are_one_series(tmp_path: Path) -> None:
    """And it is told that they were sorted."""
    later = [f"2022-02-01 0{hour}:00,13,15,12,14,8" for hour in range(3)]
    file = read(tmp_path, *later, *GOOD)
    assert [candle.open_ms for candle in file.candles] == sorted(
        candle.open_ms for candle in file.candles
    )
    assert (len(file.candles), file.gaps) == (7, 1)
    assert any("were sorted" in note for note in file.notes)


def test_the_finished_state_of_a_candle_is_kept(tmp_path: Path) -> None:
    """A download that was continued begins with the candle that was unfinished at its end."""
    half = "2022-01-01 01:00,11,12,11,11.5,2"
    for rows in ((GOOD[0], half, *GOOD[1:]), (*GOOD, half), (*reversed(GOOD), half)):
        file = read(tmp_path, *rows)
        assert (file.candles[1].close, file.candles[1].volume) == decimals(12, 6)
        assert file.dropped == {RowFault.DUPLICATE: 1}


def test_a_candle_that_has_not_closed_yet_is_left_out(tmp_path: Path) -> None:
    """The last one of a download is still forming, whether the file says so or not."""
    file = tmp_path / "candles.csv"
    file.write_text("\n".join((HEADER, *GOOD)))
    half_past_three = ReadOptions(now_ms=Ms(START + 3 * HOUR + HOUR // 2))
    read_then = read_candles(file, SYMBOL, half_past_three)
    assert (len(read_then.candles), read_then.dropped) == (3, {RowFault.UNFINISHED: 1})


@pytest.mark.parametrize(
    ("column", "no"), [("confirm", "0"), ("x", "False"), ("is_closed", "false"), ("complete", "no")]
)
def test_a_candle_that_is_flagged_unfinished_is_left_out(
    tmp_path: Path, column: str, no: str
) -> None:
    """Wherever it stands."""
    rows = [f"{row},1" if no == "0" else f"{row},true" for row in GOOD]
    rows[-1] = f"{GOOD[-1]},{no}"
    for each in (rows, rows[::-1]):
        file = read(tmp_path, *each, header=f"{HEADER},{column}")
        assert (len(file.candles), file.dropped) == (3, {RowFault.UNFINISHED: 1})


def test_minutes_without_a_trade_are_gaps(tmp_path: Path) -> None:
    """Data sets fill them with NaN, or with nothing."""
    rows = (GOOD[0], "2022-01-01 01:00,NaN,NaN,NaN,NaN,NaN", "2022-01-01 02:00,,,,,", GOOD[3])
    file = read(tmp_path, *rows)
    assert (len(file.candles), file.missing) == (2, 2)
    assert file.dropped == {RowFault.NO_PRICES: 2}


def test_prices_that_jump_are_not_one_market(tmp_path: Path) -> None:
    """Two files were put together; both lines and both prices are shown."""
    other = [f"2022-01-01 0{hour}:00,2,2.1,1.9,2,5" for hour in (4, 5, 6)]
    told = refusal(tmp_path, *GOOD, *other)
    assert "line 6: open is 2, but the previous candle (line 5) closed at 14" in told
    assert "--columns symbol=NAME" in told


def test_two_prices_at_each_time_are_not_one_market(tmp_path: Path) -> None:
    """Whether the markets differ much or by a little only."""
    for factor in (Decimal("0.2"), Decimal("0.999")):
        rows = []
        for at in range(8):
            time, *values = f"2022-01-01 0{at}:00,10,12,9,11,5".split(",")
            rows += [f"{time},10,12,9,11,5"]
            rows += [",".join((time, *(str(Decimal(each) * factor) for each in values)))]
        assert "rows of several markets" in refusal(tmp_path, *rows)


def test_columns_in_a_wrong_order_are_refused(tmp_path: Path) -> None:
    """Their prices do not enclose each other: the first such line is shown."""
    told = refusal(tmp_path, *GOOD, header="timestamp,open,low,high,close,volume")
    assert "line 2: open 10, high 9, low 12, close 11: open or close is outside" in told
    assert "--columns" in told


def test_rows_that_are_wider_than_the_header_are_refused(tmp_path: Path) -> None:
    """A comma between cells and one before decimals cannot be told apart."""
    rows = [f"2022-01-01 0{hour}:00,10,5,12,5,9,5,11,5,5" for hour in range(4)]
    told = refusal(tmp_path, *rows)
    assert "line 2: 10 cells for 6 columns" in told
    assert "--decimal ','" in told


def test_a_header_in_the_middle_is_no_row(tmp_path: Path) -> None:
    """Files with headers were put together."""
    file = read(tmp_path, *GOOD[:2], HEADER, *GOOD[2:])
    assert (len(file.candles), file.dropped) == (4, {})


def test_times_that_a_spreadsheet_has_cut_are_refused(tmp_path: Path) -> None:
    """They cannot be brought back by any option, and the message says so."""
    rows = [f"{(1640995200 + at * 3600) * 1000:.5E},1,1,1,1,1" for at in range(6)]
    told = refusal(tmp_path, *rows)
    assert "line 2: timestamp is '1.64100E+12': a spreadsheet has rounded the times" in told


def test_numbers_in_exponents_that_lost_nothing_are_read(tmp_path: Path) -> None:
    """A float of nanoseconds is written so."""
    rows = [f"{float((1640995200 + at * 3600) * 10**9)!r},1,1,1,1,1" for at in range(3)]
    assert "e+18" in rows[0]
    assert read(tmp_path, *rows).candles[1].open_ms == START + HOUR


def test_a_candle_of_another_length_is_named(tmp_path: Path) -> None:
    """Weeks are no timeframe, however the rows tell their length."""
    rows = [f"{START + at * 7 * 24 * HOUR},1,1,1,1,1" for at in range(4)]
    assert "most rows are 7 d apart" in refusal(tmp_path, *rows)
    ends = [f"{row},{START + (at + 1) * 7 * 24 * HOUR - 1}" for at, row in enumerate(rows)]
    told = refusal(tmp_path, *ends, header=f"{HEADER},close_time")
    assert "rows state a length of 7 d" in told


def test_the_length_that_rows_tell_holds_where_most_are_missing(tmp_path: Path) -> None:
    """Two candles of a minute, ten minutes apart."""
    rows = [f"{START + at * 600_000},1,1,1,1,1,{START + at * 600_000 + 59_999}" for at in range(3)]
    file = read(tmp_path, *rows, header=f"{HEADER},close_time")
    assert (file.timeframe, file.missing) == (Timeframe.M1, 18)


def test_candles_off_the_grid_of_utc_are_refused_with_the_reason(tmp_path: Path) -> None:
    """Half hours of India, seen from UTC."""
    rows = [f"2022-01-01T{hour:02}:00:00+05:30,1,1,1,1,1" for hour in range(6, 10)]
    told = refusal(tmp_path, *rows)
    assert "line 2: timestamp is '2022-01-01T06:00:00+05:30': 1h candles begin 00:30" in told


def test_several_files_are_one_series(tmp_path: Path) -> None:
    """In whatever order they are named; a folder is all its files."""
    folder = tmp_path / "months"
    folder.mkdir()
    for name, rows in (("a.csv", GOOD[2:]), ("b.csv", GOOD[:2])):
        (folder / name).write_text("\n".join((HEADER, *rows)))
    whole = read(tmp_path, *GOOD).candles
    assert read_candles(folder, SYMBOL).candles == whole
    assert read_candles([folder / "b.csv", folder / "a.csv"], SYMBOL).candles == whole
