#!/usr/bin/env bash
# ccxt 4.5.90: `set_sandbox_mode(True)` never raises NotSupported; where there is no test network it
# dies with a TypeError.
#
# Expected: ccxt.NotSupported for an exchange without a test network. The method has a branch for it:
#   it looks whether "test" is a key of the exchange's addresses.
# Seen: every exchange has that key, with the value None where there is nothing. The branch is never
#   taken: all 55 of 104 exchanges without a test network (kraken, htx, mexc, bitfinex and others) end
#   in a bare TypeError ('NoneType' object is not iterable). A caller that catches ccxt's errors, as one
#   does around its calls, is left with a crash at start-up.
#
# Needs pip and the package index; contacts no exchange. Exit 0: still as described. Exit 1: changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q "ccxt==4.5.90"
"$folder/venv/bin/python" - <<'PY'
import sys
from collections import Counter

import ccxt

EXPECTED = {"works": 49, "TypeError": 55}
AMONG_THEM = ("kraken", "htx", "mexc")


def enter(name: str) -> str:
    exchange = getattr(ccxt, name)()
    try:
        exchange.set_sandbox_mode(True)
    except Exception as e:
        return type(e).__name__
    return "works"


endings = {name: enter(name) for name in ccxt.exchanges}
seen = dict(Counter(endings.values()))
print("ccxt", ccxt.__version__, "on Python", sys.version.split()[0])
print("expected: works or NotSupported; seen:", seen)
for name in AMONG_THEM:
    test = getattr(ccxt, name)().urls.get("test", "no such key")
    print(f"{name}: urls['test'] is {test}, set_sandbox_mode(True) raises {endings[name]}")
if seen != EXPECTED or any(endings[name] != "TypeError" for name in AMONG_THEM):
    sys.exit("not as described any more")
PY
