"""One client is built and copied: cheap, and no account ever sees another's."""

import asyncio
import inspect
import re
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from ccxt import pro

from signalbot.domain.errors import ConfigError, Unavailable
from signalbot.exchange.live.adapters.kraken import KrakenSpot
from signalbot.exchange.live.adapters.kraken_futures import KrakenFutures
from signalbot.exchange.live.registry import SUPPORTED
from signalbot.exchange.live.transport.ccxt_internals import (
    _PER_CLIENT_DICTS,
    _PER_CLIENT_OPTIONS,
    _PER_CLIENT_RESETS,
)
from signalbot.exchange.live.transport.client_profile import ClientProfile, Sandbox
from signalbot.exchange.live.transport.connection import (
    DIRECT,
    Connection,
    Egress,
)
from tests.venue.faults import Delay, Rule
from tests.venue.server import Venue, venue


@asynccontextmanager
async def connected(**config: Any) -> AsyncIterator[tuple[Venue, Connection]]:
    async with venue("binance") as it:
        connection = Connection("x", ClientProfile("binanceusdm"), config=it.ccxt_config() | config)
        await connection.open()
        try:
            yield it, connection
        finally:
            await connection.close()


FUTURES = ClientProfile("krakenfutures", server_time=KrakenFutures.server_time)


@asynccontextmanager
async def built(
    profile: ClientProfile, *, config: dict[str, Any] | None = None, egress: Egress = DIRECT
) -> AsyncIterator[Connection]:
    """A connection that has asked nothing yet."""
    connection = Connection("x", profile, config=config or {}, egress=egress)
    await connection.open()
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def loopback(
    answer: Callable[[web.Request], Awaitable[web.Response]],
) -> AsyncIterator[str]:
    """The address of a server that has one answer to everything."""
    server = web.Application()
    server.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(server)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _kraken_answers(request: web.Request) -> web.Response:
    pair = {
        "altname": "XBTUSD", "wsname": "XBT/USD", "base": "XXBT", "quote": "ZUSD", "lot": "unit",
        "pair_decimals": 1, "lot_decimals": 8, "tick_size": "0.1", "ordermin": "0.0001",
        "costmin": "0.5", "status": "online", "leverage_buy": [], "leverage_sell": [], "fees": [],
    }  # fmt: skip
    result: Any = {"XXBTZUSD": pair} if request.path.endswith("AssetPairs") else {}
    return web.json_response({"error": [], "result": result})


async def test_every_account_signs_with_its_own_key() -> None:
    """Copies of one client, side by side."""
    async with connected() as (it, connection):
        await connection.load_markets()
        for user, wallet in (("anna", 111), ("ben", 222)):
            it.add_account(f"key-{user}", secret=f"secret-{user}", wallet=Decimal(wallet))
        anna = connection.client({"apiKey": "key-anna", "secret": "secret-anna"})
        ben = connection.client({"apiKey": "key-ben", "secret": "secret-ben"})
        for client, wallet in ((anna, 111), (ben, 222), (anna, 111)):
            balance = await client.fetch_balance({"type": "swap"})
            assert balance["USDT"]["total"] == wallet
        assert connection.template.apiKey in (None, "")


# What every account of one exchange may read and none ever writes to.
_STATIC = frozenset((
    "api", "has", "urls", "fees", "limits", "features", "exceptions", "httpExceptions",
    "timeframes", "requiredCredentials", "commonCurrencies", "countries", "status", "precision",
    "tokenBucket", "streaming", "ecdsaCurves", "ecdsaPrehashedAlgorithms", "loadedFees",
    "markets", "markets_by_id", "symbols", "ids", "currencies", "currencies_by_id", "codes",
    "baseCurrencies", "quoteCurrencies",
))  # fmt: skip


@pytest.mark.parametrize("ccxt_id", SUPPORTED)
async def test_copies_share_what_is_static_and_nothing_else(ccxt_id: str) -> None:
    """Everything that can be written to is either on the list or every account's own."""
    async with built(ClientProfile(ccxt_id)) as connection:
        one, two = connection.client({"apiKey": "1"}), connection.client({"apiKey": "2"})
        for each, other in ((one, two), (one, connection.template)):
            shared = {
                name
                for name, value in (vars(each) | {"clients": each.clients}).items()
                if isinstance(value, dict | list | set) and getattr(other, name, None) is value
            }
            assert shared <= _STATIC
        assert one.markets is two.markets is connection.template.markets
        assert one.session is two.session


# Written to in place, but only with what is true of the market for everybody.
_OF_MARKETS = frozenset((
    "networkNamesByChainIds", "networkChainIdsByNames", "futureMarketIdsForSymbols",
    "delistedMarketsById", "commonCurrencies",
))  # fmt: skip
_OPTION = re.compile(r"self\.options\['(\w+)'\](?:\[[^]]+\])+ = ")
_CACHE = re.compile(r"self\.(\w+)(?:\[[^]]+\])* = ArrayCache|self\.(\w+)\[[^]]+\] = ")
_AT_OPENING = frozenset(("urls", "headers", "options", "has", "features"))  # before any copy


def _written(pattern: re.Pattern[str], ccxt_id: str) -> set[str]:
    kinds = [each for each in getattr(pro, ccxt_id).__mro__ if each.__module__.startswith("ccxt.")]
    sources = {Path(inspect.getfile(kind)).read_text() for kind in kinds}
    names = (match.groups() for source in sources for match in pattern.finditer(source))
    return {name for each in names for name in each if name}


@pytest.mark.parametrize("ccxt_id", SUPPORTED)
def test_what_ccxt_writes_into_is_every_accounts_own(ccxt_id: str) -> None:
    """Read from ccxt's own source, so that a later version of it cannot go unnoticed."""
    caches = _written(_CACHE, ccxt_id)
    assert "orderbooks" in caches, "the patterns find nothing any more"
    assert caches - _OF_MARKETS - _AT_OPENING <= {*_PER_CLIENT_DICTS, *_PER_CLIENT_RESETS}
    assert _written(_OPTION, ccxt_id) <= _OF_MARKETS | set(_PER_CLIENT_OPTIONS)


async def test_an_account_writes_into_its_own_options() -> None:
    """One level down as well: stream counters, caches."""
    async with built(ClientProfile("binanceusdm")) as connection:
        one, two = connection.client({"apiKey": "1"}), connection.client({"apiKey": "2"})
        one.options["defaultType"] = "spot"
        one.options["requestId"]["wss://x"] = 7
        assert two.options["defaultType"] != "spot"
        assert "wss://x" not in two.options["requestId"]


async def test_a_test_accounts_mark_goes_with_every_order() -> None:
    """okx tells test money from real money by a header alone."""
    async with built(ClientProfile("okx", sandbox=Sandbox.TESTNET)) as connection:
        client = connection.client({"apiKey": "1"})
        assert client.prepare_request_headers({})["x-simulated-trading"] == "1"


async def test_what_the_exchange_tells_anew_reaches_every_copy() -> None:
    """Markets and clock are asked for once, for all."""
    async with connected() as (it, connection):
        await connection.load_markets()
        client = connection.client({"apiKey": "1"})
        it.engine.clock_offset_ms = -5_000
        assert 4_500 < await connection.measure_clock() < 5_500
        assert client.options["timeDifference"] == connection.clock_offset_ms
        before = client.markets
        await connection.load_markets()
        assert client.markets is connection.template.markets is not before
        assert it.counts.of("GET", "/exchangeInfo") == 2


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


async def test_what_a_market_listing_taught_reaches_every_copy() -> None:
    """kraken keeps the names of its markets among the options."""
    async with loopback(_kraken_answers) as here:
        url = {"public": here}
        async with built(ClientProfile("kraken"), config={"urls": {"api": url}}) as connection:
            client = connection.client({"apiKey": "1"})
            assert not client.options["marketsByAltname"]
            await connection.load_markets()
            assert list(client.options["marketsByAltname"]) == ["XBTUSD"]
            assert client.market("BTC/USD") is connection.template.market("BTC/USD")


async def test_nobody_waits_for_a_market_listing_nor_can_end_it() -> None:
    """Accounts go on with the markets they have; a read that gives up takes nothing with it."""
    async with connected() as (it, connection):
        await connection.load_markets()
        it.faults.add(Rule(path="/exchangeInfo", does=(Delay(seconds=1.0),)))
        async with asyncio.TaskGroup() as group:
            loading = group.create_task(connection.load_markets())
            await asyncio.sleep(0.3)
            assert it.counts.of("GET", "/exchangeInfo") == 2
            for client in (connection.template, connection.client({"apiKey": "1"})):
                await client.load_markets()
                await client.fetch_ticker("BTC/USDT:USDT")
                assert not loading.done()


async def test_a_slow_answer_does_not_put_the_clock_off() -> None:
    """The quickest of a few counts, and half the way there is taken off."""
    async with connected() as (it, connection):
        await connection.load_markets()
        it.faults.add(Rule(path="/time", does=(Delay(seconds=1.2),)))
        assert abs(await connection.measure_clock()) < 200
        assert it.counts.of("GET", "/time") == 2


async def test_an_exchange_without_an_endpoint_for_the_time_tells_it_with_its_answers() -> None:
    """Kraken Futures: ``serverTime``, "Server time in UTC", stands in the answers of its API.

    https://docs.kraken.com/api/docs/futures-api/trading/get-ticker
    """

    async def ask(_client: object, method: str, *args: object) -> object:
        assert (method, args) == ("publicGetTickersSymbol", ({"symbol": "PF_XBTUSD"},))
        return {"result": "success", "serverTime": "2020-09-13T12:26:40.000Z"}

    async with built(FUTURES) as connection:
        ahead_ms = await connection.measure_clock(ask)
        assert abs(connection.template.milliseconds() - 1_600_000_000_000 - ahead_ms) < 60_000
        assert connection.clock_offset_ms == ahead_ms


async def test_a_clock_of_whole_seconds_is_not_taken_for_one_that_is_behind() -> None:
    """Kraken: ``unixtime`` is "Unix timestamp" in seconds, half a second behind on average.

    https://docs.kraken.com/api/docs/rest-api/get-server-time
    """

    async def ask(client: Any, _method: str, *_args: object) -> object:
        return client.milliseconds() // 1_000 * 1_000

    async with built(ClientProfile("kraken", clock_step_ms=KrakenSpot.clock_step_ms)) as connection:
        for _ in range(20):
            assert abs(await connection.measure_clock(ask)) <= 520


async def test_an_answer_without_the_time_measures_nothing() -> None:
    """No absence is proven by a clock that has not been compared."""

    async def ask(_client: object, _method: str, *_args: object) -> object:
        return {"result": "success"}

    async with built(FUTURES) as connection:
        with pytest.raises(Unavailable, match="its time"):
            await connection.measure_clock(ask)


@pytest.mark.parametrize("is_proxy", [False, True], ids=["address", "proxy"])
async def test_requests_leave_by_the_egress_they_are_given(is_proxy: bool) -> None:
    """By its local address, or through its proxy."""
    seen: list[tuple[str | None, str]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.remote, request.raw_path))
        return web.json_response({"serverTime": 1_700_000_000_000})

    async with loopback(answer) as here:
        venue = "http://nowhere.invalid" if is_proxy else here
        egress = Egress(proxy=here) if is_proxy else Egress(local_address="127.0.0.2")
        config = {"urls": {"api": {"fapiPublic": f"{venue}/fapi/v1"}}}
        async with built(ClientProfile("binanceusdm"), config=config, egress=egress) as connection:
            await connection.measure_clock()
    if is_proxy:
        assert seen == [("127.0.0.1", "http://nowhere.invalid/fapi/v1/time")]
    else:
        assert seen == [("127.0.0.2", "/fapi/v1/time")]


def test_an_egress_does_not_tell_its_password() -> None:
    """Neither in a log line nor in the name of a budget."""
    egress = Egress(proxy="http://me:canary@10.0.0.1:3128")
    assert "canary" not in repr(egress) + egress.name


@pytest.mark.parametrize(
    ("ccxt_id", "config", "says"),
    [
        ("binanceusdm", {"cafile": "/nowhere/ca.pem"}, "there is no file /nowhere/ca.pem"),
        ("binanceusdm", {"apiKey": "a"}, "signalbot keys set"),
        ("binanceusdm", {"verbose": True}, "print keys"),
        ("binanceusdm", {"socksProxy": "socks5://a:1"}, "must be an http:// one"),
        ("binanceusdm", {"options": {"maxRetriesOnFailure": 3}}, "send orders again"),
        ("binanceusm", {}, "did you mean 'binanceusdm'"),
    ],
)
async def test_settings_that_cannot_be_used_are_told(
    ccxt_id: str, config: dict[str, Any], says: str
) -> None:
    """With the key of the configuration they stand under."""
    connection = Connection("x", ClientProfile(ccxt_id), config=config)
    with pytest.raises(ConfigError, match=r"^exchanges\.x") as raised:
        await connection.open()
    assert says in str(raised.value)


async def test_a_socks_proxy_is_refused() -> None:
    """ccxt would send through a session where nobody sees whether an order has left."""
    egress = Egress(proxy="socks5://10.0.0.1:1080")
    connection = Connection("x", ClientProfile("binanceusdm"), config={}, egress=egress)
    with pytest.raises(ConfigError, match="must be an http:// one"):
        await connection.open()
