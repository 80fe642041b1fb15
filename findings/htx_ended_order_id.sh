#!/bin/sh
# HTX lists an order that has ended with two ids: "order_id" is the order's, "id" is that of the
# record ("Query id" in HTX.Net), and they differ, as in the answers that ccxt's own source quotes.
# ccxt takes "id": the order has another id than the one that create_order returned.
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


EXPECTED = ["1513834754585190400", "1513834754585190400"]
SURPRISE = ["1513834754585190400", "1513834754654384129"]
row = {"id": "1513834754654384129", "order_id": "1513834754585190400", "side": "buy",
       "contract_code": "BTC-USDT", "type": "market", "state": "filled", "price": "0",
       "volume": "1", "trade_volume": "1", "fee": "0", "created_time": "1700000000000",
       "updated_time": "1700000000000"}
client = answering("htx", {
    "order/history": {"code": 200, "data": [row]},
    "trade/order": {"code": 200, "data": {"order_id": "1513834754585190400"}}})
perpetual(client, "BTC-USDT", "BTC", "USDT", 0.001)
placed = client.create_order("BTC/USDT:USDT", "market", "buy", 1)
[ended] = client.fetch_closed_orders("BTC/USDT:USDT")
seen = [placed["id"], ended["id"]]

print(f"ccxt {ccxt.__version__}")
print(f"expected: {EXPECTED}")
print(f"seen:     {seen}")
if seen != SURPRISE:
    sys.exit("this is not the behavior that was found")
PYTHON
