"""quantstats and empyrical: Sharpe, Sortino and deepest fall of given daily returns."""

import json
import sys
import warnings

import empyrical
import pandas as pd
import quantstats.stats as qs

warnings.filterwarnings("ignore")
returns = pd.Series(json.load(sys.stdin), dtype=float)
returns.index = pd.date_range("2022-01-01", periods=len(returns), freq="D")
json.dump(
    {
        "quantstats": {
            "sharpe": float(qs.sharpe(returns, periods=365)),
            "sortino": float(qs.sortino(returns, periods=365)),
            "drawdown": float(-qs.max_drawdown(returns) * 100),
        },
        "empyrical": {
            "sharpe": float(empyrical.sharpe_ratio(returns, annualization=365)),
            "sortino": float(empyrical.sortino_ratio(returns, annualization=365)),
            "drawdown": float(-empyrical.max_drawdown(returns) * 100),
        },
    },
    sys.stdout,
)
