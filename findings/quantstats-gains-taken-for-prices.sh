#!/bin/sh
# quantstats: daily returns without a loss are taken for prices.
#
# Expected: a function that is given returns computes with returns; gains alone have no drawdown.
# Seen:     returns that are never negative and above 1 somewhere are silently differenced as if
#           they were prices: gains of 50 %, 20 %, 150 % and 10 % have a drawdown of 93 %, and the
#           Sharpe ratio is another one.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q quantstats==0.0.86
"$place/venv/bin/python" - <<'PYTHON'
import warnings

import pandas as pd
import quantstats as qs

warnings.filterwarnings("ignore")
days = pd.date_range("2022-01-01", periods=4)
gains = pd.Series([0.5, 0.2, 1.5, 0.1], index=days)
fall = float(qs.stats.max_drawdown(gains))
sharpe = float(qs.stats.sharpe(gains, periods=365))
plain = float(gains.mean() / gains.std() * 365**0.5)
print("quantstats", qs.__version__)
print(f"drawdown of gains alone: {fall:.4f}; Sharpe {sharpe:.3f}, by definition {plain:.3f}")
assert abs(fall - (0.1 / 1.5 - 1)) < 1e-9
assert abs(sharpe - plain) > 1
smaller = pd.Series([0.5, 0.2, 0.9, 0.1], index=days)
assert float(qs.stats.max_drawdown(smaller)) == 0
PYTHON
