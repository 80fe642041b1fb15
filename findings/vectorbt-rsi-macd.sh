#!/bin/sh
# vectorbt: RSI is never Wilder's, and MACD is made of simple averages.
#
# Expected: RSI smooths by Wilder's average and MACD by exponential ones, as their authors have it
#           and TA-Lib, ta, tulipy and pandas-ta do.
# Seen:     vbt.RSI takes simple averages, or with ewm=True exponential ones of weight 2/(n+1);
#           neither is Wilder's. vbt.MACD takes simple averages unless two switches are set.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q vectorbt==1.2.0 TA-Lib==0.8.2
"$place/venv/bin/python" - <<'PYTHON'
import numpy as np
import pandas as pd
import talib
import vectorbt as vbt

print("vectorbt", vbt.__version__, "TA-Lib", talib.__version__)
moves = np.random.default_rng(1).normal(0, 0.002, 600)
close = pd.Series(100 * np.exp(np.cumsum(moves)))
wilder = talib.RSI(close.to_numpy(), 14)[-1]
plain = vbt.RSI.run(close, 14).rsi.iloc[-1]
smooth = vbt.RSI.run(close, 14, ewm=True).rsi.iloc[-1]
print(f"RSI 14: Wilder {wilder:.2f}, vbt {plain:.2f}, vbt with ewm=True {smooth:.2f}")
assert abs(plain - wilder) > 1
assert abs(smooth - wilder) > 1
macd = talib.MACD(close.to_numpy())[0][-1]
simple = vbt.MACD.run(close).macd.iloc[-1]
switched = vbt.MACD.run(close, macd_ewm=True, signal_ewm=True).macd.iloc[-1]
print(f"MACD 12/26: TA-Lib {macd:.4f}, vbt {simple:.4f}, vbt with macd_ewm {switched:.4f}")
by_hand = close.rolling(12).mean() - close.rolling(26).mean()
assert abs(simple - by_hand.iloc[-1]) < 1e-9
assert abs(simple - macd) > 0.1
assert abs(switched - macd) < 1e-6
PYTHON
