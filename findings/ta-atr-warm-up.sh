#!/bin/sh
# ta: an average true range that is not known yet is zero.
#
# Expected: no value before enough candles are there, as its other indicators and all other
#           libraries have it: a stop at a distance in ATRs then has no distance either.
# Seen:     the first n - 1 values are 0.0, which looks like a market without any range: a stop
#           lies at the entry.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q ta==0.11.0 TA-Lib==0.8.2
"$place/venv/bin/python" - <<'PYTHON'
import numpy as np
import pandas as pd
import ta
import talib

close = pd.Series(100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.002, 60))))
high, low = close * 1.001, close * 0.999
found = ta.volatility.average_true_range(high, low, close, 14)
theirs = talib.ATR(high.to_numpy(), low.to_numpy(), close.to_numpy(), 14)
print("ta 0.11.0:", found.head(15).round(4).tolist())
print("TA-Lib 0.8.2:", theirs[:16].round(4).tolist())
assert (found.iloc[:13] == 0).all()
assert np.isnan(theirs[:14]).all()
assert ta.volatility.bollinger_mavg(close, 14).iloc[:13].isna().all()
PYTHON
