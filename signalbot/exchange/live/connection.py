"""One line to one exchange from one address: session, certificates, markets, clock, clients.

Building a ccxt client takes milliseconds and a quarter of a megabyte, its first request a TLS
context of its own. So one client is built, and every user's is a shallow copy of it with keys and
state of its own.
"""

import asyncio
import copy
import ssl
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import certifi
import structlog
from ccxt import pro

from signalbot.domain.errors import ConfigError, Unavailable
from signalbot.exchange.live.outcome import plain

log = structlog.get_logger()

_MARKETS_DEADLINE_S = 60.0
_CLOCK_DEADLINE_S = 10.0
_KEEP_ALIVE_S = 75.0  # longer than the quiet between two signals of one minute
_REQUEST_DEADLINE_MS = 20_000  # longer than an exchange may think about an order
_SOCKET_PING_MS = 15_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """How an account's requests leave this machine; exchanges limit each address by itself."""

    proxy: str | None = field(default=None, repr=False)  #: http:// or socks5:// URL
    local_address: str | None = None

    @property
    def name(self) -> str:
        """Tells addresses apart in the log, without a proxy's password."""
        if self.proxy is not None:
            return f"proxy {self.proxy.rpartition('@')[2]}"
        return self.local_address or "direct"


DIRECT = Egress()


@dataclass(slots=True)
class Sending:
    """Whether the request now under way has left: set when its headers are on the wire."""

    is_sent: bool = False


sending: ContextVar[Sending | None] = ContextVar("sending", default=None)


async def _on_headers_sent(_session: object, _context: object, _params: object) -> None:
    now = sending.get()
    if now is not None:
        now.is_sent = True


class Connection:
    """Shared by every account of one exchange behind one address."""

    def __init__(
        self,
        name: str,
        ccxt_id: str,
        *,
        config: Mapping[str, Any],
        options: Mapping[str, Any],
        sandbox: bool = False,
        egress: Egress = DIRECT,
    ) -> None:
        self.name = name
        self.ccxt_id = ccxt_id
        self._config = dict(config)
        self._options = dict(options)
        self._sandbox = sandbox
        self._egress = egress
        self._session: aiohttp.ClientSession | None = None
        self._copies: list[Any] = []
        self.template: Any = None  #: the key-less client: markets, candles, prices

    async def open(self) -> None:
        """Build session and template. Nothing is asked of the exchange yet.

        Raises:
            ConfigError: ccxt does not know the exchange, or refuses the settings.
        """
        kind = getattr(pro, self.ccxt_id, None)
        if kind is None:
            raise ConfigError(
                f"exchanges.{self.name}.ccxt_id: ccxt has no exchange {self.ccxt_id!r}"
            )
        context = self._tls()
        local = self._egress.local_address
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_on_headers_sent)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                ssl=context,
                keepalive_timeout=_KEEP_ALIVE_S,
                resolver=aiohttp.ThreadedResolver(),
                local_addr=None if local is None else (local, 0),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[trace],
            trust_env=bool(self._config.get("aiohttp_trust_env", False)),
        )
        try:
            self.template = kind(self._settings(context))
            if self._sandbox:
                self._enter_sandbox()
        except Exception as e:  # noqa: BLE001 - whatever ccxt raises here is about the settings
            raise ConfigError(f"exchanges.{self.name}: {plain(e)}") from None

    async def close(self) -> None:
        """Close every socket; clients are of no use afterwards."""
        for client in self._copies:
            await _release(client)
        if self.template is not None:
            await _release(self.template)
        if self._session is not None:
            await self._session.close()

    async def load_markets(self) -> None:
        """Learn what is traded, once for every account.

        Raises:
            Unavailable: the exchange does not tell.
        """
        try:
            async with asyncio.timeout(_MARKETS_DEADLINE_S):
                await self.template.load_markets(reload=True)
        except (TimeoutError, Exception) as e:  # noqa: BLE001 - ccxt raises what it likes
            raise Unavailable(f"{self.name} does not tell its markets: {plain(e)}") from None
        for client in self._copies:
            client.set_markets_from_exchange(self.template)

    async def measure_clock(self) -> int:
        """Ask for the exchange's time and share the difference with every account.

        Returns how many milliseconds our clock is ahead of the exchange's.

        Raises:
            Unavailable: the exchange does not tell.
        """
        try:
            async with asyncio.timeout(_CLOCK_DEADLINE_S):
                await self.template.load_time_difference()
        except (TimeoutError, Exception) as e:  # noqa: BLE001 - ccxt raises what it likes
            raise Unavailable(f"{self.name} does not tell its time: {plain(e)}") from None
        for client in self._copies:
            client.options["timeDifference"] = self.clock_offset_ms
        return self.clock_offset_ms

    @property
    def clock_offset_ms(self) -> int:
        """How far our clock is ahead of the exchange's, as last measured."""
        return int(self.template.options.get("timeDifference") or 0)

    def client(self, credentials: Mapping[str, str]) -> Any:
        """A client of one account: cheap, and sharing nothing that must differ."""
        client = copy.copy(self.template)
        for name in _OWN_DICTS:
            setattr(client, name, {})
        for name in _OWN_NOTHING:
            setattr(client, name, None)
        client.options = dict(self.template.options)
        for name, value in credentials.items():
            setattr(client, name, value)
        self._copies.append(client)
        return client

    def _settings(self, context: ssl.SSLContext | bool) -> dict[str, Any]:
        ours: dict[str, Any] = {
            "session": self._session,
            "ssl_context": context,
            "asyncio_loop": asyncio.get_running_loop(),
            "enableRateLimit": False,  # Budget counts for all accounts of the address
            "timeout": _REQUEST_DEADLINE_MS,
            "timeout_on_exit": 0,
            "enableLastHttpResponse": False,
            "userAgent": "signalbot",
            "options": dict(self._options),
            "streaming": {"keepAlive": _SOCKET_PING_MS},
            **self._proxies(),
        }
        theirs = {name: value for name, value in self._config.items() if name not in _OURS}
        merged: dict[str, Any] = pro.Exchange.deep_extend(ours, theirs)
        merged["session"], merged["ssl_context"] = self._session, context
        return merged

    def _proxies(self) -> dict[str, str]:
        proxy = self._egress.proxy
        if proxy is None:
            return {}
        if proxy.startswith("socks"):
            return {"socksProxy": proxy, "wsSocksProxy": proxy}
        return {"httpsProxy": proxy, "wssProxy": proxy}

    def _tls(self) -> ssl.SSLContext | bool:
        if self._config.get("verify", True) is False:
            return False
        file = self._config.get("cafile", certifi.where())
        if not Path(file).is_file():
            raise ConfigError(f"exchanges.{self.name}.ccxt.cafile: there is no file {file}")
        return ssl.create_default_context(cafile=file)

    def _enter_sandbox(self) -> None:
        if self.ccxt_id == "binanceusdm":
            self.template.enable_demo_trading(True)  # its futures test network was closed
        else:
            self.template.set_sandbox_mode(True)


_OURS = frozenset(("session", "ssl_context", "asyncio_loop", "verify", "cafile"))

# What one account's client writes to, and another's must not see.
_OWN_DICTS = (
    "clients", "headers", "balance", "orderbooks", "tickers", "bidsasks", "trades", "ohlcvs",
    "transactions", "fundingRates",
)  # fmt: skip
_OWN_NOTHING = (
    "orders", "myTrades", "positions", "triggerOrders", "accounts", "accountsById",
    "last_http_response", "last_json_response", "last_response_headers", "last_request_body",
    "last_request_url", "last_request_headers",
)  # fmt: skip


async def _release(client: Any) -> None:
    """Close a client's websockets; the session is not its own and stays open."""
    try:
        async with asyncio.timeout(2):
            await client.close()
    except (TimeoutError, Exception) as e:  # noqa: BLE001 - nothing depends on it any more
        log.debug("exchange.close_failed", cause=plain(e))
    client.session = None
