"""A connection to one exchange from one address: session, certificates, markets, clock, clients.

Building a ccxt client takes milliseconds and a quarter of a megabyte, its first request a TLS
context. So one client is built, and that of every user is a shallow copy with its own keys and
state.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import aiohttp
import certifi
import structlog
from ccxt import pro

from signalbot.domain.errors import ConfigError, Unavailable
from signalbot.exchange.live.parsing import parse_instant_ms
from signalbot.exchange.live.transport.ccxt_internals import (
    CACHE_LIMITS,
    close_client,
    copy_client,
    enter_sandbox,
    validated_class,
)
from signalbot.exchange.live.transport.ccxt_settings import egress_error, forbidden_options
from signalbot.exchange.live.transport.client_profile import ClientProfile
from signalbot.exchange.live.transport.error_mapping import redacted_text
from signalbot.exchange.live.transport.request_trace import OnHeaders, trace_config

log = structlog.get_logger()

_MARKETS_DEADLINE_S = 60.0
_CLOCK_DEADLINE_S = 10.0
_KEEP_ALIVE_S = 75.0  # longer than the quiet between two signals of one minute
_REQUEST_DEADLINE_MS = 20_000  # longer than an exchange may think about an order
_SOCKET_PING_MS = 15_000
_DNS_CACHE_S = 300
_CLOCK_SAMPLES = 3
_FAST_RESPONSE_MS = 300  # the exchange's time is then known to half of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """The route of an account's requests; exchanges limit each address separately."""

    proxy: str | None = field(default=None, repr=False)  #: http:// URL
    local_address: str | None = None

    @property
    def name(self) -> str:
        """A label of the address in logs, without a proxy's password."""
        if self.proxy is not None:
            return f"proxy {self.proxy.rpartition('@')[2]}"
        return self.local_address or "direct"


DIRECT = Egress()


def parse_egress(text: str) -> Egress:
    """``direct``, a proxy's URL, or an address of this machine."""
    if text == "direct":
        return DIRECT
    return Egress(proxy=text) if "://" in text else Egress(local_address=text)


SendRequest = Callable[..., Awaitable[Any]]
"""``send(client, method, *args)`` makes one call of a ccxt client within the rate limits."""


async def _send_immediately(client: Any, method: str, *args: Any) -> Any:
    return await getattr(client, method)(*args)


def _ignore(_headers: Mapping[str, str]) -> None:
    """Headers are not read."""


class Connection:
    """Shared by every account of one exchange behind one address."""

    def __init__(
        self,
        name: str,
        profile: ClientProfile,
        *,
        config: Mapping[str, Any],
        egress: Egress = DIRECT,
        on_headers: OnHeaders = _ignore,
    ) -> None:
        self.name = name
        self._profile = profile
        self._config = dict(config)
        self._egress = egress
        self._on_headers = on_headers
        self._session: aiohttp.ClientSession | None = None
        self._clients: list[Any] = []
        self.template: Any = None  #: the key-less client: markets, candles, prices

    @property
    def ccxt_id(self) -> str:
        return self._profile.ccxt_id

    async def open(self) -> None:
        """Build session and template, without a request.

        Raises:
            ConfigError: ccxt does not know the exchange, or rejects the settings.
        """
        kind = getattr(pro, self.ccxt_id) if self.ccxt_id in pro.exchanges else None
        if kind is None:
            matches = get_close_matches(self.ccxt_id, pro.exchanges, n=1)
            suggestion = f"; did you mean {matches[0]!r}?" if matches else ""
            raise ConfigError(
                f"exchanges.{self.name}.ccxt_id: ccxt has no exchange {self.ccxt_id!r}{suggestion}"
            )
        self._check_settings()
        context = self._tls_context()
        self._session = self._open_session(context)
        try:
            self.template = validated_class(kind, self._profile.shapes)(self._settings(context))
            enter_sandbox(self.template, self._profile.sandbox)
        except Exception as e:  # noqa: BLE001 - any error of ccxt here is about the settings
            await self.close()
            raise ConfigError(f"exchanges.{self.name}: {redacted_text(e)}") from None

    async def close(self) -> None:
        """Close every socket; clients cannot be used afterwards."""
        for client in self._clients:
            await close_client(client)
        if self.template is not None:
            await close_client(self.template)
        if self._session is not None:
            await self._session.close()

    async def load_markets(self, send: SendRequest = _send_immediately) -> None:
        """Load the exchange's markets, once for every account.

        Raises:
            Unavailable: they cannot be loaded.
        """
        loader = copy_client(self.template)  # no other task waits for it or can cancel it
        try:
            async with asyncio.timeout(_MARKETS_DEADLINE_S):
                await send(loader, "load_markets", True)
        except Unavailable:
            raise
        except (TimeoutError, Exception) as e:  # noqa: BLE001 - any error of ccxt
            raise Unavailable(
                f"{self.name} does not return its markets: {redacted_text(e)}"
            ) from None
        finally:
            loader.session = None
        for client in (self.template, *self._clients):
            client.set_markets_from_exchange(loader)

    @property
    def has_markets(self) -> bool:
        """Whether markets have been loaded."""
        return bool(self.template.markets)

    def adopt_markets(self, other: "Connection") -> None:
        """Take over the markets of another connection to the same exchange."""
        if other is not self:
            for client in (self.template, *self._clients):
                client.set_markets_from_exchange(other.template)

    async def measure_clock(self, send: SendRequest = _send_immediately) -> int:
        """Measure the clock offset against the exchange, and share it with every account.

        Returns how many milliseconds our clock is ahead of the exchange's, from the fastest of a
        few responses: a slow one is inexact.

        Raises:
            Unavailable: the exchange does not return its time.
        """
        try:
            async with asyncio.timeout(_CLOCK_DEADLINE_S):
                offset_ms = await self._offset_ms(send)
        except Unavailable:
            raise
        except (TimeoutError, Exception) as e:  # noqa: BLE001 - any error of ccxt
            raise Unavailable(f"{self.name} does not return its time: {redacted_text(e)}") from None
        for client in (self.template, *self._clients):
            client.options["timeDifference"] = offset_ms
        return offset_ms

    async def _offset_ms(self, send: SendRequest) -> int:
        measured: list[tuple[int, int]] = []
        for _ in range(_CLOCK_SAMPLES):
            before_ms = self.template.milliseconds()
            server_ms = await self._server_time_ms(send)
            after_ms = self.template.milliseconds()
            measured.append((after_ms - before_ms, (before_ms + after_ms) // 2 - server_ms))
            if after_ms - before_ms <= _FAST_RESPONSE_MS:
                break
        return min(measured)[1]

    async def _server_time_ms(self, send: SendRequest) -> int:
        endpoint = self._profile.server_time
        if endpoint is None:
            return int(await send(self.template, "fetch_time")) + self._profile.clock_step_ms // 2
        response = await send(self.template, endpoint.method, dict(endpoint.params))
        time_ms = parse_instant_ms(str(response.get(endpoint.field)))
        if time_ms is None:
            raise Unavailable(f"{self.name} does not return its time")
        return time_ms

    @property
    def clock_offset_ms(self) -> int:
        """How far our clock is ahead of the exchange's, as last measured."""
        return int(self.template.options.get("timeDifference") or 0)

    def client(self, credentials: Mapping[str, str]) -> Any:
        """A client of one account, which shares nothing that must differ."""
        client = copy_client(self.template)
        for name, value in credentials.items():
            setattr(client, name, value)
        self._clients.append(client)
        return client

    def _open_session(self, context: ssl.SSLContext | bool) -> aiohttp.ClientSession:
        local = self._egress.local_address
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                ssl=context,
                keepalive_timeout=_KEEP_ALIVE_S,
                resolver=aiohttp.ThreadedResolver(),
                ttl_dns_cache=_DNS_CACHE_S,
                local_addr=None if local is None else (local, 0),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[trace_config(self._on_headers)],
            trust_env=bool(self._config.get("aiohttp_trust_env", False)),
        )

    def _check_settings(self) -> None:
        """Reject settings that would break a guarantee or reveal a secret."""
        for where, why in forbidden_options(self._config):
            raise ConfigError(f"exchanges.{self.name}.ccxt.{'.'.join(where)} {why}")
        fault = egress_error(self._egress.proxy or "direct")
        if fault is not None:
            raise ConfigError(f"exchanges.{self.name}: {fault}")

    def _settings(self, context: ssl.SSLContext | bool) -> dict[str, Any]:
        own: dict[str, Any] = {
            "session": self._session,
            "ssl_context": context,
            "asyncio_loop": asyncio.get_running_loop(),
            "enableRateLimit": False,  # RateLimiter counts for all accounts of the address
            "timeout": _REQUEST_DEADLINE_MS,
            "timeout_on_exit": 0,
            "enableLastHttpResponse": False,
            "userAgent": "signalbot",
            "options": {**CACHE_LIMITS, **self._profile.options},
            "streaming": {"keepAlive": _SOCKET_PING_MS},
            **self._proxies(),
        }
        configured = {name: value for name, value in self._config.items() if name not in _TLS_NAMES}
        merged: dict[str, Any] = pro.Exchange.deep_extend(own, configured)
        merged["session"], merged["ssl_context"] = self._session, context
        return merged

    def _proxies(self) -> dict[str, str]:
        proxy = self._egress.proxy
        return {} if proxy is None else {"httpsProxy": proxy, "wssProxy": proxy}

    def _tls_context(self) -> ssl.SSLContext | bool:
        if self._config.get("verify", True) is False:
            return False
        return ssl.create_default_context(cafile=self._config.get("cafile", certifi.where()))


_TLS_NAMES = frozenset(("verify", "cafile"))
