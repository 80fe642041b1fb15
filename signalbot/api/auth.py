"""Authenticates callers: administrator, user, or anonymous."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPBearer

from signalbot.control.token_issuer import hash_of
from signalbot.domain.errors import NotFound
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import StatusBy, UserId
from signalbot.ledger.tokens import Scope, Token, TokenStore
from signalbot.ports import Clock

CONTROL_SOCKET = "control socket"
"""Author of changes made through the Unix socket, whose file permissions admit administrators."""

TRUSTED = "signalbot.trusted"
"""Scope key that marks requests from the control socket."""

PRINCIPAL = "signalbot.caller"
"""Scope key of the ``Principal`` of a request with a valid token."""

ADDRESS = "signalbot.address"
"""Scope key of the sender's address."""

AsgiScope = MutableMapping[str, Any]
"""The ASGI scope of a request or WebSocket."""

_token = HTTPBearer(
    scheme_name="token",
    auto_error=False,
    description="Any token of `signalbot token create --admin | --user NAME`.",
)
_administrators = HTTPBearer(
    scheme_name="administrator",
    auto_error=False,
    description="A token of `signalbot token create --admin`.",
)
"""For the OpenAPI document; ``bearer_of`` reads the header itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    name: str  #: the token's id, recorded as author of changes
    user_id: UserId | None  #: None: an administrator
    since_ms: Ms = EPOCH  #: earlier rows belong to a former user of the same name

    @property
    def is_admin(self) -> bool:
        return self.user_id is None

    @property
    def by(self) -> StatusBy:
        """Author category of this caller's changes."""
        return StatusBy.OPERATOR if self.is_admin else StatusBy.USER

    def owns(self, user_id: str) -> bool:
        """Whether this caller may see and change the data of ``user_id``."""
        return self.is_admin or self.user_id == user_id

    def must_own(self, user_id: str) -> UserId:
        """Return ``user_id`` if the caller may see it.

        Raises:
            NotFound: it belongs to another user; the response does not reveal whether it exists.
        """
        if not self.owns(user_id):
            raise NotFound("no such user")
        return UserId(user_id)

    def scope(self, user_id: str | None) -> str | None:
        """Return the user a listing is limited to; None means all users.

        Raises:
            NotFound: ``user_id`` is another user.
        """
        return self.user_id if user_id is None else self.must_own(user_id)


ADMINISTRATOR = Principal(name=CONTROL_SOCKET, user_id=None)


class Authenticator:
    """Authenticates callers by token, without caching: revoked tokens fail immediately."""

    def __init__(self, tokens: TokenStore, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock

    async def principal(self, scope: AsgiScope) -> Principal | None:
        """Return the caller; None without a valid token."""
        if scope.get(TRUSTED):
            return ADMINISTRATOR
        text = bearer_of(scope)
        return None if text is None else await self.principal_of(text)

    async def principal_of(self, text: str) -> Principal | None:
        """Return the caller of a token; webhook secrets authenticate no caller here."""
        token = await self.token(text)
        if token is None or token.scope is Scope.SOURCE:
            return None
        if token.subject is None:
            return Principal(name=token.token_id, user_id=None)
        user_id = UserId(token.subject)
        since_ms = await self._tokens.since_ms(user_id)
        return Principal(name=token.token_id, user_id=user_id, since_ms=since_ms)

    async def token(self, text: str) -> Token | None:
        """Return the valid token with this text."""
        token = await self._tokens.find(hash_of(text))
        return token if token is not None and token.is_valid(self._clock.now_ms()) else None


BEARER_PROTOCOL = "bearer."
"""Prefix of a token sent as WebSocket subprotocol, as browsers cannot set headers."""


def bearer_of(scope: AsgiScope) -> str | None:
    """Return the bearer token of a request; None if there is none, or more than one."""
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    offered = [each for each in scope.get("subprotocols", ()) if each.startswith(BEARER_PROTOCOL)]
    if len(given) + len(offered) != 1:
        return None
    if offered:
        return str(offered[0].removeprefix(BEARER_PROTOCOL))
    scheme, _, text = given[0].decode("latin-1").partition(" ")
    return text if scheme.lower() == "bearer" and text else None


def mark_trusted(scope: MutableMapping[str, object]) -> None:
    """Treat the sender as administrator: file permissions guard the control socket."""
    scope[TRUSTED] = True


def unauthorized() -> HTTPException:
    """Return the error for a request without a valid token."""
    return HTTPException(
        HTTPStatus.UNAUTHORIZED,
        "a valid token is required",
        headers={"WWW-Authenticate": "Bearer"},
    )


async def _principal(request: Request) -> Principal:
    caller: Principal | None = request.scope.get(PRINCIPAL)
    if caller is None:
        raise unauthorized()
    return caller


async def _authenticated(
    caller: Annotated[Principal, Depends(_principal)], _: Annotated[object, Depends(_token)]
) -> Principal:
    return caller


Authenticated = Annotated[Principal, Depends(_authenticated)]
"""A caller with a valid token."""


async def _administrator(
    caller: Annotated[Principal, Depends(_principal)],
    _: Annotated[object, Depends(_administrators)],
) -> Principal:
    if not caller.is_admin:
        raise HTTPException(HTTPStatus.FORBIDDEN, "an administrator's token is required")
    return caller


Administrator = Annotated[Principal, Depends(_administrator)]
"""A caller with an administrator's token."""
