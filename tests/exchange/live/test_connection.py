"""One client is built and copied: cheap, and no account ever sees another's."""

import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from signalbot.domain.errors import ConfigError
from signalbot.exchange.live.connection import Connection
from tests.loopback.binance import Binance, binance


@asynccontextmanager
async def connected(**config: Any) -> AsyncIterator[tuple[Binance, Connection]]:
    async with binance() as venue:
        connection = Connection("x", "binanceusdm", config=venue.ccxt() | config, options={})
        await connection.open()
        try:
            yield venue, connection
        finally:
            await connection.close()


async def test_every_account_signs_with_its_own_key() -> None:
    """Copies of one client, side by side."""
    async with connected() as (venue, connection):
        await connection.load_markets()
        for user, wallet in (("anna", 111), ("ben", 222)):
            venue.book.add(f"key-{user}", f"secret-{user}", wallet=wallet)
        anna = connection.client({"apiKey": "key-anna", "secret": "secret-anna"})
        ben = connection.client({"apiKey": "key-ben", "secret": "secret-ben"})
        for client, wallet in ((anna, 111), (ben, 222), (anna, 111)):
            balance = await client.fetch_balance({"type": "swap"})
            assert balance["USDT"]["total"] == wallet
        assert connection.template.apiKey in (None, "")


async def test_copies_share_what_is_large_and_nothing_that_must_differ() -> None:
    """Markets and session are one; options, caches and sockets are not."""
    async with connected() as (_, connection):
        await connection.load_markets()
        one, two = connection.client({"apiKey": "1"}), connection.client({"apiKey": "2"})
        assert one.markets is two.markets is connection.template.markets
        assert one.session is two.session
        for name in ("options", "clients", "headers", "balance", "trades", "ohlcvs"):
            assert getattr(one, name) is not getattr(two, name), name
        one.options["defaultType"] = "spot"
        assert two.options.get("defaultType") != "spot"


async def test_what_the_exchange_tells_anew_reaches_every_copy() -> None:
    """Markets and clock are asked for once, for all."""
    async with connected() as (venue, connection):
        await connection.load_markets()
        client = connection.client({"apiKey": "1"})
        venue.book.clock_offset_ms = -5_000
        assert 4_500 < await connection.measure_clock() < 5_500
        assert client.options["timeDifference"] == connection.clock_offset_ms
        before = client.markets
        await connection.load_markets()
        assert client.markets is connection.template.markets is not before
        assert venue.counts["GET /fapi/v1/exchangeInfo"] == 2


async def test_a_further_account_costs_few_bytes() -> None:
    """A thousand accounts in less memory than four clients of ccxt's own."""
    async with connected() as (_, connection):
        await connection.load_markets()
        tracemalloc.start()
        clients = [connection.client({"apiKey": str(number)}) for number in range(1_000)]
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(clients) == 1_000
        assert size / len(clients) < 15_000


async def test_a_certificate_file_that_is_not_there_is_told() -> None:
    """With the key of the configuration it stands under."""
    connection = Connection(
        "x", "binanceusdm", config={"cafile": "/nowhere/ca.pem"}, options={}
    )  # fmt: skip
    with pytest.raises(ConfigError, match=r"exchanges\.x\.ccxt\.cafile: there is no file /nowhere"):
        await connection.open()
