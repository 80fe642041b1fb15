"""``POST /hooks/{source}``: alerts of TradingView and its like. Answered once they are durable."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from signalbot.api.context import Context, Here

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
        },
    }
}


class TakenSignal(BaseModel):
    signal_id: str = Field(examples=["sig_1cb28400431dbdbd"])
    is_new: bool = Field(description="False: it had come before, and nothing happened now.")


class AlertTaken(BaseModel):
    """What an alert has led to. It is in the ledger when this is answered."""

    signals: list[TakenSignal] = Field(description="Empty for an alert that asks for nothing.")


@routes.post(
    "/hooks/{source}",
    response_model=AlertTaken,
    status_code=HTTPStatus.ACCEPTED,
    openapi_extra=_BODY,
)
async def alert(here: Here, source: str, request: Request, response: Response) -> Any:
    """Take in an alert that carries its secret in the body, or that is signed."""
    return await _take(here, source, request, response, token=None)


@routes.post(
    "/hooks/{source}/{token}",
    response_model=AlertTaken,
    status_code=HTTPStatus.ACCEPTED,
    openapi_extra=_BODY,
)
async def alert_by_token(
    here: Here, source: str, token: str, request: Request, response: Response
) -> Any:
    """Take in an alert whose secret is in the path."""
    return await _take(here, source, request, response, token=token)


async def _take(
    here: Context, source: str, request: Request, response: Response, *, token: str | None
) -> AlertTaken:
    taken = await here.receiver.receive(
        source,
        await request.body(),
        headers=request.headers,
        token=token,
        address=_address(request, trusts_proxy=here.hosts is None),
    )
    if taken and not any(each.is_new for each in taken):
        response.status_code = HTTPStatus.OK
    return AlertTaken(
        signals=[TakenSignal(signal_id=each.signal_id, is_new=each.is_new) for each in taken]
    )


def _address(request: Request, *, trusts_proxy: bool) -> str | None:
    """The sender's address: the last one the proxy in front has noted, if there is one."""
    noted = request.headers.get("x-forwarded-for") if trusts_proxy else None
    if noted is not None:
        return noted.rpartition(",")[2].strip()
    return None if request.client is None else request.client.host
