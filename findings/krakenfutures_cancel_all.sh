#!/bin/sh
# ccxt's Kraken Futures client returns the first canceled order as many times as orders were
# canceled.
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


EXPECTED = ["a", "b", "c"]
SURPRISE = ["a", "a", "a"]


def canceled(name):
    order = {"orderId": name, "cliOrdId": None, "type": "lmt", "symbol": "PF_XBTUSD",
             "side": "buy", "quantity": 1, "filled": 0, "limitPrice": 40000, "reduceOnly": False,
             "timestamp": "2024-06-06T01:11:16.045Z",
             "lastUpdateTimestamp": "2024-06-06T01:11:16.045Z"}
    return {"uid": name, "type": "CANCEL", "order": order}


client = answering("krakenfutures", {"cancelallorders": {"result": "success", "cancelStatus": {
    "status": "cancelled", "cancelledOrders": [{"order_id": name} for name in "abc"],
    "orderEvents": [canceled(name) for name in "abc"]}}})
perpetual(client, "PF_XBTUSD", "BTC", "USD", 1)
seen = [order["id"] for order in client.cancel_all_orders("BTC/USD:USD")]

print(f"ccxt {ccxt.__version__}")
print(f"expected: {EXPECTED}")
print(f"seen:     {seen}")
if seen != SURPRISE:
    sys.exit("this is not the behavior that was found")
PYTHON
