"""Who is calling: an administrator, one user, or a stranger."""

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
"""The author of whatever is done through the Unix socket: whoever may open it is administrator."""

TRUSTED = "signalbot.trusted"
"""Marks the scope of a request that came through the control socket."""

PRINCIPAL = "signalbot.caller"
"""Key of the ``Principal`` in the scope of a request whose token is valid."""

ADDRESS = "signalbot.address"
"""Key of the sender's address in the scope of a request."""

AsgiScope = MutableMapping[str, Any]
"""The ASGI scope of a request or of a WebSocket."""

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
"""For the OpenAPI document; the header itself is read by ``bearer_of``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    name: str  #: the token's id; the author of what is changed
    user_id: UserId | None  #: None: an administrator
    since_ms: Ms = EPOCH  #: what was before is not this user's, though the name may be the same

    @property
    def is_admin(self) -> bool:
        return self.user_id is None

    @property
    def by(self) -> StatusBy:
        """Whose hand it is when this caller sets something."""
        return StatusBy.OPERATOR if self.is_admin else StatusBy.USER

    def owns(self, user_id: str) -> bool:
        """Whether this caller may see and change what belongs to ``user_id``."""
        return self.is_admin or self.user_id == user_id

    def must_own(self, user_id: str) -> UserId:
        """``user_id``, if it is the caller's to see.

        Raises:
            NotFound: it is somebody else's; the answer does not tell whether there is one.
        """
        if not self.owns(user_id):
            raise NotFound("no such user")
        return UserId(user_id)

    def scope(self, user_id: str | None) -> str | None:
        """The user to whose rows a listing is limited; None is everybody.

        Raises:
            NotFound: ``user_id`` is somebody else.
        """
        return self.user_id if user_id is None else self.must_own(user_id)


ADMINISTRATOR = Principal(name=CONTROL_SOCKET, user_id=None)


class Authenticator:
    """Tells callers by their token. Nothing is remembered: a revoked token is out at once."""

    def __init__(self, tokens: TokenStore, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock

    async def principal(self, scope: AsgiScope) -> Principal | None:
        """Who sent this; None when there is no token, or none that is valid here."""
        if scope.get(TRUSTED):
            return ADMINISTRATOR
        text = bearer_of(scope)
        return None if text is None else await self.principal_of(text)

    async def principal_of(self, text: str) -> Principal | None:
        """Who this token stands for; secrets of webhook sources stand for nobody here."""
        token = await self.token(text)
        if token is None or token.scope is Scope.SOURCE:
            return None
        if token.subject is None:
            return Principal(name=token.token_id, user_id=None)
        user_id = UserId(token.subject)
        since_ms = await self._tokens.since_ms(user_id)
        return Principal(name=token.token_id, user_id=user_id, since_ms=since_ms)

    async def token(self, text: str) -> Token | None:
        """The valid token with this text."""
        token = await self._tokens.find(hash_of(text))
        return token if token is not None and token.is_valid(self._clock.now_ms()) else None


BEARER_PROTOCOL = "bearer."
"""What comes before the token in a subprotocol of a WebSocket: browsers can set no header."""


def bearer_of(scope: AsgiScope) -> str | None:
    """The bearer token of a request; None when there is none, or more than one place for it."""
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    offered = [each for each in scope.get("subprotocols", ()) if each.startswith(BEARER_PROTOCOL)]
    if len(given) + len(offered) != 1:
        return None
    if offered:
        return str(offered[0].removeprefix(BEARER_PROTOCOL))
    scheme, _, text = given[0].decode("latin-1").partition(" ")
    return text if scheme.lower() == "bearer" and text else None


def mark_trusted(scope: MutableMapping[str, object]) -> None:
    """Take whoever sends this for the administrator: the way in is guarded by file permissions."""
    scope[TRUSTED] = True


def unauthorized() -> HTTPException:
    """The answer to a request without a valid token."""
    return HTTPException(
        HTTPStatus.UNAUTHORIZED,
        "a valid token is needed",
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
        raise HTTPException(HTTPStatus.FORBIDDEN, "only an administrator may do this")
    return caller


Administrator = Annotated[Principal, Depends(_administrator)]
"""A caller with an administrator's token."""
