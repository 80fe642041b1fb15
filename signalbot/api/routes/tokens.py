"""API tokens and webhook secrets."""

from http import HTTPStatus
from typing import Any

from signalbot.api.auth import Administrator
from signalbot.api.context import CurrentContext
from signalbot.api.models.requests import NewToken
from signalbot.api.models.users import NewTokenRow, TokenRow
from signalbot.api.routes import router
from signalbot.control.token_issuer import issue_token
from signalbot.domain.errors import NotFound
from signalbot.ledger.tokens import Scope, Token

routes = router("tokens")


@routes.get("/api/tokens", response_model=list[TokenRow])
async def tokens(context: CurrentContext, _: Administrator) -> Any:
    """List all tokens, without their text."""
    return [_row(token) for token in await context.tokens.all()]


@routes.post("/api/tokens", response_model=NewTokenRow, status_code=HTTPStatus.CREATED)
async def create(context: CurrentContext, _: Administrator, new: NewToken) -> Any:
    """Create a token; its text is returned only once."""
    config = context.configuration.config
    text, token = await issue_token(
        context.tokens,
        scope=Scope(new.scope),
        subject=new.subject,
        label=new.label,
        users=config.users,
        strategies=config.strategies,
        now_ms=context.clock.now_ms(),
        expires_at_ms=new.expires_at_ms,
    )
    return _row(token) | {"token": text}


@routes.delete("/api/tokens/{token_id}", status_code=HTTPStatus.NO_CONTENT)
async def revoke(context: CurrentContext, _: Administrator, token_id: str) -> None:
    """Revoke a token immediately."""
    if not await context.tokens.revoke(token_id, now_ms=context.clock.now_ms()):
        raise NotFound("no such token, or it is already revoked")
    context.event_stream.disconnect_token(token_id)


def _row(token: Token) -> dict[str, Any]:
    return {
        "token_id": token.token_id,
        "scope": token.scope.value,
        "subject": token.subject,
        "label": token.label,
        "created_at_ms": token.created_at_ms,
        "expires_at_ms": token.expires_at_ms,
        "revoked_at_ms": token.revoked_at_ms,
    }
