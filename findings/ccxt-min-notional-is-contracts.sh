#!/bin/sh
# ccxt: minNotional and maxNotional of leverage tiers count contracts at OKX, HTX and
#           MEXC.
#
# Expected: minNotional and maxNotional are in the currency that the tier names (the manual:
#           'notional value in currency'), so that a position's value finds its tier.
# Seen:     at three exchanges they are numbers of contracts: 600 contracts of 0.01 BTC are
#           reported as a notional of 600 USDT; a position of 24,000 USDT is looked for many tiers
#           too high.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q ccxt==4.5.90
"$place/venv/bin/python" - <<'PYTHON'
import asyncio

import ccxt.async_support as ccxt

MARKET = {"symbol": "BTC/USDT:USDT", "base": "BTC", "quote": "USDT", "settle": "USDT", "id": "x"}
ANSWERS = {
    "okx": [{"tier": "1", "minSz": "0", "maxSz": "600", "mmr": "0.004", "maxLever": "100"},
            {"tier": "2", "minSz": "601", "maxSz": "1000", "mmr": "0.005", "maxLever": "75"}],
    "htx": {"contract_code": "BTC-USDT", "trade_partition": "USDT", "list": [
        {"lever_rate": 75, "ladders": [
            {"ladder": 0, "min_size": 0, "max_size": 999, "adjust_factor": 0.7},
            {"ladder": 1, "min_size": 1000, "max_size": 2999, "adjust_factor": 0.75}]}]},
    "mexc": {"symbol": "BTC_USDT", "quoteCoin": "USDT", "maxLeverage": 125, "maxVol": 400000,
             "maintenanceMarginRate": 0.004, "initialMarginRate": 0.008, "riskIncrVol": 200000,
             "riskIncrMmr": 0.004, "riskIncrImr": 0.004},
}


async def tiers(name):
    client = getattr(ccxt, name)()
    try:
        return client.parse_market_leverage_tiers(ANSWERS[name], MARKET)
    finally:
        await client.close()


print("ccxt", ccxt.__version__)
contracts = {"okx": 601, "htx": 1000, "mexc": 200000}
for name, expected in contracts.items():
    second = asyncio.run(tiers(name))[1]
    print(f"{name}: second tier from {second['minNotional']} {second['currency']}: contracts")
    assert second["minNotional"] == expected
    assert second["currency"] == "USDT"
PYTHON
