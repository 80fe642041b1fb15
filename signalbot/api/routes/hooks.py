"""``POST /hooks/{source}``: alerts of TradingView and its like. Answered once they are durable."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from signalbot.api.context import Context, Here
from signalbot.api.models.alerts import AlertTaken

routes = APIRouter(tags=["hooks"])

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
    response_model=AlertTaken,
    status_code=HTTPStatus.ACCEPTED,
    openapi_extra=_BODY,
)
async def alert(
    here: Here, source: str, request: Request, response: Response, *, dry_run: DryRun = False
) -> Any:
    """Take in an alert that carries its secret in the body, or that is signed."""
    return await _take(here, source, request, response, token=None, is_dry_run=dry_run)


@routes.post(
    "/hooks/{source}/{token}",
    response_model=AlertTaken,
    status_code=HTTPStatus.ACCEPTED,
    openapi_extra=_BODY,
)
async def alert_by_token(
    here: Here,
    source: str,
    token: str,
    request: Request,
    response: Response,
    *,
    dry_run: DryRun = False,
) -> Any:
    """Take in an alert whose secret is in the path."""
    return await _take(here, source, request, response, token=token, is_dry_run=dry_run)


async def _take(
    here: Context,
    source: str,
    request: Request,
    response: Response,
    *,
    token: str | None,
    is_dry_run: bool,
) -> AlertTaken:
    caller = await here.gate.caller(request) if is_dry_run else None
    reception = await here.receiver.receive(
        source,
        await request.body(),
        headers=request.headers,
        token=token,
        address=_address(request, trusts_proxy=here.hosts is None),
        is_dry_run=is_dry_run,
        is_trusted=caller is not None and caller.is_admin,
    )
    changed = [*reception.taken, *reception.withdrawn]
    if reception.is_dry_run or (changed and not any(each.is_new for each in changed)):
        response.status_code = HTTPStatus.OK
    return AlertTaken.of(reception)


def _address(request: Request, *, trusts_proxy: bool) -> str | None:
    """The sender's address: the last one the proxy in front has noted, if there is one."""
    noted = request.headers.get("x-forwarded-for") if trusts_proxy else None
    if noted is not None:
        return noted.rpartition(",")[2].strip()
    return None if request.client is None else request.client.host
