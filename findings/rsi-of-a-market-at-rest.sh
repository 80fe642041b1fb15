#!/bin/sh
# RSI of a market that does not move: three libraries, three answers.
#
# Expected: no gain and no loss: either no value, or the neutral 50; whatever it is, the same for
#           the same indicator.
# Seen:     TA-Lib says 0 (as oversold as can be), ta says 100 (as overbought as can be), tulipy
#           says NaN.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q TA-Lib==0.8.2 ta==0.11.0 tulipy==0.4.0 'numpy<3'
"$place/venv/bin/python" - <<'PYTHON'
import numpy as np
import pandas as pd
import ta
import talib
import tulipy

close = np.full(60, 40_000.0)
seen = {
    "TA-Lib 0.8.2": float(talib.RSI(close, 14)[-1]),
    "ta 0.11.0": float(ta.momentum.rsi(pd.Series(close), 14).iloc[-1]),
    "tulipy 0.4.0": float(tulipy.rsi(close, 14)[-1]),
}
for name, value in seen.items():
    print(f"{name}: RSI 14 of a constant price is {value}")
assert seen["TA-Lib 0.8.2"] == 0
assert seen["ta 0.11.0"] == 100
assert np.isnan(seen["tulipy 0.4.0"])
PYTHON
