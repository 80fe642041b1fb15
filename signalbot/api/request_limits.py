"""Limits request rates: of authenticated callers per token, of others per address.

A valid token has its own bucket, which anonymous requests cannot empty. All other requests count
for their address. Responses to an address with an empty bucket are delayed, which costs the daemon
nothing and allows each of its connections one response per second.
"""

from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signalbot.api.auth import ADDRESS, PRINCIPAL, TRUSTED, AsgiScope, Authenticator, Principal
from signalbot.api.client_address import address_of, bucket_of
from signalbot.api.connection_limiter import ConnectionLimiter
from signalbot.api.problems import problem_response
from signalbot.api.token_buckets import TokenBuckets
from signalbot.ports import Clock

HOOKS = "/hooks/"
"""Prefix of paths with authentication in the body: counted after that is checked."""

_COUNTED = "signalbot.counted"
_RESPONSE_TYPES = ("http.response.start", "websocket.close")

_DELAY_S = 1.0
ANONYMOUS_FACTOR = 5  # factor of the limit of one address that all anonymous callers share
_ALL_ANONYMOUS = "all"
_READ_METHODS = ("GET", "HEAD", "OPTIONS")
REQUESTS_PER_CHANGE = 40  # requests that a user's change counts for, sustained
CHANGE_BURST = 30  # changes allowed at once


class RequestLimiter:
    """Identifies callers and limits their request rates."""

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
        """Record caller and address in ``scope``; None for an anonymous caller."""
        scope[ADDRESS] = address_of(scope, trusts_proxy=self._trusts_proxy)
        caller = await self._authenticator.principal(scope)
        if caller is not None:
            self.mark_authenticated(scope, caller)
        return caller

    async def identify_by_token(self, text: str, scope: AsgiScope) -> Principal | None:
        """Return the caller of a token that was not sent in the header."""
        caller = await self._authenticator.principal_of(text)
        if caller is not None:
            self.mark_authenticated(scope, caller)
        return caller

    def mark_authenticated(self, scope: AsgiScope, caller: Principal | None = None) -> None:
        """Mark the request as authenticated, so that its connection outranks anonymous ones."""
        if caller is not None:
            scope[PRINCIPAL] = caller
        scope[_COUNTED] = True
        self._connections.mark_authenticated(scope.get("client"))

    def count_request(self, caller: Principal, method: str) -> float:
        """Count a request; a user's changes count much more than reads.

        Every change is stored permanently: one user must not fill the disk.
        """
        wait_s = self.count(caller.name)
        if wait_s == 0 and not caller.is_admin and method not in _READ_METHODS:
            wait_s = self._changes.take(caller.name)
        return wait_s

    def count(self, name: str) -> float:
        """Return the seconds until a request under this name is allowed; 0 if it is now."""
        return self._authenticated.take(name)

    def is_exhausted(self, scope: AsgiScope) -> bool:
        """Whether the sender's address has exceeded its limit."""
        return self._anonymous.is_empty(bucket_of(scope.get(ADDRESS)))

    async def count_anonymous(self, scope: AsgiScope) -> float:
        """Count an anonymous request; delay it if it exceeds the limit.

        The limit applies to the address, and to all anonymous callers together.
        """
        scope[_COUNTED] = True
        client = bucket_of(scope.get(ADDRESS))
        wait_s = self._anonymous.take(client) or self._all_anonymous.take(_ALL_ANONYMOUS)
        if wait_s > 0:
            with self._connections.delaying(scope.get("client")):
                await self._clock.sleep(_DELAY_S)
        return wait_s


class RequestLimitMiddleware:
    """Rejects requests beyond the limit, and identifies callers by token.

    Alerts and WebSockets are counted later, as they may authenticate in the body. If one is
    rejected before that is checked, it counts as anonymous.
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
        """Whether an anonymous request exceeds the limit, or cannot authenticate later."""
        if scope["type"] == "websocket":
            return self._limiter.is_exhausted(scope)
        path: str = scope["path"]
        return not path.startswith(HOOKS)

    def _counting(self, scope: Scope, send: Send) -> Send:
        """Return ``send`` that first counts a response to an uncounted anonymous request."""

        async def counted(message: Message) -> None:
            if message["type"] in _RESPONSE_TYPES and not scope.get(_COUNTED):
                await self._limiter.count_anonymous(scope)
            await send(message)

        return counted


def too_many(wait_s: float, scope: Scope) -> ASGIApp:
    """Return the response to a request beyond the limit; WebSockets are rejected unopened."""
    if scope["type"] == "websocket":
        return _reject_socket
    return problem_response(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"too many requests: wait {wait_s:.0f} s",
        headers={"Retry-After": str(max(1, round(wait_s))), "Connection": "close"},
    )


async def _reject_socket(_: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 1013, "reason": "too many requests"})
