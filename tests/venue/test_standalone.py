"""The exchange runs as a process of its own and is scripted through ``/_venue/``."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import aiohttp
import ccxt.async_support as ccxt
import pytest

from tests.venue.control import VERBS
from tests.venue.switches import Switches

SYMBOL = "BTC/USDT:USDT"


class Remote:
    """A venue in another process."""

    def __init__(self, session: aiohttp.ClientSession, told: dict[str, Any]) -> None:
        self.url: str = told["url"]
        self.ccxt: dict[str, Any] = told["ccxt"]
        self._session = session

    async def say(self, verb: str, **body: Any) -> Any:
        """The answer, or the error's text."""
        async with self._session.post(f"{self.url}/_venue/{verb}", json=body) as response:
            answer = await response.json()
            return answer.get("ok", answer.get("error"))


@pytest.fixture
async def remote() -> AsyncIterator[Remote]:
    """``python -m tests.venue`` on a free port with two accounts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.venue", "--port", "0", "--users", "2",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    told = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
    async with aiohttp.ClientSession() as session:
        yield Remote(session, told)
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_another_process_scripts_the_exchange_and_reads_its_book(remote: Remote) -> None:
    """Prices, candles, faults, accounts; positions, orders, counts."""
    await remote.say("set_price", symbol="BTCUSDT", price="51000")
    await remote.say("fault", leg="entry", does=[{"kind": "drop"}])
    await remote.say(
        "push_candle", symbol="BTCUSDT", timeframe="1m", open_ms=60_000, open="1", high="3",
        low="1", close="2",
    )  # fmt: skip
    client = ccxt.binanceusdm(
        {"apiKey": "user-0002", "secret": "user-0002-secret", **remote.ccxt,
         "options": {"fetchCurrencies": False}}
    )  # fmt: skip
    try:
        with pytest.raises(ccxt.ExchangeNotAvailable):
            await client.create_order(SYMBOL, "market", "buy", 0.01, None, {"clientOrderId": "a"})
        assert (await client.fetch_ohlcv(SYMBOL, "1m"))[0][:2] == [60_000, 1.0]
        await remote.say("change_account", key="user-0002", is_revoked=True)
        with pytest.raises(ccxt.AuthenticationError):
            await client.fetch_balance()
    finally:
        await client.close()
    assert await remote.say("positions", key="user-0002") == {"user-0002": {"BTCUSDT": "0.01"}}
    book = await remote.say("book", key="user-0002")
    assert [(line["deed"], line["price"]) for line in book][-1] == ("filled", "51000")
    assert await remote.say("unprotected", key="user-0002") > 0
    counts = await remote.say("counts")
    assert {"method": "POST", "path": "/fapi/v1/order", "key": "user-0002", "times": 1} in counts[
        "calls"
    ]
    assert [o["client_id"] for o in await remote.say("orders", key="user-0002")] == ["a"]


async def test_a_wrong_word_is_answered_with_what_was_wrong(remote: Remote) -> None:
    """An unknown verb, an unknown field, an unknown account."""
    assert "no such verb" in await remote.say("dance")
    assert "KeyError" in await remote.say("orders", key="nobody")
    assert "unexpected keyword" in await remote.say("fault", does=[], color="red")


def test_the_readme_names_every_switch_and_every_verb() -> None:
    """What cannot be found is not used."""
    text = (Path(__file__).parent / "README.md").read_text()
    names = [*VERBS, *(each.name for each in fields(Switches))]
    assert [name for name in names if f"`{name}`" not in text and f".{name}`" not in text] == []


async def test_what_is_switched_on_stays_on_for_the_process(remote: Remote) -> None:
    """Switches, limits, spot pairs and coins by words; wrong ones are answered with the right."""
    assert (await remote.say("switch", windows=True))["windows"] is True
    assert "is no switch; there are" in await remote.say("switch", window=True)
    assert "takes bool" in await remote.say("switch", windows=1)
    await remote.say("limits", on=True)
    await remote.say("preload", name="REQUEST_WEIGHT", used=2_400)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{remote.url}/fapi/v1/time") as response,
    ):
        assert response.status == 429
    [note] = await remote.say("refused")
    assert note["path"] == "/fapi/v1/time"
    await remote.say("add_account", key="zoe", coins={"BNB": "3"}, pays_fees_in="BNB")
    assert (await remote.say("balances", key="zoe"))["BNB"] == {"balance": "3", "locked": "0"}
    assert await remote.say("list_spot") == ["BTCUSDT", "ETHUSDT"]
    assert "do not expire" not in str(await remote.say("expire_listen_key", key="zoe"))
