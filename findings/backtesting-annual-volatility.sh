#!/bin/sh
# backtesting.py: annual volatility is not the daily deviation times the root of the
#           days.
#
# Expected: about 57 % a year from daily returns that deviate by 3 %; Sharpe is their mean by
#           their deviation, annualized, as in quantstats and empyrical.
# Seen:     99 % and a Sharpe ratio of 0.60 in place of 1.10: the variance is compounded over the
#           year, and the numerator is the geometric return; the difference grows with the
#           volatility itself.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q backtesting==0.6.6 quantstats==0.0.86
"$place/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
import pandas as pd
import quantstats as qs
from backtesting import Backtest, Strategy

warnings.filterwarnings("ignore")
random = np.random.default_rng(1)
random.normal(0, 0.002, 600)
returns = random.normal(0.002, 0.03, 60)
days = pd.date_range("2022-01-01", periods=60, freq="D")
price = 100 * (1 + returns).cumprod()
frame = pd.DataFrame({name: price for name in ("Open", "High", "Low", "Close")}, index=days)


class Hold(Strategy):
    def init(self):
        pass

    def next(self):
        if len(self.data) == 3:
            self.buy(size=1)


run = Backtest(frame, Hold, cash=price[3] * 1.0001, trade_on_close=True, finalize_trades=True)
stats = run.run()
daily = stats["_equity_curve"]["Equity"].pct_change().dropna()
plain = float(daily.std() * 365**0.5 * 100)
theirs = float(qs.stats.sharpe(daily, periods=365))
seen, sharpe = float(stats["Volatility (Ann.) [%]"]), float(stats["Sharpe Ratio"])
print(f"volatility {seen:.1f} %, daily deviation x root of 365 is {plain:.1f} %")
print(f"Sharpe {sharpe:.3f}, quantstats {theirs:.3f}")
mean = (1 + daily).prod() ** (1 / len(daily)) - 1
compounded = ((daily.var(ddof=1) + (1 + mean) ** 2) ** 365 - (1 + mean) ** 730) ** 0.5 * 100
assert seen > 1.5 * plain
assert abs(seen - compounded) / seen < 0.1
assert sharpe < 0.7 * theirs
PYTHON
