#!/bin/sh
# ccxt's HTX client builds an order with triggerPrice as an algo order of type "trigger" and then
# overwrites the type: what is sent to /v5/algo/order is "market" (or "limit"), although the same
# client asks for such orders with type=trigger. HTX knows the algo types trigger, tp, sl, tpsl
# and trailing_stop.
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


EXPECTED = "an algo order of type trigger"
SURPRISE = "an algo order of type market"
client = answering("htx", {"/v5/algo/order": {"code": 200, "data": {"algo_id": "1"}}})
perpetual(client, "BTC-USDT", "BTC", "USDT", 0.001)
client.create_order("BTC/USDT:USDT", "market", "sell", 1, None, {"triggerPrice": 49000})
method, url, body = requests[-1]
seen = f"an algo order of type {client.parse_json(body)['type']}"

print(f"ccxt {ccxt.__version__}")
print(f"expected: {EXPECTED}")
print(f"seen:     {seen}")
if seen != SURPRISE:
    sys.exit("this is not the behavior that was found")
PYTHON
