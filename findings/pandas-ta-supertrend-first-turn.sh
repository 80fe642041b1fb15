#!/bin/sh
# pandas-ta-classic: a Supertrend that is not known yet is up, and its first turn down
#           is invented.
#
# Expected: no direction while the ATR is not known; TradingView's ta.supertrend begins down.
# Seen:     the direction is 1 from the very first candle and its line is 0.0 there; in a market
#           that only falls it turns down once it is defined, which nothing in the market did.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q pandas-ta-classic==0.8.32
"$place/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")
import pandas_ta_classic as pta

close = pd.Series(np.linspace(1_400, 1_000, 80))
found = pta.supertrend(close + 1, close - 1, close, 10, 3)
side, line = found["SUPERTd_10_3.0"], found["SUPERT_10_3.0"]
turns = side.index[side.diff().fillna(0) != 0].tolist()
print("pandas-ta-classic 0.8.32, a steady fall")
print("line:", line.iloc[:12].round(1).tolist())
print("side:", side.iloc[:12].tolist(), "turns at", turns)
assert line.iloc[0] == 0
assert (side.iloc[:10] == 1).all()
assert line.iloc[1:10].isna().all()
assert len(turns) == 1
assert side.iloc[-1] == -1
PYTHON
