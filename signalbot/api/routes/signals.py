"""Signals: what was said, who acted on it, and why others did not."""

from http import HTTPStatus
from typing import Any

from fastapi import Response

from signalbot.api.callers import Administrator, Caller, Known
from signalbot.api.context import Context, Here
from signalbot.api.models.rows import DecisionRow, SignalRow, SignalStats
from signalbot.api.models.signals import NewSignal, SentSignal
from signalbot.api.pages import Listed, Page
from signalbot.api.repeat import Key
from signalbot.api.routes import router
from signalbot.control.door import Draft
from signalbot.domain.errors import NotFound
from signalbot.domain.money import text
from signalbot.domain.signals import SignalId, SignalSource
from signalbot.ledger import views
from signalbot.ledger.ranks import by_rank

routes = router("signals")


@routes.get("/api/signals", response_model=Page[SignalRow])
async def signals(here: Here, wanted: Listed) -> Any:
    """Signals; a user's token sees those its user decided on."""
    return await wanted.page(here, views.signals)


@routes.post(
    "/api/signals",
    response_model=SentSignal,
    status_code=HTTPStatus.CREATED,
    responses={200: {"model": SentSignal, "description": "The same had come before."}},
)
async def send(
    here: Here, _: Administrator, new: NewSignal, response: Response, __: Key = None
) -> Any:
    """Send a signal by hand. It is in the ledger when this is answered."""
    draft = Draft(
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
    receipt = await here.door.send(draft)
    if not receipt.is_new:
        response.status_code = HTTPStatus.OK
    return SentSignal(signal_id=receipt.signal_id, is_new=receipt.is_new)


@routes.get("/api/signals/{signal_id}", response_model=SignalRow)
async def signal(here: Here, caller: Known, signal_id: str) -> Any:
    """One signal."""
    return await _row(here, caller, signal_id)


@routes.get("/api/signals/{signal_id}/executions", response_model=list[DecisionRow])
async def executions(here: Here, caller: Known, signal_id: str) -> Any:
    """Who executed it, and what came of that."""
    turns = await _turns(here, caller, signal_id)
    return [turn for turn in turns if turn["status"] is not None]


@routes.get("/api/signals/{signal_id}/decisions", response_model=list[DecisionRow])
async def decisions(here: Here, caller: Known, signal_id: str) -> Any:
    """What every user made of it: outcome, code, and the numbers behind."""
    return await _turns(here, caller, signal_id)


@routes.get("/api/signals/{signal_id}/stats", response_model=SignalStats)
async def stats(here: Here, caller: Administrator, signal_id: str) -> Any:
    """Executions by status, with average slippage and latency."""
    await _row(here, caller, signal_id)
    found = await here.executions.statistics(SignalId(signal_id))
    return {
        "signal_id": found.signal_id,
        "executions": found.executions,
        "by_status": found.by_status,
        "average_slippage_bps": _texts(found.average_slippage_bps),
        "average_latency_ms": _texts(found.average_latency_ms),
        "decisions_by_code": found.decisions_by_code,
        "by_rank": by_rank(await here.read(lambda c: views.turns(c, signal_id))),
    }


@routes.post("/api/signals/{signal_id}/cancel", response_model=SignalRow)
async def cancel(here: Here, caller: Administrator, signal_id: str) -> Any:
    """Withdraw a signal: nobody can execute it from now on; what was executed stays."""
    await _row(here, caller, signal_id)
    await here.desk.cancel_signal(SignalId(signal_id))
    return await _row(here, caller, signal_id)


async def _row(here: Context, caller: Caller, signal_id: str) -> views.Row:
    """A signal, if the caller may see it: a user sees what its own listener decided on."""
    row = await here.read(lambda c: views.signal(c, signal_id))
    if row is None or not (caller.is_admin or await _mine(here, caller, signal_id)):
        raise NotFound("no such signal")
    return row


async def _turns(here: Context, caller: Caller, signal_id: str) -> list[views.Row]:
    await _row(here, caller, signal_id)
    turns = await here.read(lambda c: views.turns(c, signal_id))
    return [turn for turn in turns if _is_of(caller, turn)]


async def _mine(here: Context, caller: Caller, signal_id: str) -> bool:
    turns = await here.read(lambda c: views.turns(c, signal_id))
    return any(_is_of(caller, turn) for turn in turns)


def _is_of(caller: Caller, turn: views.Row) -> bool:
    """Whether one user's turn at a signal is the caller's to see."""
    at_ms = turn["decided_at_ms"] or turn["claimed_at_ms"] or caller.since_ms
    return caller.owns(turn["user_id"]) and at_ms >= caller.since_ms


def _texts(averages: Any) -> dict[str, str]:
    return {status: text(value) for status, value in averages.items()}
