#!/bin/sh
# ccxt's MEXC client sends a futures market order with type 6, which MEXC documents as "convert
# market price to current price"; a market order is type 5.
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


EXPECTED = 5
SURPRISE = 6
client = answering("mexc", {"/order/": {"success": True, "code": 0, "data": {"orderId": "1"}}})
perpetual(client, "BTC_USDT", "BTC", "USDT", 0.0001)
client.create_order("BTC/USDT:USDT", "market", "buy", 1)
seen = client.parse_json(requests[-1][2])["type"]

print(f"ccxt {ccxt.__version__}")
print(f"expected: {EXPECTED}")
print(f"seen:     {seen}")
if seen != SURPRISE:
    sys.exit("this is not the behavior that was found")
PYTHON
