"""A month of one-minute candles through the pipeline: 3 users, and 100."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from signalbot.config.load import load
from signalbot.domain.market import Candle
from signalbot.domain.timeframe import Timeframe
from signalbot.observability.logging.setup import configure_logging
from signalbot.replay.candle_files import read_candles
from signalbot.replay.run import config_for_symbol, replay
from signalbot.tasks import freeze_gc

DATA = Path(__file__).parents[3] / "shared" / "data" / "btc-perp-1m-2022-01.csv"
BTC = "BTC/USDT:USDT"

HEAD = """
[exchanges.binance]
ccxt_id = "binanceusdm"
[strategies.cross]
kind = "ema_cross"
exchange = "binance"
symbols = ["BTC/USDT:USDT"]
timeframe = "1m"
params = { fast = 9, slow = 21 }
[defaults.sizing]
mode = "quote"
quote_amount = 1000
"""


def main() -> None:
    print("Replay of a 1m EMA 9/21 cross, market entries with stop and targets")
    if not DATA.exists():
        print(f"skipped: {DATA.name} is not beside the checkout\n")
        return
    file = read_candles(DATA, BTC)
    print(f"{'users':>7} {'candles':>8} {'seconds':>8} {'candles/s':>10} {'x 3 users':>10}")
    first_s = 0.0
    whole, part = len(file.candles), 6_000
    for users, count in ((3, whole), (3, part), (100, part)):
        took_s = _replay(file.candles[:count], file.timeframe, users)
        first_s = took_s if users == 3 else first_s
        print(
            f"{users:>7} {count:>8} {took_s:>8.1f} {count / took_s:>10,.0f}"
            f" {took_s / first_s:>10.1f}"
        )
    print()


def _replay(candles: Sequence[Candle], timeframe: Timeframe, users: int) -> float:
    with tempfile.TemporaryDirectory() as name, Path("/dev/null").open("w") as nowhere:
        configure_logging(log_format="console", level="error", stream=nowhere, clock=lambda: 0)
        config = Path(name) / "config.toml"
        config.write_text(HEAD + "".join(_user(number) for number in range(users)))
        settings = config_for_symbol(load(config, {}), BTC)
        freeze_gc()
        began_s = time.perf_counter()
        replay(settings, candles, timeframe=timeframe, ledger=Path(name) / "r.db")
        return time.perf_counter() - began_s


def _user(number: int) -> str:
    return f"""
[users.user{number}]
mode = "paper"
[users.user{number}.account]
exchange = "binance"
leverage = {1 + number % 5}
[users.user{number}.subscriptions.cross]
sizing = {{ quote_amount = {500 + 10 * (number % 50)} }}
"""
