"""Subscriptions: who follows what, and with which settings. An id is ``user/strategy``."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query, Request

from signalbot.api.callers import Caller, Known
from signalbot.api.context import Context, Here
from signalbot.api.models.requests import SubscriptionChange
from signalbot.api.models.rows import SubscriptionRow, SubscriptionStats
from signalbot.api.pages import Listed, Page
from signalbot.api.routes import router
from signalbot.domain.errors import NotFound
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger import views
from signalbot.ledger.profit import GroupBy, profit

routes = router("subscriptions")

_ONE = "/api/subscriptions/{user}/{strategy}"


@routes.get("/api/subscriptions", response_model=Page[SubscriptionRow])
async def subscriptions(here: Here, wanted: Listed) -> Any:
    """Every subscription the caller may see."""
    return await wanted.page(here, views.subscriptions)


@routes.get(_ONE, response_model=SubscriptionRow)
async def subscription(here: Here, caller: Known, user: str, strategy: str) -> Any:
    """One subscription."""
    return await _row(here, caller, user, strategy)


@routes.patch(_ONE, response_model=SubscriptionRow)
async def change(
    here: Here,
    caller: Known,
    user: str,
    strategy: str,
    _: SubscriptionChange,
    request: Request,
) -> Any:
    """Change the settings of a subscription that the API has made, from now on.

    A user's token only tightens what the operator wrote: limits, sizes, the AI that is asked.
    """
    await _row(here, caller, user, strategy)
    path = ("users", user, "subscriptions", strategy)
    known = here.provisioner.config.sources.definition_of(path)
    version = known.version if known is not None and known.path == path else None
    table = (await request.json())["settings"]
    await here.provisioner.define(path, table, author=caller.name, replaces=version, by=caller.by)
    return await _row(here, caller, user, strategy)


@routes.delete(_ONE, status_code=HTTPStatus.NO_CONTENT)
async def cancel(here: Here, caller: Known, user: str, strategy: str) -> None:
    """End a subscription that the API has made. Open positions are followed to their end.

    One that the operator has made or paused is only ended by the operator.
    """
    await _row(here, caller, user, strategy)
    path = ("users", user, "subscriptions", strategy)
    await here.provisioner.undefine(path, author=caller.name, by=caller.by)


@routes.post(f"{_ONE}/pause", response_model=SubscriptionRow)
async def pause(here: Here, caller: Known, user: str, strategy: str) -> Any:
    """Stop entries on this strategy's signals, restarts included, until resumed."""
    await here.desk.pause_subscription(caller.must_own(user), strategy, by=caller.by)
    return await _row(here, caller, user, strategy)


@routes.post(f"{_ONE}/resume", response_model=SubscriptionRow)
async def resume(here: Here, caller: Known, user: str, strategy: str) -> Any:
    """Allow entries on this strategy's signals again; a user's token ends only what it has set."""
    await here.desk.resume_subscription(caller.must_own(user), strategy, by=caller.by)
    return await _row(here, caller, user, strategy)


@routes.get(f"{_ONE}/stats", response_model=SubscriptionStats)
async def stats(
    here: Here,
    caller: Known,
    user: str,
    strategy: str,
    since_ms: Annotated[int, Query(ge=0, le=2**62)] = 0,
) -> Any:
    """What a subscription has earned."""
    row = await _row(here, caller, user, strategy)
    own_ms = Ms(max(since_ms, caller.since_ms))
    mine = views.Selection(user=UserId(user), strategy=strategy, since_ms=own_ms)
    return {
        "subscription_id": row["subscription_id"],
        "profit": await here.read(lambda c: profit(c, by=GroupBy.STRATEGY, selection=mine)),
    }


async def _row(here: Context, caller: Caller, user: str, strategy: str) -> views.Row:
    wanted = views.Selection(user=caller.must_own(user), strategy=strategy)
    rows = await here.read(lambda c: views.subscriptions(c, wanted))
    if not rows:
        raise NotFound("no such subscription")
    return rows[0]
