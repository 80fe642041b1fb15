"""backtesting.py: follow given sides at the close of candles; tell every trade."""

import json
import sys
import warnings

import pandas as pd
from backtesting import Backtest, Strategy

warnings.filterwarnings("ignore")
given = json.load(sys.stdin)
frame = pd.DataFrame(given["candles"], columns=["Time", "Open", "High", "Low", "Close"])
frame.index = pd.to_datetime(frame.pop("Time"), unit="ms")
sides = given["sides"]  # by index of the candle at whose close it is said


class Follow(Strategy):
    def init(self):
        pass

    def next(self):
        side = sides.get(str(len(self.data) - 1))
        if side == 1:
            self.buy(size=given["size"])
        elif side == -1:
            self.sell(size=given["size"])


run = Backtest(
    frame, Follow, cash=given["cash"], commission=given["commission"], margin=given["margin"],
    trade_on_close=True, exclusive_orders=True, finalize_trades=True,
)  # fmt: skip
stats = run.run()
trades = stats["_trades"]
json.dump(
    {
        "trades": [
            [int(row.Size), float(row.EntryPrice), float(row.ExitPrice), float(row.PnL),
             float(row.Commission)]
            for row in trades.itertuples()
        ],
        "equity": float(stats["Equity Final [$]"]),
    },
    sys.stdout,
)  # fmt: skip
