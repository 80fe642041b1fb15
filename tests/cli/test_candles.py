"""Candle files as vendors write them go through ``replay`` and ``strategy check`` as they are."""

import json
from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine
from tests.replay.candle_files.forms.writing import lines, moment, rows_of, zipped

CONFIG = """
[exchanges.sim]
ccxt_id = "simulated"
[strategies.cross]
kind = "ema_cross"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "{timeframe}"
params = {{ fast = 2, slow = 4{more} }}
[defaults.sizing]
mode = "quote"
quote_amount = 1000
[users.ann.account]
exchange = "sim"
[users.ann.subscriptions.cross]
"""
CASES = Path(__file__).parents[1] / "replay" / "candle_files" / "cases"
SYMBOL = ("--symbol", "BTC/USDT:USDT")


@pytest.fixture
def home(shell: CommandLine) -> CommandLine:
    """A folder with a configuration of one-minute candles."""
    configure(shell, "1m")
    return shell


def configure(shell: CommandLine, timeframe: str, more: str = "") -> None:
    text = CONFIG.format(timeframe=timeframe, more=more)
    (shell.folder / "config.toml").write_text(text)


def case(name: str) -> tuple[str, ...]:
    return ("--candles", str(CASES / name), *SYMBOL)


def test_a_file_of_two_markets_is_replayed_as_one_of_them(home: CommandLine) -> None:
    """What was left out is counted, with its first lines."""
    said = home.run("replay", *case("two_symbols_mixed.csv"))
    assert said.code == 0, said.err
    assert "1m: 20 candles from 2025-01-01 00:00 to 2025-01-01 00:20 UTC" in said.lines[0]
    assert "  dropped 20: of another market (line 3, 4, 7)" in said.lines
    assert "  note: rows of 'XRPUSDT' are skipped" in said.lines


def test_the_json_tells_what_was_decided_about_the_file(home: CommandLine) -> None:
    """For scripts as for people."""
    coverage = home.run("replay", *case("mt5.csv"), "--json").json["coverage"]
    assert (coverage["candles"], coverage["dropped"]) == (40, {})
    assert coverage["notes"] == ["times without zone are read as UTC; change with --time-zone"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("xrp_only.csv", ("line 2: ", "'XRPUSDT'", "--symbol")),
        ("excel_sci.csv", ("line 2: ", "'1.73569E+12'", "--time-format")),
        ("okx_1d_utc8.csv", ("line 2: ", "'1672588800000'", "--time-zone Asia/Shanghai")),
    ],
)
def test_what_cannot_be_read_is_refused_on_one_line(
    home: CommandLine, name: str, says: tuple[str, ...]
) -> None:
    """Nothing is replayed, nothing is written."""
    said = home.run("replay", *case(name), "--ledger", "kept.db")
    assert (said.code, said.out, said.err.count("\n")) == (78, "", 1)
    for part in (name, *says):
        assert part in said.err


def test_candles_that_are_coarser_than_a_strategy_needs_are_refused(home: CommandLine) -> None:
    """With one line, for its own candles and for those of its trend; as by strategy check."""
    said = home.run("replay", *case("us.csv"))
    assert said.code == 78
    assert said.err == (
        f"{CASES / 'us.csv'}: strategy 'cross' needs 1m candles, which cannot be built from 1h "
        "candles: use 1m or shorter candles\n"
    )
    home.run("strategy", "new", "mine")
    checked = home.run(
        "strategy", "check", "strategies/mine.py", *case("us.csv"), "--timeframe", "5m"
    )
    assert checked.code == 78
    assert "5m candles cannot be built from 1h candles" in checked.err


def test_the_options_decide_what_a_file_leaves_open(shell: CommandLine) -> None:
    """Columns, format of times, zone and decimals at once."""
    configure(shell, "1h")
    rows = [
        (moment(r.t, "%d/%m/%Y %H:%M"), *(f"{each / 1000:.3f}" for each in (r.h, r.l, r.o, r.c)))
        for r in rows_of(3600, 12)
    ]
    text = lines("", [[cell.replace(".", ",") for cell in row] for row in rows], ";")
    (shell.folder / "odd.csv").write_text(text)
    asked = ("replay", "--candles", "odd.csv", *SYMBOL, "--json")
    refused = shell.run(*asked)
    assert "--columns time,open,high,low,close,volume" in refused.err
    options = (
        "--columns", "time,high,low,open,close", "--time-format", "%d/%m/%Y %H:%M",
        "--time-zone", "Asia/Tokyo", "--decimal", ",",
    )  # fmt: skip
    said = shell.run(*asked, *options)
    assert said.code == 0, said.err
    assert said.json["coverage"]["start_ms"] == 1_704_067_200_000 - 9 * 3_600_000


@pytest.mark.parametrize(
    ("option", "value"),
    [("--time-zone", "Berlin"), ("--columns", "x,y"), ("--time-format", "x"), ("--decimal", "x")],
)
def test_an_option_that_means_nothing_is_refused(
    home: CommandLine, option: str, value: str
) -> None:
    """Before anything is read."""
    said = home.run("replay", "--candles", "nowhere.csv", *SYMBOL, option, value)
    assert said.code == 78
    assert said.err.startswith(option)


def test_months_are_replayed_as_one_series(home: CommandLine) -> None:
    """Named one by one, or as the folder that they are in."""
    folder = home.folder / "months"
    folder.mkdir()
    rows = rows_of(60)
    for name, part in (("02", rows[20:]), ("01", rows[:20])):
        content = zipped({f"BTCUSDT-1m-2025-{name}.csv": lines("", part)})
        (folder / f"BTCUSDT-1m-2025-{name}.zip").write_bytes(content)
    by_name = (
        "--candles", "months/BTCUSDT-1m-2025-02.zip", "--candles", "months/BTCUSDT-1m-2025-01.zip",
    )  # fmt: skip
    for candles in (("--candles", "months"), by_name):
        covered = json.loads(home.run("replay", *candles, *SYMBOL, "--json").out)["coverage"]
        assert (covered["candles"], covered["missing"]) == (40, 0)
