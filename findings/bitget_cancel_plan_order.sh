#!/bin/sh
# Bitget answers the cancel of a plan order with two lists, and HTTP 200 when the order is in
# failureList. ccxt looks at neither: an order that could not be canceled is returned as an order
# without id, and nothing is raised.
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


EXPECTED = "an error"
SURPRISE = "an order with id None"
failed = {"orderId": "7", "clientOid": "x", "errorMsg": "The order does not exist"}
client = answering("bitget", {"cancel-plan-order": {
    "code": "00000", "msg": "success", "data": {"successList": [], "failureList": [failed]}}})
perpetual(client, "BTCUSDT", "BTC", "USDT", 1)
try:
    order = client.cancel_order("7", "BTC/USDT:USDT", {"trigger": True})
    seen = f"an order with id {order['id']}"
except ccxt.BaseError:
    seen = "an error"

print(f"ccxt {ccxt.__version__}")
print(f"expected: {EXPECTED}")
print(f"seen:     {seen}")
if seen != SURPRISE:
    sys.exit("this is not the behavior that was found")
PYTHON
