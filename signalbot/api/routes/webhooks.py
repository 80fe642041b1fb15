"""``POST /hooks/{source}``: receives alerts of TradingView and similar senders.

Responses are sent after the alert is durable. Unauthenticated alerts are answered after a constant
time, so that timing reveals nothing about existing sources.
"""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response

from signalbot.api.auth import ADDRESS, PRINCIPAL, Principal
from signalbot.api.context import Context, CurrentContext
from signalbot.api.models.alerts import AlertResponse
from signalbot.domain.errors import NotFound
from signalbot.domain.timeframe import Ms
from signalbot.settings.strategy import StrategySettings

routes = APIRouter(tags=["hooks"])

_REJECT_AFTER_MS = 50

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "examples": {
                    "TradingView": {
                        "value": {
                            "ticker": "BINANCE:BTCUSDT.P",
                            "action": "buy",
                            "price": 60486.6,
                            "timenow": "2026-11-21T06:50:00Z",
                        }
                    }
                },
            },
            "text/plain": {"schema": {"type": "string"}, "example": "buy BTCUSDT @ 60486.6"},
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object"},
                "example": {"symbol": "BTCUSDT", "action": "buy", "stop_loss": "2%"},
            },
        },
    }
}


DryRun = Annotated[
    bool,
    Query(
        description="Return what the alert would do, without doing it. Through the control socket "
        "or with an administrator's token no secret is required."
    ),
]


@routes.post(
    "/hooks/{source}",
    response_model=AlertResponse,
    status_code=HTTPStatus.ACCEPTED,
    responses={200: {"model": AlertResponse, "description": "Duplicate, without effect."}},
    openapi_extra=_BODY,
)
async def alert(
    context: CurrentContext,
    source: str,
    request: Request,
    response: Response,
    *,
    dry_run: DryRun = False,
) -> Any:
    """Receive an alert with a secret in the body, or with a signature."""
    return await _receive(context, source, request, response, token=None, is_dry_run=dry_run)


@routes.post(
    "/hooks/{source}/{token}",
    response_model=AlertResponse,
    status_code=HTTPStatus.ACCEPTED,
    responses={200: {"model": AlertResponse, "description": "Duplicate, without effect."}},
    openapi_extra=_BODY,
)
async def alert_by_token(
    context: CurrentContext,
    source: str,
    token: str,
    request: Request,
    response: Response,
    *,
    dry_run: DryRun = False,
) -> Any:
    """Receive an alert with the secret in the path."""
    return await _receive(context, source, request, response, token=token, is_dry_run=dry_run)


async def _receive(
    context: Context,
    source: str,
    request: Request,
    response: Response,
    *,
    token: str | None,
    is_dry_run: bool,
) -> AlertResponse:
    body, headers = await request.body(), request.headers
    caller: Principal | None = request.scope.get(PRINCIPAL)
    if is_dry_run and caller is not None and caller.is_admin:
        strategy = _source(context, source)
    else:
        strategy = await _authenticated_source(context, source, request, body, token)
    result = await context.webhook_receiver.receive(
        strategy, body, headers=headers, is_dry_run=is_dry_run
    )
    changed = [*result.sent, *result.withdrawn]
    if result.is_dry_run or (changed and not any(each.is_new for each in changed)):
        response.status_code = HTTPStatus.OK
    return AlertResponse.of(result)


def _source(context: Context, name: str) -> StrategySettings:
    strategy = context.strategies.get(name)
    if strategy is None or strategy.webhook is None:
        raise NotFound("no such source")
    return strategy


async def _authenticated_source(
    context: Context, source: str, request: Request, body: bytes, token: str | None
) -> StrategySettings:
    """Return the source of an authenticated alert.

    Raises:
        NotFound: it is not authenticated.
    """
    limiter, received_ms = context.request_limiter, context.clock.now_ms()
    strategy = await context.alert_authenticator.authenticate(
        source, body, headers=request.headers, token=token, address=request.scope[ADDRESS]
    )
    if strategy is None:
        await context.clock.sleep_until(Ms(received_ms + _REJECT_AFTER_MS))
        _reject_if_limited(await limiter.count_anonymous(request.scope))
        raise NotFound("no such source")
    limiter.mark_authenticated(request.scope)
    _reject_if_limited(limiter.count(f"source {strategy.name}"))
    return strategy


def _reject_if_limited(wait_s: float) -> None:
    if wait_s > 0:
        raise HTTPException(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"too many requests: wait {wait_s:.0f} s",
            headers={"Retry-After": str(max(1, round(wait_s)))},
        )
