"""The loopback exchange in a process of its own: ``python -m tests.loopback ACCOUNTS``.

Accounts are ``key-0`` and so on, with the secret ``secret``. Prints its settings for ccxt as one
line of JSON, serves until its standard input ends.
"""

import asyncio
import json
import sys

from tests.loopback.binance import binance


async def _serve(accounts: int) -> None:
    async with binance() as venue:
        for number in range(accounts):
            holder = venue.book.add(f"key-{number}", "secret")
            holder.leverage["BTCUSDT"], holder.margin["BTCUSDT"] = 5, "ISOLATED"
        print(json.dumps(venue.ccxt()), flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(_serve(int(sys.argv[1])))
