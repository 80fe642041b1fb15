"""``POST /hooks/{source}``: alerts of TradingView and its like. Answered once they are durable.

A stranger's alert is answered at the same moment after it came, whatever was wrong with it: how
long that takes tells nothing of which sources there are.
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
        description="Answer what the alert would do, and do nothing. Through the control socket "
        "or with an administrator's token no secret is needed for that."
    ),
]


@routes.post(
    "/hooks/{source}",
    response_model=AlertResponse,
    status_code=HTTPStatus.ACCEPTED,
    responses={200: {"model": AlertResponse, "description": "The same had come before."}},
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
    """Take in an alert that carries its secret in the body, or that is signed."""
    return await _receive(context, source, request, response, token=None, is_dry_run=dry_run)


@routes.post(
    "/hooks/{source}/{token}",
    response_model=AlertResponse,
    status_code=HTTPStatus.ACCEPTED,
    responses={200: {"model": AlertResponse, "description": "The same had come before."}},
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
    """Take in an alert whose secret is in the path."""
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
        terms = _source(context, source)
    else:
        terms = await _authenticated_source(context, source, request, body, token)
    reception = await context.webhook_receiver.receive(
        terms, body, headers=headers, is_dry_run=is_dry_run
    )
    changed = [*reception.sent, *reception.withdrawn]
    if reception.is_dry_run or (changed and not any(each.is_new for each in changed)):
        response.status_code = HTTPStatus.OK
    return AlertResponse.of(reception)


def _source(context: Context, name: str) -> StrategySettings:
    terms = context.strategies.get(name)
    if terms is None or terms.webhook is None:
        raise NotFound("no such source")
    return terms


async def _authenticated_source(
    context: Context, source: str, request: Request, body: bytes, token: str | None
) -> StrategySettings:
    """The source that an alert is known to come from.

    Raises:
        NotFound: it comes from a stranger.
    """
    admission, came_ms = context.request_limiter, context.clock.now_ms()
    terms = await context.alert_authenticator.authenticate(
        source, body, headers=request.headers, token=token, address=request.scope[ADDRESS]
    )
    if terms is None:
        await context.clock.sleep_until(Ms(came_ms + _REJECT_AFTER_MS))
        _refuse_if_late(await admission.count_anonymous(request.scope))
        raise NotFound("no such source")
    admission.mark_authenticated(request.scope)
    _refuse_if_late(admission.count(f"source {terms.name}"))
    return terms


def _refuse_if_late(wait_s: float) -> None:
    if wait_s > 0:
        raise HTTPException(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"too many requests: wait {wait_s:.0f} s",
            headers={"Retry-After": str(max(1, round(wait_s)))},
        )
