"""``python -m tests.venue --port 8900 --dialect binance --users 1000``: the exchange by itself.

Accounts are ``user-0001`` and so on, their secrets ``user-0001-secret``. It is scripted through
``/_venue/`` and ends with SIGINT or SIGTERM.
"""

import argparse
import asyncio
import json
import signal
import sys
from decimal import Decimal

import uvloop

from tests.venue.server import DIALECTS, OTHERS, Venue, build, listening


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m tests.venue")
    parser.add_argument("--port", type=int, default=8900, help="0: a free one, told on stdout")
    parser.add_argument("--dialect", choices=sorted(DIALECTS | OTHERS), default="binance")
    parser.add_argument("--users", type=int, default=0, help="accounts to open")
    parser.add_argument("--wallet", type=Decimal, default=Decimal(10_000), help="of each account")
    parser.add_argument("--timeframe", action="append", default=[], help="built from prices")
    parser.add_argument("--spot", action="store_true", help="list spot pairs beside perpetuals")
    told = parser.parse_args()
    it = build(told.dialect)
    if told.spot:
        it.list_spot()
    it.keeps_calls = False
    it.engine.timeframes = tuple(told.timeframe)
    for number in range(1, told.users + 1):
        it.add_account(f"user-{number:04}", wallet=told.wallet)
    uvloop.run(_serve(it, told.port))


async def _serve(it: Venue, port: int) -> None:
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with listening(it, port=port):
        line = {"url": it.url, "ccxt": it.ccxt_config(), "accounts": len(it.engine.accounts)}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    main()
