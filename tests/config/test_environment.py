"""Environment variables override the file, key by key, and appear as the origin."""

from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.timeframe import Timeframe
from signalbot.domain.users import Mode, UserId
from tests.config.config_files import CONTRACT, MINIMAL, load_text, only_problem, problems_of

FILE = CONTRACT.read_text(encoding="utf-8")


def test_a_variable_overrules_the_file_at_any_depth(tmp_path: Path) -> None:
    """Plain text, numbers, true and JSON are read for what they are."""
    config = load_text(
        tmp_path,
        FILE,
        {
            "SIGNALBOT__DAEMON__LOG_LEVEL": "debug",
            "SIGNALBOT__EXCHANGES__BINANCE__SANDBOX": "true",
            "SIGNALBOT__USERS__ALICE__ACCOUNT__LEVERAGE": "7",
            "SIGNALBOT__USERS__ALICE__MODE": "signals",
            "SIGNALBOT__DEFAULTS__FILTERS__SYMBOLS": '["BTC/*", "ETH/*"]',
            "SIGNALBOT__DEFAULTS__FILTERS__MAX_SIGNAL_AGE": "45s",
            "SIGNALBOT__DEFAULTS__SIZING": '{"quote_amount": 0.1}',
        },
    )
    alice = config.users[UserId("alice")]
    settings = config.subscriptions[0].settings
    assert config.daemon.log_level == "debug"
    assert config.exchanges["binance"].sandbox is True
    assert (alice.account.leverage, alice.mode) == (7, Mode.SIGNALS)
    assert settings.filters.symbols == ("BTC/*", "ETH/*")
    assert settings.filters.max_signal_age_ms == 45_000
    assert settings.sizing.quote_amount == Decimal("0.1")
    assert settings.sizing.risk_percent == 2, (
        "JSON is merged into the table, it does not replace it"
    )


def test_a_name_with_a_hyphen_is_written_with_an_underscore(tmp_path: Path) -> None:
    """A shell cannot export a variable with a hyphen in its name."""
    config = load_text(tmp_path, FILE, {"SIGNALBOT__STRATEGIES__BTC_TREND__TIMEFRAME": "1h"})
    assert list(config.strategies) == ["btc-trend"]
    assert config.strategies["btc-trend"].timeframe is Timeframe.H1


def test_keys_keep_the_case_they_have_in_the_file(tmp_path: Path) -> None:
    """ccxt's own options are not all lower case."""
    text = FILE.replace("[strategies", "enableRateLimit = true\n[strategies", 1)
    config = load_text(
        tmp_path, text, {"SIGNALBOT__EXCHANGES__BINANCE__CCXT__ENABLERATELIMIT": "false"}
    )
    assert config.exchanges["binance"].ccxt == {"enableRateLimit": False}


def test_a_user_can_be_made_of_variables_alone(tmp_path: Path) -> None:
    """What the file does not have, the environment may add."""
    config = load_text(tmp_path, MINIMAL, {"SIGNALBOT__USERS__BOB__ACCOUNT__EXCHANGE": "sim"})
    assert set(config.users) == {"alice", "bob"}


def test_the_more_particular_variable_wins(tmp_path: Path) -> None:
    """Whatever the order in which they were exported."""
    config = load_text(
        tmp_path,
        MINIMAL,
        {
            "SIGNALBOT__USERS__ALICE__ACCOUNT__LEVERAGE": "3",
            "SIGNALBOT__USERS__ALICE__ACCOUNT": '{"leverage": 9, "exchange": "sim"}',
        },
    )
    assert config.users[UserId("alice")].account.leverage == 3


def test_null_lifts_a_limit(tmp_path: Path) -> None:
    """JSON has what TOML lacks."""
    config = load_text(tmp_path, FILE, {"SIGNALBOT__DEFAULTS__RISK__MAX_OPEN_POSITIONS": "null"})
    assert config.subscriptions[0].settings.risk.max_open_positions is None


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("SIGNALBOT__DEAMON__LOG_LEVEL", "debug", "unknown key 'deamon': did you mean 'daemon'?"),
        ("SIGNALBOT__DAEMON__LOG_LEVEL", "loud", "'loud' is not one of"),
        ("SIGNALBOT__DAEMON", "5", "5 is not a table"),
        ("SIGNALBOT__DEFAULTS__SIZING", "null", "null is not a table"),
        ("SIGNALBOT__DEFAULTS__RISK__COOLDOWN", "", "'' is not a duration"),
        ("SIGNALBOT__USERS__ALICE__ACCOUNT__EXCHANGE", "simm", "did you mean 'sim'?"),
        ("SIGNALBOT__USERS__ALICE__PROTECTION__TAKE_PROFITS", '[{"percent": 1}]', "is missing"),
        ("SIGNALBOT__", "x", "unknown key ''"),
    ],
)
def test_a_wrong_variable_is_named_in_place_of_the_file(
    tmp_path: Path, variable: str, value: str, message: str
) -> None:
    """Who looks into the file would not find the mistake there."""
    problem = only_problem(tmp_path, MINIMAL, {variable: value})
    assert problem.where == f"environment {variable}"
    assert problem.line is None
    assert message in problem.message


def test_what_a_variable_did_not_set_is_the_files_mistake(tmp_path: Path) -> None:
    """A variable beside a mistake is not blamed for it."""
    text = MINIMAL + "[users.alice.risk]\nmax_open_positions = 0\n"
    environ = {"SIGNALBOT__USERS__ALICE__RISK__COOLDOWN": "5m"}
    problem = only_problem(tmp_path, text, environ)
    assert problem.where.endswith("config.toml")
    assert problem.line == 13


def test_a_user_made_of_variables_is_their_mistake_as_a_whole(tmp_path: Path) -> None:
    """What is missing has no line in the file; the variable that began it is named."""
    environ = {"SIGNALBOT__USERS__BOB__MODE": "paper"}
    problem = only_problem(tmp_path, MINIMAL, environ)
    assert problem.where == "environment SIGNALBOT__USERS__BOB__MODE"
    assert problem.path == "users.bob.account"


def test_the_process_environment_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the mapping that was passed in counts."""
    monkeypatch.setenv("SIGNALBOT__DAEMON__LOG_LEVEL", "debug")
    monkeypatch.setenv("USERS", '{"mallory": {}}')
    monkeypatch.setenv("DAEMON", "nonsense")
    config = load_text(tmp_path, MINIMAL)
    assert config.daemon.log_level == "info"
    assert set(config.users) == {"alice"}


def test_file_and_environment_are_wrong_together(tmp_path: Path) -> None:
    """One list of all problems, of the file and of variables."""
    text = MINIMAL + '[daemon]\nlog_format = "xml"\n'
    problems = problems_of(tmp_path, text, {"SIGNALBOT__DAEMON__LOG_LEVEL": "loud"})
    assert sorted(problem.path for problem in problems) == ["daemon.log_format", "daemon.log_level"]
