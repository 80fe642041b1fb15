#!/bin/sh
# ccxt's HTX client asks /v5/trade/order/history for closed orders with a parameter "states"; the
# parameter is "state" (as in HTX.Net). A server that ignores unknown parameters answers canceled
# orders too, and ccxt hands them out as closed orders without looking at their status.
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


EXPECTED = ["1 closed"]
SURPRISE = ["1 closed", "2 canceled"]


def row(number, state):
    return {"order_id": number, "contract_code": "BTC-USDT", "side": "buy", "state": state,
            "type": "limit", "price": "1", "volume": "1", "trade_volume": "1", "fee": "0",
            "created_time": "1700000000000", "updated_time": "1700000000000"}


client = answering("htx", {"state=": {"code": 200, "data": [row("1", "filled")]}, "order/history": {
    "code": 200, "data": [row("1", "filled"), row("2", "canceled")]}})
perpetual(client, "BTC-USDT", "BTC", "USDT", 0.001)
orders = client.fetch_closed_orders("BTC/USDT:USDT")
assert "states=filled" in requests[-1][1]
seen = [f"{order['id']} {order['status']}" for order in orders]

print(f"ccxt {ccxt.__version__}")
print(f"expected: {EXPECTED}")
print(f"seen:     {seen}")
if seen != SURPRISE:
    sys.exit("this is not the behavior that was found")
PYTHON
