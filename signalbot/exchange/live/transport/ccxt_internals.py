"""Everything that relies on ccxt's internals: copies of clients, frame handlers, sockets, checks.

Tests of these functions fail when a version of ccxt changes what they rely on.
"""

import asyncio
import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from signalbot.exchange.live.transport.client_profile import Sandbox
from signalbot.exchange.live.transport.error_mapping import redacted_text
from signalbot.exchange.live.transport.response_validation import (
    InvalidResponse,
    ResponseShapes,
    ResponseValidator,
)

log = structlog.get_logger()

_CLOSE_TIMEOUT_S: Final = 2.0

FrameHandler = Callable[[Any, Any], None]
"""Takes a socket and a decoded message."""

# ccxt keeps what streams reported, of every account; only new reports are read here.
CACHE_LIMITS = {
    "ordersLimit": 50,
    "tradesLimit": 50,
    "liquidationsLimit": 1,
    "myLiquidationsLimit": 1,
}

# Written by one account's client; another's must not see it.
_PER_CLIENT_DICTS = (
    "clients", "balance", "orderbooks", "tickers", "bidsasks", "trades", "ohlcvs", "transactions",
    "fundingRates", "ws_dial_backoff",
)  # fmt: skip
_PER_CLIENT_RESETS = (
    "orders", "myTrades", "positions", "triggerOrders", "liquidations", "myLiquidations",
    "accounts", "accountsById", "markets_loading", "socks_proxy_sessions",
    "last_http_response", "last_json_response", "last_response_headers",
    "last_request_body", "last_request_url", "last_request_headers",
)  # fmt: skip
_PER_CLIENT_OPTIONS = (
    "requestId", "streamBySubscriptionsHash", "numSubscriptionsByStream", "leverageBrackets",
)  # fmt: skip


# --- clients ------------------------------------------------------------------------------


def copy_client(template: Any) -> Any:
    """A client with the template's markets and session, and with state of its own."""
    client = copy.copy(template)
    for name in _PER_CLIENT_DICTS:
        setattr(client, name, {})
    for name in _PER_CLIENT_RESETS:
        setattr(client, name, None)
    client.headers = dict(template.headers)  # they mark the orders of a test account
    client.options = dict(template.options)
    for name in _PER_CLIENT_OPTIONS:
        if client.options.get(name) is not None:
            client.options[name] = dict(client.options[name])
    client.reloading_markets = False
    vars(client).pop("handle_message", None)  # the template's frame handler
    return client


def enter_sandbox(client: Any, sandbox: Sandbox) -> None:
    """Point a client to the exchange's test network."""
    if sandbox is Sandbox.DEMO_TRADING:
        client.enable_demo_trading(True)
    elif sandbox is Sandbox.TESTNET:
        client.set_sandbox_mode(True)


async def close_client(client: Any) -> None:
    """Close a client's websockets; the session is shared and stays open."""
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await client.close()
    except (TimeoutError, Exception) as e:  # noqa: BLE001 - the client is not used any more
        log.debug("exchange.close_failed", cause=redacted_text(e))
    client.session = None


def validated_class(kind: type[Any], shapes: ResponseShapes) -> type[Any]:
    """A subclass of a ccxt class: invalid REST responses raise ``InvalidResponse``."""
    validator = ResponseValidator(shapes)

    def handle_errors(
        self: Any,
        code: int,
        reason: str,
        url: str,
        method: str,
        headers: Any,
        body: Any,
        response: Any,
        *request: Any,
    ) -> Any:
        """ccxt checks for the exchange's own errors first: their codes are more specific."""
        found = kind.handle_errors(
            self, code, reason, url, method, headers, body, response, *request
        )
        if url.startswith("http") and str(code) not in self.httpExceptions:
            call = f"{method} {urlsplit(url).path}"
            fault = validator.violation(code, response, call)
            if fault is not None:
                raise InvalidResponse(f"{call}: {fault}")
        return found

    return type(kind.__name__, (kind,), {"handle_errors": handle_errors})


# --- websockets ---------------------------------------------------------------------------


def install_frame_handler(client: Any, handle: Callable[[FrameHandler, Any, Any], None]) -> None:
    """Call ``handle`` with ccxt's own handler, the socket and each message.

    ``handle`` must not raise: ccxt's reader of the socket would end without an error.
    """
    original = type(client).handle_message

    def own(socket: Any, message: Any) -> None:
        original(client, socket, message)

    def handler(socket: Any, message: Any) -> None:
        handle(own, socket, message)

    client.handle_message = handler


async def close_sockets(client: Any) -> None:
    """Close an account's sockets and forget its listen keys: it authenticates anew next time."""
    sockets = list(client.clients.values())
    client.clients.clear()
    for kind, value in list(client.options.items()):
        if isinstance(value, dict) and "listenKey" in value:
            del client.options[kind]
    for socket in sockets:
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await socket.close()
        except (TimeoutError, Exception) as e:  # noqa: BLE001 - the socket is gone all the same
            log.debug("exchange.close_failed", cause=redacted_text(e))


def market_kind_of(client: Any, url: str) -> str:
    """``spot`` or ``swap``, by the address in ccxt's tables with which ``url`` begins.

    Some exchanges give a perpetual and the spot market of a pair one id: only the socket of a frame
    distinguishes them.
    """
    tables = client.urls["api"].get("ws", {})
    matching = [
        (len(address), path)
        for path, address in _addresses(client, tables, ())
        if url.startswith(address)
    ]
    longest = max((length for length, _ in matching), default=0)
    is_spot = any("spot" in path for length, path in matching if length == longest)
    return "spot" if is_spot else "swap"


def _addresses(
    client: Any, table: Any, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(table, Mapping):
        for name, inner in table.items():
            yield from _addresses(client, inner, (*path, name))
    elif isinstance(table, str):
        yield path, client.implode_hostname(table)
