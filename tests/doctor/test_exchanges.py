"""The doctor's findings for a loopback exchange: healthy, skewed and unreachable."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.forked_process import run
from tests.venue.server import Venue, venue

CONFIG = """
[exchanges.venue]
ccxt_id = "binanceusdm"
[exchanges.venue.ccxt]
timeout = 2000
{urls}
[strategies.far]
kind = "ema_cross"
exchange = "venue"
symbols = ["BTC/USDT:USDT"{more}]
timeframe = "1m"
"""


async def _findings(folder: Path, it: Venue, *options: str, more: str = "") -> list[Any]:
    """What is found of the exchange and of the clock, by level."""
    (folder / "config.toml").write_text(CONFIG.format(urls=it.toml("venue"), more=more))
    config = str(folder / "config.toml")
    ran = await asyncio.to_thread(run, "doctor", "--json", *options, "-c", config)
    return [
        (each["level"], each["what"], each["says"])
        for each in json.loads(ran.out)["findings"]
        if each["what"] == "exchange venue" or "venue's" in each["says"]
    ]


async def test_an_exchange_that_is_well(tmp_path: Path) -> None:
    """Reached, listing what is traded, and on time."""
    async with venue("binance") as it:
        reached, clock = await _findings(tmp_path, it, "--online")
    assert reached[:2] == ("ok", "exchange venue")
    assert clock[:2] == ("ok", "clock")


async def test_no_exchange_is_contacted_without_online(tmp_path: Path) -> None:
    """The plain examination works on a train."""
    async with venue("binance") as it:
        assert [each for each in await _findings(tmp_path, it) if each[1] != "configuration"] == []
        assert it.calls == []


async def test_an_exchange_that_is_away(tmp_path: Path) -> None:
    """Nothing listens at its address."""
    async with venue("binance") as it:
        pass
    (found,) = await _findings(tmp_path, it, "--online")
    assert found[:2] == ("problem", "exchange venue")
    assert "does not return its markets" in found[2]


async def test_a_market_that_is_not_listed(tmp_path: Path) -> None:
    """Before the daemon refuses to start for it."""
    async with venue("binance") as it:
        found = await _findings(tmp_path, it, "--online", more=', "GONE/USDT:USDT"')
    assert ("problem", "exchange venue", "does not list GONE/USDT:USDT") in found


async def test_a_clock_that_is_off(tmp_path: Path) -> None:
    """Ours is eight seconds behind the exchange's."""
    async with venue("binance") as it:
        it.engine.clock_offset_ms = 8_000
        found = await _findings(tmp_path, it, "--online")
    (clock,) = [each for each in found if each[1] == "clock"]
    assert clock[0] == "problem"
    assert "entries there are blocked" in clock[2]
