"""``strategy``: from nothing to a strategy of one's own that can be replayed."""

from tests.cli.command_line import CommandLine

CONFIG = """
[exchanges.sim]
ccxt_id = "simulated"
[strategies.mine]
kind = "file"
path = "strategies/range_break.py"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "1m"
params = { lookback = 5 }
[users.alice.account]
exchange = "sim"
[users.alice.subscriptions.mine]
"""


def candles(count: int) -> str:
    """A zigzag that breaks out of its range now and then."""
    lines = ["timestamp,open,high,low,close,volume"]
    for minute in range(count):
        close = 60_000 + minute % 12 * 40 - minute % 7 * 20
        lines.append(f"{1_700_000_040 + minute * 60},{close},{close},{close},{close},1")
    return "\n".join(lines) + "\n"


def test_what_new_writes_passes_its_own_check(shell: CommandLine) -> None:
    """Found good on made-up candles, with its parameters explained."""
    written = shell.run("strategy", "new", "range-break")
    assert written.lines[0] == "wrote strategies/range_break.py"
    checked = shell.run("strategy", "check", "strategies/range_break.py")
    assert checked.code == 0, checked.out + checked.err
    assert "RangeBreak on 5m candles" in checked.out
    assert "candles that make the range" in checked.out
    found = shell.run("strategy", "check", "strategies/range_break.py", "--json").json
    assert found["ok"]
    assert found["said"]["LONG"] > 0


def test_new_overwrites_nothing(shell: CommandLine) -> None:
    """What somebody wrote stays."""
    shell.run("strategy", "new", "mine")
    (shell.folder / "strategies" / "mine.py").write_text("# mine\n")
    again = shell.run("strategy", "new", "mine")
    assert again.code == 1
    assert "already exists" in again.err
    assert (shell.folder / "strategies" / "mine.py").read_text() == "# mine\n"
    assert shell.run("strategy", "new", "../mine").code == 78


def test_check_tells_what_is_wrong_and_where(shell: CommandLine) -> None:
    """Exit code 1, the exception and the line; 78 for a parameter that does not suit."""
    shell.run("strategy", "new", "mine")
    path = shell.folder / "strategies" / "mine.py"
    path.write_text(path.read_text().replace("c = candles.main ", "c = candles['9m'] "))
    failed = shell.run("strategy", "check", "strategies/mine.py")
    assert failed.code == 1
    assert "it failed on 1000 of 1000 candles" in failed.out
    assert "KeyError: '9m'" in failed.out
    assert "in on_candle" in failed.out
    wrong = shell.run("strategy", "check", "strategies/mine.py", "--set", "lookback=1")
    assert wrong.code == 78
    assert "params.lookback: lookback = 1 must be a whole number from 2 to 500" in wrong.err
    assert shell.run("strategy", "check", "strategies/none.py").code == 1


def test_check_takes_candles_of_ones_own(shell: CommandLine) -> None:
    """Their timeframe is the strategy's, unless another is named."""
    shell.run("strategy", "new", "mine")
    (shell.folder / "btc.csv").write_text(candles(200))
    few = shell.run("strategy", "check", "strategies/mine.py", "--candles", "btc.csv", "--json")
    assert (few.json["timeframe"], few.json["candles"]) == ("1m", 179)
    short = shell.run(
        "strategy", "check", "strategies/mine.py", "--candles", "btc.csv", "--timeframe", "1h"
    )
    assert short.code == 1
    assert "too few consecutive ones" in short.err


def test_a_strategy_file_is_checked_and_replayed_like_any_other(shell: CommandLine) -> None:
    """Two replays write the same ledger, and its signals carry its name."""
    shell.run("strategy", "new", "range-break")
    (shell.folder / "config.toml").write_text(CONFIG)
    (shell.folder / "btc.csv").write_text(candles(300))
    assert shell.run("check").code == 0
    replayed = ["replay", "--candles", "btc.csv", "--symbol", "BTC/USDT:USDT", "--json"]
    first, second = (shell.run(*replayed, "--ledger", f"{name}.db") for name in "ab")
    assert first.json["strategies"] == second.json["strategies"]
    assert first.json["strategies"][0]["signals"] > 0
    listed = shell.run("signals", "--ledger", "a.db", "--json", "--limit", "0").json
    assert listed == shell.run("signals", "--ledger", "b.db", "--json", "--limit", "0").json
    assert {each["strategy"] for each in listed} == {"mine"}
