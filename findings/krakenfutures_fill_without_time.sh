#!/bin/sh
# ccxt's Kraken Futures client answers a market order with the fills of the exchange's EXECUTION
# events, which carry the time of the order they belong to. The fills that it makes of them have no
# time (timestamp is None), so they cannot be booked or put in order.
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


EXPECTED = "the fill has the time that stands in its event"
SURPRISE = "the fill has no time"
STAMP = "2026-03-02T06:10:31.954Z"
order = {
    "orderId": "59302619-41d2-4f0b-941f-7e7914760ad3", "cliOrdId": None, "type": "ioc",
    "symbol": "PF_XBTUSD", "side": "buy", "quantity": 0.02, "filled": 0, "limitPrice": 50500.0,
    "reduceOnly": False, "timestamp": STAMP, "lastUpdateTimestamp": STAMP,
}
event = {
    "type": "EXECUTION", "executionId": "e1ec9f63-2338-4c44-b40a-43486c6732d7", "price": 50000.0,
    "amount": 0.02, "orderPriorEdit": None, "orderPriorExecution": order,
    "takerReducedQuantity": None,
}
client = answering("krakenfutures", {"sendorder": {
    "result": "success", "serverTime": STAMP,
    "sendStatus": {"order_id": order["orderId"], "status": "placed", "receivedTime": STAMP,
                   "orderEvents": [event]},
}})
perpetual(client, "PF_XBTUSD", "BTC", "USD", 1)
(fill,) = client.create_order("BTC/USD:USD", "market", "buy", 0.02)["trades"]
seen = SURPRISE if fill["timestamp"] is None else EXPECTED

print(f"ccxt {ccxt.__version__}")
print(f"expected: {EXPECTED}")
print(f"seen:     {seen}")
if seen != SURPRISE:
    sys.exit("this is not the behavior that was found")
PYTHON
