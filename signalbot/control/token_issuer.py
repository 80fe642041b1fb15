"""Creates API tokens: random text for the owner, a hash for the ledger."""

import hashlib
import secrets
from collections.abc import Container

from signalbot.domain.errors import Conflict, NotFound
from signalbot.domain.timeframe import Ms
from signalbot.ledger.tokens import Scope, Token, TokenStore

PREFIX = "sbt_"
"""Prefix of every token, for secret scanners."""

_RANDOM_BYTES = 32

TOKEN = PREFIX + "[A-Za-z0-9_-]{43}"
"""The form of every token, as a regular expression: the prefix, and 32 bytes in base64."""


def create_token(
    *,
    scope: Scope,
    subject: str | None,
    label: str,
    now_ms: Ms,
    expires_at_ms: Ms | None = None,
) -> tuple[str, Token]:
    """Create a token: its text, which is shown only once, and the record to store."""
    text = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    hashed = hash_of(text)
    token = Token(
        token_id=f"tok_{hashed[:12]}",
        hash=hashed,
        scope=scope,
        subject=subject,
        label=label,
        created_at_ms=now_ms,
        expires_at_ms=expires_at_ms,
    )
    return text, token


async def issue_token(
    tokens: TokenStore,
    *,
    scope: Scope,
    subject: str | None,
    label: str,
    users: Container[str],
    strategies: Container[str],
    now_ms: Ms,
    expires_at_ms: Ms | int | None = None,
) -> tuple[str, Token]:
    """Create a token and store its hash; the returned text is shown only once.

    Raises:
        NotFound: there is no such user or strategy.
        Conflict: an admin token has no subject, all others need one.
    """
    if (scope is Scope.ADMIN) != (subject is None):
        raise Conflict("an admin token takes no user or source; every other token needs one")
    subjects = {Scope.USER: users, Scope.SOURCE: strategies}.get(scope)
    if subjects is not None and subject not in subjects:
        raise NotFound(f"no such {'user' if scope is Scope.USER else 'strategy'}")
    expiry = None if expires_at_ms is None else Ms(expires_at_ms)
    text, token = create_token(
        scope=scope, subject=subject, label=label, now_ms=now_ms, expires_at_ms=expiry
    )
    await tokens.add(token)
    return text, token


def hash_of(text: str) -> str:
    """The stored hash of a token. 256 random bits need no slow hash: they cannot be guessed."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
