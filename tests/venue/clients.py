"""ccxt's clients and hand-signed requests, for tests of the loopback exchanges."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import ccxt.async_support as ccxt
import pytest

from tests.venue.server import Venue


@asynccontextmanager
async def client_of(
    it: Venue, key: str = "anna", *, kind: Any = ccxt, **more: Any
) -> AsyncIterator[Any]:
    """ccxt's client of one account with its markets loaded; ``ccxt.pro``'s has websockets."""
    settings = {**it.ccxt_config(), **it.credentials(key), "enableRateLimit": False,
                "number": str, **more}  # fmt: skip
    client = getattr(kind, it.dialect.ccxt_id)(settings)
    client.timeout_on_exit = 0
    try:
        await client.load_markets()
        yield client
    finally:
        await client.close()


def pass_time(it: Venue, ms: int, *clients: Any) -> None:
    """Move the exchange's clock on, and the clocks of ccxt's clients with it."""
    it.engine.clock_offset_ms += ms
    for client in clients:
        client.options["timeDifference"] = -it.engine.clock_offset_ms


async def refused(call: Awaitable[Any], kind: type[Exception] = ccxt.BaseError) -> str:
    """The text of the refusal that the call must end with."""
    with pytest.raises(kind) as caught:
        await call
    return str(caught.value)


async def sent(
    it: Venue, method: str, path: str, *, query: str = "", body: str | bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Any]:  # fmt: skip
    """One request as it is; the status and the JSON of its answer."""
    url = f"{it.url}{path}" + (f"?{query}" if query else "")
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, _raw(url), data=body, headers=headers) as response,
    ):
        return response.status, await response.json(content_type=None)


@asynccontextmanager
async def connected(it: Venue, path: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """An open websocket."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{it.url}{path}") as socket:
        yield socket


async def frame(socket: aiohttp.ClientWebSocketResponse, fits: Callable[[Any], bool]) -> Any:
    """The JSON of the first frame that fits."""
    while True:
        said = await socket.receive_json()
        if fits(said):
            return said


def _raw(url: str) -> Any:
    """The address as it is written, percent signs and all."""
    from yarl import URL

    return URL(url, encoded=True)
