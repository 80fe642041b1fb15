#!/bin/sh
# ccxt's Kraken client keeps candle streams apart by symbol only, not by timeframe. A program that
# watches minutes and hours of one symbol subscribes to the first alone, and receives minutes as
# hours.
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



EXPECTED = {"subscriptions": [1, 60], "hours begin at": 3600000}
SURPRISE = {"subscriptions": [1], "hours begin at": 60000}
asked = []


async def handle(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is not WSMsgType.TEXT or message.json()["method"] != "subscribe":
            continue
        minutes = message.json()["params"]["interval"]
        asked.append(minutes)
        candle = {"symbol": "BTC/USD", "open": 1, "high": 1, "low": 1, "close": 1, "volume": 1,
                  "interval": minutes, "interval_begin":
                  {1: "1970-01-01T00:01:00.000000Z", 60: "1970-01-01T01:00:00.000000Z"}[minutes]}
        for _ in range(3):
            await socket.send_json({"channel": "ohlc", "type": "update", "data": [candle]})
            await asyncio.sleep(0.2)
    return socket


async def main():
    url, stop = await serving(handle)
    client = pro.kraken({"urls": {"api": {"ws": {"publicV2": f"{url}/v2"}}}})
    client.set_markets([client.safe_market_structure(market())])
    minutes, hours = await asyncio.wait_for(asyncio.gather(
        client.watch_ohlcv("BTC/USD", "1m"), client.watch_ohlcv("BTC/USD", "1h")), 10)
    await client.close()
    await stop()
    return {"subscriptions": asked, "hours begin at": hours[-1][0]}


seen = asyncio.run(main())

print(f"ccxt {ccxt.__version__}")
print(f"expected: {EXPECTED}")
print(f"seen:     {seen}")
if seen != SURPRISE:
    sys.exit("this is not the behavior that was found")
PYTHON
