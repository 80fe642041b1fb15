"""Clients for tests: ccxt's of any dialect, and requests made by hand."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
import ccxt.async_support as ccxt
import pytest

from tests.venue.server import Venue, venue

BTC, PERP, SPOT = "BTCUSDT", "BTC/USDT:USDT", "BTC/USDT"
OPTIONS: dict[str, dict[str, Any]] = {
    "binance": {"fetchCurrencies": False},
    "binance_spot": {"fetchCurrencies": False, "fetchMarkets": {"types": ["spot"]}},
    "bybit": {
        "enableUnifiedMargin": False, "enableUnifiedAccount": True,
        "fetchMarkets": {"types": ["spot", "linear"]},
    },
    "okx": {"createOrder": "privatePostTradeOrder", "fetchMarkets": {"types": ["spot", "swap"]}},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """An answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


def client_of(it: Venue, dialect: str, key: str = "anna", *, kind: Any = ccxt) -> Any:
    """ccxt's client of an account; ``ccxt.pro``'s has websockets."""
    settings = {
        **it.ccxt_config(), **it.credentials(key), "enableRateLimit": False, "number": str,
        "options": OPTIONS[dialect],
    }  # fmt: skip
    client = getattr(kind, it.dialect.ccxt_id)(settings)
    client.has = {**client.has, "fetchCurrencies": False}
    return client


@asynccontextmanager
async def trading(
    dialect: str, *, kind: Any = ccxt, spot: bool = False
) -> AsyncIterator[tuple[Venue, Any]]:
    """A running exchange with anna and bert, and anna's client."""
    async with venue(dialect, accounts=["anna", "bert"]) as it:
        if spot:
            it.list_spot()
        client = client_of(it, dialect, kind=kind)
        try:
            await client.load_markets()
            it.limits.clear()
            yield it, client
        finally:
            await client.close()


async def binance(
    it: Venue, method: str, path: str, *, key: str = "anna", late_ms: int = 0,
    timeout_s: float = 5.0, **params: Any,
) -> Told:  # fmt: skip
    """One signed request to Binance, made by hand."""
    query = urlencode({**params, "timestamp": it.engine.now_ms() - late_ms})
    signature = hmac.new(f"{key}-secret".encode(), query.encode(), hashlib.sha256).hexdigest()
    url = f"{it.url}{path}?{query}&signature={signature}"
    return await fetched(method, url, {"X-MBX-APIKEY": key}, timeout_s)


async def fetched(
    method: str, url: str, headers: dict[str, str] | None = None, timeout_s: float = 5.0
) -> Told:
    limit = aiohttp.ClientTimeout(total=timeout_s)
    async with (
        aiohttp.ClientSession(headers=headers, timeout=limit) as session,
        session.request(method, url) as response,
    ):
        return Told(response.status, dict(response.headers), await response.text())


async def refused(call: Awaitable[Any]) -> str:
    """What the exchange said in its refusal."""
    with pytest.raises(ccxt.BaseError) as caught:
        await call
    return str(caught.value)


async def wait(it: Venue, client: Any, ms: int) -> None:
    """The exchange's clock goes on, and the client's with it."""
    it.engine.pass_time(ms)
    await client.load_time_difference()


async def control(it: Venue, verb: str, **body: Any) -> Any:
    """What another process would ask of the control endpoint."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{it.url}/_venue/{verb}", json=body) as response,
    ):
        answer = await response.json()
        assert response.status == 200, answer
        return answer["ok"]
