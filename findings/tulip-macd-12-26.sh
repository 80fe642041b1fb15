#!/bin/sh
# Tulip Indicators: MACD with 12 and 26 is another indicator than with any other
#           periods.
#
# Expected: the MACD line is EMA(fast) - EMA(slow), for 12 and 26 as for 12 and 27; TA-Lib, ta and
#           pandas-ta agree.
# Seen:     for exactly 12 and 26 the two weights are 0.15 and 0.075 in place of 2/13 and 2/27;
#           the crossings move.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q tulipy==0.4.0 TA-Lib==0.8.2 'numpy<3'
"$place/venv/bin/python" - <<'PYTHON'
import numpy as np
import talib
import tulipy

print("tulipy 0.4.0, TA-Lib", talib.__version__)
close = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.002, 2_000)))


def average(weight):
    found = close[0]
    for price in close[1:]:
        found += weight * (price - found)
    return found


for slow in (25, 26, 27):
    line = tulipy.macd(close, 12, slow, 9)[0][-1]
    plain = average(2 / 13) - average(2 / (slow + 1))
    theirs = talib.MACD(close, 12, slow, 9)[0][-1]
    print(f"MACD 12/{slow}: tulipy {line:.6f}, by definition {plain:.6f}, TA-Lib {theirs:.6f}")
    assert abs(theirs - plain) < 1e-9
    assert bool(abs(line - plain) < 1e-9) is (slow != 26)
seen = tulipy.macd(close, 12, 26, 9)[0][-1]
assert abs(seen - (average(0.15) - average(0.075))) < 1e-9
PYTHON
