"""The exchange enforces and tells its published limits; what was used outlives every client."""

from typing import Any

import ccxt.async_support as ccxt
import pytest

from tests.venue.exchange_clients import (
    PERP,
    SPOT,
    binance,
    client_of,
    control,
    fetched,
    refused,
    trading,
    wait,
)

WEIGHT, COUNT_10S, COUNT_1M = (
    "X-MBX-USED-WEIGHT-1M", "X-MBX-ORDER-COUNT-10S", "X-MBX-ORDER-COUNT-1M",
)  # fmt: skip
ORDER: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}


async def test_nothing_is_limited_or_told_unless_asked_for() -> None:
    """As in every suite that does not care."""
    async with trading("binance") as (it, _):
        answer = await binance(it, "GET", "/fapi/v1/openOrders")
        assert WEIGHT not in answer.headers
        assert it.limits.refused == []


@pytest.mark.parametrize(
    ("method", "path", "params", "weight"),
    [
        ("GET", "/fapi/v1/positionSide/dual", {}, 30),
        ("GET", "/fapi/v1/openOrders", {}, 40),
        ("GET", "/fapi/v1/openOrders", {"symbol": "BTCUSDT"}, 1),
        ("GET", "/fapi/v1/openAlgoOrders", {}, 40),
        ("GET", "/fapi/v1/income", {}, 30),
        ("GET", "/fapi/v2/balance", {}, 5),
        ("GET", "/fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1500}, 10),
        ("GET", "/fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 99}, 1),
        ("POST", "/fapi/v1/order", ORDER, 0),
        ("DELETE", "/fapi/v1/order", {"symbol": "BTCUSDT", "orderId": 1}, 1),
    ],
)
async def test_every_endpoint_weighs_what_its_page_says(
    method: str, path: str, params: dict[str, Any], weight: int
) -> None:
    """The used weight comes with every answer, refusals included."""
    async with trading("binance") as (it, _):
        it.limits.on = True
        it.limits.preload("REQUEST_WEIGHT", 100)
        answer = await binance(it, method, path, **params)
        assert int(answer.headers[WEIGHT]) == 100 + weight


async def test_orders_are_counted_by_account() -> None:
    """With the answers of accepted orders only; refused ones count all the same."""
    async with trading("binance") as (it, _):
        it.limits.on = True
        first = await binance(it, "POST", "/fapi/v1/order", **ORDER)
        assert (first.headers[COUNT_10S], first.headers[COUNT_1M]) == ("1", "1")
        wrong = await binance(it, "POST", "/fapi/v1/order", **ORDER | {"side": "UP"})
        assert COUNT_10S not in wrong.headers
        third = await binance(it, "POST", "/fapi/v1/order", **ORDER)
        other = await binance(it, "POST", "/fapi/v1/order", key="bert", **ORDER)
        assert (third.headers[COUNT_1M], other.headers[COUNT_1M]) == ("3", "1")
        assert WEIGHT in other.headers


async def test_too_many_orders_are_refused_for_the_rest_of_their_window() -> None:
    """-1015 with 429; the position is not touched, and no address is banned."""
    async with trading("binance") as (it, client):
        it.limits.on = True
        it.limits.preload("ORDERS_10S", 300, "anna")
        text = await refused(client.create_order(PERP, "market", "buy", "0.01"))
        assert "-1015" in text
        assert it.engine.journal.lines == []
        [note] = it.limits.refused
        assert (note.limit, note.status, note.key) == ("ORDERS_10S", 429, "anna")
        await wait(it, client, 10_000)
        await client.create_order(PERP, "market", "buy", "0.01")


async def test_what_an_earlier_process_has_used_counts_until_the_minute_is_over() -> None:
    """A new client is told at once; 429 says how long to wait, and is noted."""
    async with trading("binance") as (it, _):
        await control(it, "limits", on=True)
        await control(it, "preload", name="REQUEST_WEIGHT", used=2_399)
        told = await fetched("GET", f"{it.url}/fapi/v1/time")
        assert told.headers[WEIGHT] == "2400"
        over = await binance(it, "GET", "/fapi/v2/balance")
        assert (over.status, over.body["code"]) == (429, -1003)
        assert 1 <= int(over.headers["Retry-After"]) <= 60
        [note] = await control(it, "refused")
        assert (note["path"], note["used"]) == ("/fapi/v2/balance", 2_405)
        it.engine.pass_time(60_000)
        assert (await binance(it, "GET", "/fapi/v2/balance")).status == 200


async def test_who_asks_on_is_banned_and_longer_each_time() -> None:
    """Some requests may be on their way; then 418, whose Retry-After grows."""
    async with trading("binance") as (it, client):
        it.limits.on, it.limits.patience = True, 2
        waits = []
        for _ in range(3):
            it.limits.preload("REQUEST_WEIGHT", 2_400)
            answers = [await binance(it, "GET", "/fapi/v2/balance") for _ in range(4)]
            assert [each.status for each in answers] == [429, 429, 429, 418]
            waits.append(int(answers[-1].headers["Retry-After"]))
            with pytest.raises(ccxt.DDoSProtection, match="banned until"):
                await client.fetch_balance()
            it.engine.pass_time(waits[-1] * 1_000)
        assert waits == [121, 241, 481]
        assert it.limits.refused[-1].limit == "ban"


async def test_limits_can_be_told_without_being_enforced() -> None:
    """To see what a program would spend."""
    async with trading("binance") as (it, _):
        it.limits.on, it.limits.refuses = True, False
        it.limits.preload("REQUEST_WEIGHT", 5_000)
        answer = await binance(it, "GET", "/fapi/v2/balance")
        assert (answer.status, answer.headers[WEIGHT]) == (200, "5005")


async def test_spot_has_six_thousand_and_weights_of_its_own() -> None:
    """And counts orders by ten seconds and by day."""
    async with trading("binance_spot") as (it, _):
        it.limits.on = True
        it.limits.preload("REQUEST_WEIGHT", 5_960)
        assert (await binance(it, "GET", "/api/v3/account")).headers[WEIGHT] == "5980"
        trades = await binance(it, "GET", "/api/v3/myTrades", symbol="BTCUSDT")
        assert trades.headers[WEIGHT] == "6000"
        placed = await binance(it, "POST", "/api/v3/order", **ORDER)
        assert placed.status == 429
        it.engine.pass_time(60_000)
        placed = await binance(it, "POST", "/api/v3/order", **ORDER)
        assert placed.headers["X-MBX-ORDER-COUNT-1D"] == "2"


async def test_bybit_tells_what_is_left_of_an_endpoint_and_refuses_the_rest() -> None:
    """10 orders a second and account; another account has its own."""
    async with trading("bybit") as (it, client):
        it.limits.on = True
        for number in range(10):
            await client.create_order(PERP, "limit", "buy", "0.01", "40000")
            told = client.last_response_headers
            assert int(told["X-Bapi-Limit-Status"]) == 9 - number
        assert told["X-Bapi-Limit"] == "10"
        with pytest.raises(ccxt.RateLimitExceeded, match="10006"):
            await client.create_order(PERP, "limit", "buy", "0.01", "40000")
        told = client.last_response_headers
        assert told["X-Bapi-Limit-Status"] == "0"
        assert int(told["X-Bapi-Limit-Reset-Timestamp"]) <= it.engine.now_ms() + 1_000
        other = client_of(it, "bybit", "bert")
        await other.create_order(PERP, "limit", "buy", "0.01", "40000")
        await other.close()
        assert [note.limit for note in it.limits.refused] == ["/v5/order/create"]


async def test_bybit_bans_an_address_for_ten_minutes() -> None:
    """403 and no JSON: whoever asks on stays banned."""
    async with trading("bybit") as (it, _):
        it.limits.on = True
        it.limits.preload("IP", 600)
        for wait_ms in (0, 599_000):
            it.engine.pass_time(wait_ms)
            answer = await fetched("GET", f"{it.url}/v5/market/time")
            assert (answer.status, answer.text) == (403, "403, access too frequent")
        it.engine.pass_time(2_000)
        assert (await fetched("GET", f"{it.url}/v5/market/time")).status == 200


@pytest.mark.parametrize("quiet", [False, True])
async def test_okx_limits_an_instrument_and_tells_nothing_before(quiet: bool) -> None:
    """60 orders in two seconds; 50011 with 429, or with 200 where documents say that."""
    async with trading("okx") as (it, client):
        it.limits.on, it.limits.quiet = True, quiet
        it.limits.preload("POST trade/order", 60, "anna BTC-USDT-SWAP")
        text = await refused(client.create_order(PERP, "limit", "buy", "1", "40000"))
        assert "50011" in text or "429" in text
        assert it.limits.refused[-1].status == (200 if quiet else 429)
        await client.create_order("ETH/USDT:USDT", "limit", "buy", "1", "2000")
        await wait(it, client, 2_000)
        await client.create_order(PERP, "limit", "buy", "1", "40000")


async def test_okx_limits_the_orders_of_an_account_but_for_spot() -> None:
    """50061."""
    async with trading("okx", spot=True) as (it, client):
        it.limits.on = True
        it.limits.preload("sub-account", 1_000, "anna")
        assert "50061" in await refused(client.create_order(PERP, "limit", "buy", "1", "40000"))
        await client.create_order(SPOT, "limit", "buy", "0.01", "40000")
