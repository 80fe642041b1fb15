#!/bin/sh
# MEXC numbers the sides of futures orders 1 open long, 2 close short, 3 open short, 4 close long.
# ccxt reads them with the numbers of spot streams: the buy that closes a short is a "sell", and
# the sells have no side at all.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq ccxt==4.5.90
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import ccxt

requests = []


def answering(name, answers):
    """A client whose requests are recorded and answered from a table, by a part of the address."""
    client = getattr(ccxt, name)({"apiKey": "key", "secret": "c2VjcmV0", "password": "p"})

    def fetch(url, method="GET", headers=None, body=None):
        requests.append((method, url, body or ""))
        return next(answer for part, answer in answers.items() if part in url)

    client.fetch = fetch
    return client


def perpetual(client, identity, base, quote, size):
    """Let the client know one linear perpetual."""
    client.set_markets([client.safe_market_structure({
        "id": identity, "symbol": f"{base}/{quote}:{quote}", "base": base, "quote": quote,
        "settle": quote, "baseId": base, "quoteId": quote, "settleId": quote, "type": "swap",
        "spot": False, "swap": True, "future": False, "contract": True, "linear": True,
        "inverse": False, "contractSize": size, "active": True,
        "precision": {"amount": size if size != 1 else 0.0001, "price": 0.1},
    })])


EXPECTED = {1: "buy", 2: "buy", 3: "sell", 4: "sell"}
SURPRISE = {1: "buy", 2: "sell", 3: "3", 4: "4"}
rows = [{"orderId": str(side), "symbol": "BTC_USDT", "side": side, "state": 3, "vol": 1,
         "dealVol": 1, "price": 1, "dealAvgPrice": 1, "orderType": 5, "createTime": side,
         "updateTime": side, "externalOid": ""} for side in (1, 2, 3, 4)]
client = answering("mexc", {"history_orders": {"success": True, "code": 0, "data": rows}})
perpetual(client, "BTC_USDT", "BTC", "USDT", 0.0001)
seen = {int(order["id"]): order["side"] for order in client.fetch_orders("BTC/USDT:USDT")}

print(f"ccxt {ccxt.__version__}")
print(f"expected: {EXPECTED}")
print(f"seen:     {seen}")
if seen != SURPRISE:
    sys.exit("this is not the behavior that was found")
PYTHON
