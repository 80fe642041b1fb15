"""Settings an exchange does not support are reported by ``check``, at their line."""

from pathlib import Path

import ccxt
import pytest

from signalbot.config.checks.live import live_problems
from signalbot.config.checks.strategies import check_strategies
from signalbot.exchange.live.registry import SUPPORTED
from tests.config.config_files import load_text

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
        ("binanceusdm", "binanceusdn", "exchanges.x.ccxt_id", "use one of binanceusdm, binance"),
        ("binanceusdm", "zaif", "exchanges.x.ccxt_id", "use one of binanceusdm, binance"),
        ("binanceusdm", "huobi", "exchanges.x.ccxt_id", "did you mean 'htx'?"),
        ("binanceusdm", "okex5", "exchanges.x.ccxt_id", "did you mean 'okx'?"),
        ("BTC/USDT:USDT", "BTC/USDT", "strategies.trend.symbols", "is a spot market"),
    ],
)
def test_unsupported_settings_are_reported_before_the_first_trade(
    tmp_path: Path, before: str, after: str, path: str, says: str
) -> None:
    """With the key that requires it."""
    (problem,) = live_problems(load_text(tmp_path, FUTURES.replace(before, after)))
    assert problem.path == path
    assert says in problem.message


@pytest.mark.parametrize("ccxt_id", SUPPORTED)
def test_a_missing_test_network_is_reported(tmp_path: Path, ccxt_id: str) -> None:
    """Per ccxt: what would fail at the start is reported by check."""
    client = getattr(ccxt, ccxt_id)()
    try:
        client.set_sandbox_mode(True)
        has_sandbox = True
    except (ccxt.NotSupported, TypeError):
        has_sandbox = False
    text = FUTURES.replace('"binanceusdm"', f'"{ccxt_id}"\nsandbox = true')
    problems = [each for each in live_problems(load_text(tmp_path, text)) if "sandbox" in each.path]
    assert [each.message for each in problems] == (
        []
        if has_sandbox
        else [f"{ccxt_id!r} has no test network: set it to false, and test in mode 'paper'"]
    )


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


CANDLES = """
[exchanges.x]
ccxt_id = "CCXT"
[strategies.trend]
kind = "ema_cross"
exchange = "x"
symbols = ["SYMBOL"]
timeframe = "TIMEFRAME"
params = { PARAMS }
"""


@pytest.mark.parametrize(
    ("ccxt_id", "symbol", "timeframe", "params", "key", "says"),
    [
        ("binanceusdm", "BTC/USDT:USDT", "10m", "", "timeframe", "has no 10m candles"),
        ("htx", "BTC/USDT:USDT", "3m", "", "timeframe", "use one of 1m, 5m, 15m, 30m, 1h, 4h"),
        ("htx", "BTC/USDT:USDT", "1d", "", "timeframe", "its days open at 16:00 UTC"),
        ("mexc", "BTC/USDT:USDT", "2h", "", "timeframe", "has no 2h candles"),
        ("kraken", "BTC/USD", "12h", "", "timeframe", "has no 12h candles"),
        ("krakenfutures", "BTC/USD:USD", "6h", "", "timeframe", "4h, 12h, 1d"),
        ("kraken", "BTC/USD", "5m", "slow = 200", "params", "the latest 719: use shorter"),
        ("htx", "BTC/USDT:USDT", "1h", 'trend_timeframe = "12h"', "params", "12h candles"),
    ],
)
def test_candles_that_an_exchange_does_not_provide_are_problems(
    tmp_path: Path, ccxt_id: str, symbol: str, timeframe: str, params: str, key: str, says: str
) -> None:
    """With what it offers; before a strategy waits for them for ever."""
    text = CANDLES.replace("CCXT", ccxt_id).replace("SYMBOL", symbol)
    text = text.replace("TIMEFRAME", timeframe).replace("PARAMS", params)
    (problem,) = check_strategies(load_text(tmp_path, text))
    assert problem.path.startswith(f"strategies.trend.{key}")
    assert says in problem.message
