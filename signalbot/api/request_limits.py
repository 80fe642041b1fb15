"""Lets requests in: known callers by their own limit, strangers by that of their address.

A valid token counts for itself, so nothing that strangers do can empty its bucket. Everything else
counts for the address it comes from. A stranger that has used up its bucket is answered late: it
costs the daemon nothing to let it wait, and each of its connections gets one answer a second.
"""

from http import HTTPStatus
from ipaddress import IPv6Address, ip_address

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signalbot.api.auth import ADDRESS, PRINCIPAL, TRUSTED, AsgiScope, Authenticator, Principal
from signalbot.api.connection_limits import ConnectionLimiter
from signalbot.api.problems import problem_response
from signalbot.api.token_buckets import TokenBuckets
from signalbot.ports import Clock

HOOKS = "/hooks/"
"""Beginning of the paths whose senders are told by what they send: counted once that is known."""

_COUNTED = "signalbot.counted"
_RESPONSE_TYPES = ("http.response.start", "websocket.close")

_DELAY_S = 1.0
ANONYMOUS_FACTOR = 5  # addresses' worth of requests that all strangers have together
_ALL_ANONYMOUS = "all"
_READ_METHODS = ("GET", "HEAD", "OPTIONS")
REQUESTS_PER_CHANGE = 40  # requests that a change of a user's counts for, in the long run
CHANGE_BURST = 30  # that may come at once
_PREFIX_BITS = 64  # of an IPv6 address: the rest is one client's to choose


class RequestLimiter:
    """Who may ask, and how often."""

    def __init__(
        self,
        authenticator: Authenticator,
        *,
        per_second: float,
        trusts_proxy: bool,
        connections: ConnectionLimiter,
        clock: Clock,
    ) -> None:
        self._authenticator = authenticator
        self._trusts_proxy = trusts_proxy
        self._connections = connections
        self._clock = clock
        self._authenticated = TokenBuckets(per_second=per_second, clock=clock)
        self._anonymous = TokenBuckets(per_second=per_second, clock=clock)
        self._all_anonymous = TokenBuckets(per_second=per_second * ANONYMOUS_FACTOR, clock=clock)
        self._changes = TokenBuckets(
            per_second=per_second / REQUESTS_PER_CHANGE,
            burst=max(per_second, CHANGE_BURST),
            clock=clock,
        )

    async def identify(self, scope: AsgiScope) -> Principal | None:
        """Note in ``scope`` who calls and from where; None for a stranger."""
        scope[ADDRESS] = address_of(scope, trusts_proxy=self._trusts_proxy)
        caller = await self._authenticator.principal(scope)
        if caller is not None:
            self.mark_authenticated(scope, caller)
        return caller

    async def identify_by_token(self, text: str, scope: AsgiScope) -> Principal | None:
        """Who calls with this token, which did not come in the header."""
        caller = await self._authenticator.principal_of(text)
        if caller is not None:
            self.mark_authenticated(scope, caller)
        return caller

    def mark_authenticated(self, scope: AsgiScope, caller: Principal | None = None) -> None:
        """Whoever sends this is known: its connection gives way to no stranger's."""
        if caller is not None:
            scope[PRINCIPAL] = caller
        scope[_COUNTED] = True
        self._connections.mark_authenticated(scope.get("client"))

    def count_request(self, caller: Principal, method: str) -> float:
        """``count`` for a caller; what a user changes counts much more than what it asks.

        Every change is written down, for good: one user must not fill the disk of all.
        """
        wait_s = self.count(caller.name)
        if wait_s == 0 and not caller.is_admin and method not in _READ_METHODS:
            wait_s = self._changes.take(caller.name)
        return wait_s

    def count(self, name: str) -> float:
        """Seconds until the next request under this name is in order; 0 when this one is."""
        return self._authenticated.take(name)

    def is_exhausted(self, scope: AsgiScope) -> bool:
        """Whether the address that this comes from has asked too often."""
        return self._anonymous.is_empty(_client(scope.get(ADDRESS)))

    async def count_anonymous(self, scope: AsgiScope) -> float:
        """``count`` for a stranger; one that has asked too often waits here first.

        Too often is what is too much of this address, or of all strangers together.
        """
        scope[_COUNTED] = True
        client = _client(scope.get(ADDRESS))
        wait_s = self._anonymous.take(client) or self._all_anonymous.take(_ALL_ANONYMOUS)
        if wait_s > 0:
            with self._connections.delaying(scope.get("client")):
                await self._clock.sleep(_DELAY_S)
        return wait_s


class RequestLimitMiddleware:
    """Refuses whoever has asked too often, and tells all others by their token.

    An alert and a WebSocket are let in first: their senders are known by what they send. Where one
    is refused before that is looked at, for whatever reason, it is a stranger's like any other.
    """

    def __init__(self, app: ASGIApp, *, limiter: RequestLimiter) -> None:
        self._app = app
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limiter = self._limiter
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        caller = await limiter.identify(scope)
        wait_s = 0.0
        if caller is not None and not scope.get(TRUSTED):
            wait_s = limiter.count_request(caller, scope.get("method", "GET"))
        elif caller is None and self._is_counted_first(scope):
            wait_s = await limiter.count_anonymous(scope)
        if wait_s > 0:
            response = too_many(wait_s, scope)
            await response(scope, receive, send)
            return
        if caller is None:
            send = self._counting(scope, send)
        await self._app(scope, receive, send)

    def _is_counted_first(self, scope: Scope) -> bool:
        """Whether a stranger's request is one of too many, or can only be a stranger's."""
        if scope["type"] == "websocket":
            return self._limiter.is_exhausted(scope)
        path: str = scope["path"]
        return not path.startswith(HOOKS)

    def _counting(self, scope: Scope, send: Send) -> Send:
        """``send``, which holds back an answer to somebody who was neither known nor counted."""

        async def counted(message: Message) -> None:
            if message["type"] in _RESPONSE_TYPES and not scope.get(_COUNTED):
                await self._limiter.count_anonymous(scope)
            await send(message)

        return counted


def too_many(wait_s: float, scope: Scope) -> ASGIApp:
    """The answer to one request too many; a WebSocket is refused before it is opened."""
    if scope["type"] == "websocket":
        return _refuse_socket
    return problem_response(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"too many requests: wait {wait_s:.0f} s",
        headers={"Retry-After": str(max(1, round(wait_s))), "Connection": "close"},
    )


async def _refuse_socket(_: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 1013, "reason": "too many requests"})


def address_of(scope: AsgiScope, *, trusts_proxy: bool) -> str | None:
    """The sender's address: what the proxy on this machine has noted last, or the peer's.

    A proxy appends the address it sees to what a client may have written, in a line of its own or
    at the end of one: only the last entry of the last line is the proxy's.
    """
    client = scope.get("client")
    peer = None if client is None else _plain(str(client[0]))
    if not trusts_proxy or peer is None or not is_loopback(peer):
        return peer
    noted = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    last: str = noted[-1].decode("latin-1").rpartition(",")[2].strip() if noted else ""
    return _plain(last) if last else peer


def _plain(address: str) -> str:
    """An address in one form, however it is written.

    A listener for IPv6 and IPv4 names an IPv4 peer as an IPv6 address.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _client(address: str | None) -> str:
    """What a bucket is for: an IPv4 address, or all that one IPv6 client can choose from."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        return f"{int(found) >> _PREFIX_BITS:x}"
    return str(found)
