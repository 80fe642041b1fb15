#!/bin/sh
# Kraken Futures' open_orders feed tells how much of an order has filled altogether. ccxt adds that
# to what it had added before: after 0.3 and 0.5 of an order of 1 it reports 0.8 filled. The client
# id that the feed tells (cli_ord_id) is not read.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq ccxt==4.5.90
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import ccxt
from ccxt import pro
from ccxt.async_support.base.ws.client import Client

EXPECTED = {"filled": 0.5, "clientOrderId": "mine"}
SURPRISE = {"filled": 0.8, "clientOrderId": None}


def told(filled, reason):
    return {"feed": "open_orders", "is_cancel": False, "reason": reason, "order": {
        "instrument": "PF_XBTUSD", "time": 1, "last_update_time": 2, "qty": 1 - filled,
        "filled": filled, "limit_price": 40000.0, "stop_price": 0.0, "type": "limit",
        "order_id": "59302619-41d2-4f0b-941f-7e7914760ad3", "cli_ord_id": "mine", "direction": 0,
        "reduce_only": False}}


client = pro.krakenfutures()
client.set_markets([client.safe_market_structure({
    "id": "PF_XBTUSD", "symbol": "BTC/USD:USD", "base": "BTC", "quote": "USD", "settle": "USD",
    "baseId": "BTC", "quoteId": "USD", "settleId": "USD", "type": "swap", "spot": False,
    "swap": True, "contract": True, "linear": True, "inverse": False, "contractSize": 1,
    "precision": {"amount": 0.0001, "price": 1}})])
socket = Client("ws://127.0.0.1/", None, None, None, None, {})
client.handle_message(socket, told(0.0, "new_placed_order_by_user"))
client.handle_message(socket, told(0.3, "partial_fill"))
client.handle_message(socket, told(0.5, "partial_fill"))
[order] = client.orders
seen = {"filled": order["filled"], "clientOrderId": order["clientOrderId"]}

print(f"ccxt {ccxt.__version__}")
print(f"expected: {EXPECTED}")
print(f"seen:     {seen}")
if seen != SURPRISE:
    sys.exit("this is not the behavior that was found")
PYTHON
