"""A month of one-minute candles through the pipeline: 3 users, and 100."""

import tempfile
import time
from pathlib import Path

from signalbot.config.load import load
from signalbot.ops.logging import configure
from signalbot.replay.csv import read_candles
from signalbot.replay.run import narrowed, replay

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
    print(f"{'users':>7} {'seconds':>8} {'candles/s':>10} {'us/candle':>10} {'x 3 users':>10}")
    first_s = 0.0
    for users in (3, 100):
        took_s = _replay(file.candles, file.timeframe, users)
        first_s = first_s or took_s
        count = len(file.candles)
        print(
            f"{users:>7} {took_s:>8.1f} {count / took_s:>10,.0f} {took_s * 1e6 / count:>10.0f}"
            f" {took_s / first_s:>10.1f}"
        )
    print()


def _replay(candles: object, timeframe: object, users: int) -> float:
    with tempfile.TemporaryDirectory() as name, Path("/dev/null").open("w") as nowhere:
        configure(log_format="console", level="error", stream=nowhere, clock=lambda: 0)
        config = Path(name) / "config.toml"
        config.write_text(HEAD + "".join(_user(number) for number in range(users)))
        settings = narrowed(load(config, {}), BTC)
        began_s = time.perf_counter()
        replay(settings, candles, timeframe=timeframe, ledger=Path(name) / "r.db")  # type: ignore[arg-type]
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
