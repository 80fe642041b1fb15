"""What an exchange cannot do is told by ``check``, at its place in the file."""

from pathlib import Path

import pytest

from signalbot.config.live import live_problems
from tests.config.files import load_text

FUTURES = """
[exchanges.x]
ccxt_id = "binanceusdm"
[strategies.trend]
kind = "ema_cross"
exchange = "x"
symbols = ["BTC/USDT:USDT"]
timeframe = "5m"
[users.alice]
mode = "live"
[users.alice.account]
exchange = "x"
leverage = 5
[users.alice.subscriptions.trend]
"""


def test_what_the_exchange_can_do_is_no_problem(tmp_path: Path) -> None:
    """Futures with a stop, targets and leverage."""
    assert live_problems(load_text(tmp_path, FUTURES)) == ()


@pytest.mark.parametrize(
    ("before", "after", "path", "says"),
    [
        ("binanceusdm", "binanceusdn", "exchanges.x.ccxt_id", "did you mean 'binanceusdm'"),
        ("binanceusdm", "zaif", "exchanges.x.ccxt_id", "use one of"),
        ("BTC/USDT:USDT", "BTC/USDT", "strategies.trend.symbols", "is a spot market"),
    ],
)
def test_what_it_cannot_do_is_told_before_the_first_trade(
    tmp_path: Path, before: str, after: str, path: str, says: str
) -> None:
    """With the key that asks for it."""
    (problem,) = live_problems(load_text(tmp_path, FUTURES.replace(before, after)))
    assert problem.path == path
    assert says in problem.message


@pytest.mark.parametrize(
    ("line", "path", "says"),
    [
        ("verbose = true", "exchanges.x.ccxt.verbose", "would print keys"),
        ("apiKey = 'k'", "exchanges.x.ccxt.apiKey", "signalbot keys set"),
        ("socksProxy = 'socks5://h:1'", "exchanges.x.ccxt.socksProxy", "SOCKS"),
        ("cafile = '/nowhere.pem'", "exchanges.x.ccxt.cafile", "there is no file"),
        (
            "options = { maxRetriesOnFailure = 3 }",
            "exchanges.x.ccxt.options.maxRetriesOnFailure",
            "send orders again",
        ),
    ],
)
def test_a_setting_that_would_break_a_promise_is_refused(
    tmp_path: Path, line: str, path: str, says: str
) -> None:
    """At its own line, before anything is opened."""
    text = FUTURES.replace("[strategies", f"[exchanges.x.ccxt]\n{line}\n[strategies", 1)
    (problem,) = live_problems(load_text(tmp_path, text))
    assert problem.path == path
    assert says in problem.message
    assert problem.line is not None
