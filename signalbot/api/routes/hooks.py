"""``POST /hooks/{source}``: alerts of TradingView and its like. Answered once they are durable.

A stranger's alert is answered at the same moment after it came, whatever was wrong with it: how
long that takes tells nothing of which sources there are.
"""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, Field

from signalbot.api.callers import ADDRESS
from signalbot.api.context import Context, Here
from signalbot.domain.errors import NotFound
from signalbot.domain.timeframe import Ms

routes = APIRouter(tags=["hooks"])

_REFUSED_AFTER_MS = 50

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
    responses={200: {"model": AlertTaken, "description": "The same had come before."}},
    openapi_extra=_BODY,
)
async def alert(here: Here, source: str, request: Request, response: Response) -> Any:
    """Take in an alert that carries its secret in the body, or that is signed."""
    return await _take(here, source, request, response, token=None)


@routes.post(
    "/hooks/{source}/{token}",
    response_model=AlertTaken,
    status_code=HTTPStatus.ACCEPTED,
    responses={200: {"model": AlertTaken, "description": "The same had come before."}},
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
    body, headers, admission = await request.body(), request.headers, here.admission
    came_ms = here.clock.now_ms()
    terms = await here.provenance.source_of(
        source, body, headers=headers, token=token, address=request.scope[ADDRESS]
    )
    if terms is None:
        await here.clock.sleep_until(Ms(came_ms + _REFUSED_AFTER_MS))
        _refuse_if_late(await admission.count_stranger(request.scope))
        raise NotFound("no such source")
    admission.welcome(request.scope)
    _refuse_if_late(admission.count(f"source {terms.name}"))
    taken = await here.receiver.receive(terms, body, headers=headers)
    if taken and not any(each.is_new for each in taken):
        response.status_code = HTTPStatus.OK
    return AlertTaken(
        signals=[TakenSignal(signal_id=each.signal_id, is_new=each.is_new) for each in taken]
    )


def _refuse_if_late(wait_s: float) -> None:
    if wait_s > 0:
        raise HTTPException(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"too many requests: wait {wait_s:.0f} s",
            headers={"Retry-After": str(max(1, round(wait_s)))},
        )
