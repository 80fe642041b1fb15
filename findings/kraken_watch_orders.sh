#!/bin/sh
# Kraken's executions channel tells in an update only what has changed: the message that completes
# an order carries no symbol. ccxt looks its order up by that symbol, does not find it, and wakes
# nobody who watches the symbol; the order that was announced with the client id cl_ord_id is
# reported without it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq ccxt==4.5.90
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import sys

import ccxt
from aiohttp import WSMsgType, web
from ccxt import pro


async def serving(handle):
    """A websocket server on a free port; its address and what stops it."""
    server = web.ServerRunner(web.Server(handle))
    await server.setup()
    await web.TCPSite(server, "127.0.0.1", 0).start()
    return f"ws://127.0.0.1:{server.addresses[0][1]}", server.cleanup


def market():
    return {"id": "XXBTZUSD", "symbol": "BTC/USD", "base": "BTC", "quote": "USD", "baseId": "XXBT",
            "quoteId": "ZUSD", "type": "spot", "spot": True, "wsId": "XBT/USD", "info": {},
            "precision": {"amount": 1e-8, "price": 0.1}}



EXPECTED = {"clientOrderId": "mine", "status": "closed"}
SURPRISE = {"clientOrderId": None, "status": "open"}
STAMP = "2026-01-01T00:00:00.000000Z"
NEW = {"order_id": "OK4GJX-KSTLS-7DZZO5", "cl_ord_id": "mine", "symbol": "BTC/USD", "side": "buy",
       "order_type": "limit", "order_qty": 1, "limit_price": 1, "cum_qty": 0, "cum_cost": 0,
       "exec_type": "new", "order_status": "new", "timestamp": STAMP}
FILLED = {"order_id": "OK4GJX-KSTLS-7DZZO5", "cl_ord_id": "mine", "cum_qty": 1, "cum_cost": 1,
          "avg_price": 1, "exec_type": "filled", "order_status": "filled", "timestamp": STAMP}


async def handle(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT and message.json()["method"] == "subscribe":
            for kind, row in (("snapshot", NEW), ("update", FILLED)):
                await asyncio.sleep(0.5)
                await socket.send_json({"channel": "executions", "type": kind, "data": [row]})
    return socket


async def main():
    url, stop = await serving(handle)
    sockets = {"private": f"{url}/", "privateV2": f"{url}/v2"}
    client = pro.kraken({"apiKey": "key", "secret": "c2VjcmV0", "urls": {"api": {"ws": sockets}}})
    client.set_markets([client.safe_market_structure(market())])

    async def token(params):
        return {"error": [], "result": {"token": "t", "expires": 900}}

    client.privatePostGetWebSocketsToken = token
    [order] = await asyncio.wait_for(client.watch_orders("BTC/USD"), 10)
    try:
        order = (await asyncio.wait_for(client.watch_orders("BTC/USD"), 3))[-1]
    except TimeoutError:
        pass  # nobody was woken
    await client.close()
    await stop()
    return {"clientOrderId": order["clientOrderId"], "status": order["status"]}


seen = asyncio.run(main())

print(f"ccxt {ccxt.__version__}")
print(f"expected: {EXPECTED}")
print(f"seen:     {seen}")
if seen != SURPRISE:
    sys.exit("this is not the behavior that was found")
PYTHON
