#!/bin/sh
# ccxt's HTX client sends size together with from and to when candles are asked for since a time
# with a limit. HTX's documents say that from and to are ignored when all three are sent, so the
# answer is the newest candles; ccxt filters them by since and limit and hands out candles that
# are no continuation.
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


EXPECTED = "from and to, or size, never both"
SURPRISE = "from, size, to"
client = answering("htx", {"/kline": {"status": "ok", "data": []}})
perpetual(client, "BTC-USDT", "BTC", "USDT", 0.001)
client.fetch_ohlcv("BTC/USDT:USDT", "1m", 1700000000000, 100)
names = {part.partition("=")[0] for part in requests[-1][1].partition("?")[2].split("&")}
seen = ", ".join(sorted(names & {"from", "to", "size"}))

print(f"ccxt {ccxt.__version__}")
print(f"expected: {EXPECTED}")
print(f"seen:     {seen}")
if seen != SURPRISE:
    sys.exit("this is not the behavior that was found")
PYTHON
