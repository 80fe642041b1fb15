"""Signals, their decisions and executions."""

from http import HTTPStatus
from typing import Any

from fastapi import Response

from signalbot.api.auth import Administrator, Authenticated, Principal
from signalbot.api.context import Context, CurrentContext
from signalbot.api.idempotency import IdempotencyKey
from signalbot.api.models.signals import DecisionRow, NewSignal, SentSignal, SignalRow, SignalStats
from signalbot.api.pagination import Page, RequestedPage
from signalbot.api.routes import router
from signalbot.control.signal_intake import SignalRequest
from signalbot.domain.errors import Conflict, NotFound
from signalbot.domain.money import text
from signalbot.domain.signals import SignalId, SignalSource
from signalbot.ledger import views
from signalbot.ledger.rank_bands import rank_bands

routes = router("signals")


@routes.get("/api/signals", response_model=Page[SignalRow])
async def signals(context: CurrentContext, query: RequestedPage) -> Any:
    """List signals; a user's token lists those its user decided on."""
    return await query.page(context, views.signals)


@routes.post(
    "/api/signals",
    response_model=SentSignal,
    status_code=HTTPStatus.CREATED,
    responses={200: {"model": SentSignal, "description": "Duplicate, without effect."}},
)
async def send(
    context: CurrentContext,
    _: Administrator,
    new: NewSignal,
    response: Response,
    __: IdempotencyKey = None,
) -> Any:
    """Send a signal; it is durable when this returns."""
    request = SignalRequest(
        strategy=new.strategy,
        symbol=new.symbol,
        action=new.action,
        source=SignalSource.API,
        key=new.key,
        price=new.price,
        stop_loss=new.stop_loss,
        take_profits=new.take_profits,
        exit_percent=new.exit_percent,
        strength=new.strength,
        confidence=new.confidence,
        reason=new.reason,
    )
    receipt = await context.signal_intake.send(request)
    if not receipt.is_new:
        response.status_code = HTTPStatus.OK
    return SentSignal(signal_id=receipt.signal_id, is_new=receipt.is_new)


@routes.get("/api/signals/{signal_id}", response_model=SignalRow)
async def signal(context: CurrentContext, caller: Authenticated, signal_id: str) -> Any:
    """Return one signal."""
    return await _row(context, caller, signal_id)


@routes.get("/api/signals/{signal_id}/executions", response_model=list[DecisionRow])
async def executions(context: CurrentContext, caller: Authenticated, signal_id: str) -> Any:
    """List executions of a signal, with their outcome."""
    outcomes = await _outcomes(context, caller, signal_id)
    return [outcome for outcome in outcomes if outcome["status"] is not None]


@routes.get("/api/signals/{signal_id}/decisions", response_model=list[DecisionRow])
async def decisions(context: CurrentContext, caller: Authenticated, signal_id: str) -> Any:
    """List the decisions of all users on a signal: outcome, code, facts."""
    return await _outcomes(context, caller, signal_id)


@routes.get("/api/signals/{signal_id}/stats", response_model=SignalStats)
async def stats(context: CurrentContext, caller: Administrator, signal_id: str) -> Any:
    """Count executions by status, with average slippage and latency."""
    await _row(context, caller, signal_id)
    found = await context.executions.statistics(SignalId(signal_id))
    return {
        "signal_id": found.signal_id,
        "executions": found.executions,
        "by_status": found.by_status,
        "average_slippage_bps": _texts(found.average_slippage_bps),
        "average_latency_ms": _texts(found.average_latency_ms),
        "decisions_by_code": found.decisions_by_code,
        "by_rank": rank_bands(await context.read(lambda c: views.signal_outcomes(c, signal_id))),
    }


@routes.post("/api/signals/{signal_id}/cancel", response_model=SignalRow)
async def cancel(context: CurrentContext, caller: Administrator, signal_id: str) -> Any:
    """Withdraw a signal: no user can execute it any more; executions stay."""
    await _row(context, caller, signal_id)
    if not await context.signal_intake.cancel(SignalId(signal_id)):
        raise Conflict("the signal is not ACTIVE: it has expired, or was cancelled before")
    return await _row(context, caller, signal_id)


async def _row(context: Context, caller: Principal, signal_id: str) -> views.Row:
    """Return a signal if the caller may see it: users see those they decided on."""
    row = await context.read(lambda c: views.signal(c, signal_id))
    if row is None or not (caller.is_admin or await _mine(context, caller, signal_id)):
        raise NotFound("no such signal")
    return row


async def _outcomes(context: Context, caller: Principal, signal_id: str) -> list[views.Row]:
    await _row(context, caller, signal_id)
    outcomes = await context.read(lambda c: views.signal_outcomes(c, signal_id))
    return [outcome for outcome in outcomes if _is_of(caller, outcome)]


async def _mine(context: Context, caller: Principal, signal_id: str) -> bool:
    outcomes = await context.read(lambda c: views.signal_outcomes(c, signal_id))
    return any(_is_of(caller, outcome) for outcome in outcomes)


def _is_of(caller: Principal, outcome: views.Row) -> bool:
    """Whether the caller may see one user's outcome of a signal."""
    at_ms = outcome["decided_at_ms"] or outcome["claimed_at_ms"] or caller.since_ms
    return caller.owns(outcome["user_id"]) and at_ms >= caller.since_ms


def _texts(averages: Any) -> dict[str, str]:
    return {status: text(value) for status, value in averages.items()}
