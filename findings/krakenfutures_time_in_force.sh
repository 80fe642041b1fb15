#!/bin/sh
# ccxt's features of Kraken Futures name IOC and FOK, but the client compares with "ioc" in small
# letters only and knows no FOK: a limit order with timeInForce IOC is sent as "lmt" and rests in
# the book.
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


EXPECTED = ["ioc", "fok"]
SURPRISE = ["lmt", "lmt"]
client = answering("krakenfutures", {"sendorder": {
    "result": "success", "sendStatus": {"status": "placed", "order_id": "1", "orderEvents": []}}})
perpetual(client, "PF_XBTUSD", "BTC", "USD", 1)
forces = client.features["swap"]["linear"]["createOrder"]["timeInForce"]
assert forces["IOC"] and forces["FOK"]
seen = []
for force in ("IOC", "FOK"):
    params = {"timeInForce": force}
    client.create_order("BTC/USD:USD", "limit", "buy", 1, 40000, params)
    asked = dict(part.split("=") for part in requests[-1][1].partition("?")[2].split("&"))
    seen.append(asked["orderType"])

print(f"ccxt {ccxt.__version__}")
print(f"expected: {EXPECTED}")
print(f"seen:     {seen}")
if seen != SURPRISE:
    sys.exit("this is not the behavior that was found")
PYTHON
