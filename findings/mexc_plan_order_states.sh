#!/bin/sh
# MEXC documents the states of a plan order as 1 untriggered, 2 canceled, 3 executed, 4 invalid, 5
# execution failed. ccxt reads them as the states of a plain order, in which 2 is uncompleted: a
# plan order that was canceled is reported open.
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


EXPECTED = "canceled"
SURPRISE = "open"
row = {"id": "7", "symbol": "BTC_USDT", "side": 4, "state": 2, "vol": 1, "triggerPrice": 49000,
       "orderType": 5, "price": 0, "createTime": 1, "updateTime": 2}
client = answering("mexc", {"planorder": {"success": True, "code": 0, "data": [row]}})
perpetual(client, "BTC_USDT", "BTC", "USDT", 0.0001)
client.options["fetchOrders"] = "contractPrivateGetPlanorderListOrders"
[order] = client.fetch_orders("BTC/USDT:USDT", None, 10)
seen = order["status"]

print(f"ccxt {ccxt.__version__}")
print(f"expected: {EXPECTED}")
print(f"seen:     {seen}")
if seen != SURPRISE:
    sys.exit("this is not the behavior that was found")
PYTHON
