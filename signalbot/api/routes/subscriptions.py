"""Subscriptions of users to strategies. An id is ``user/strategy``."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query, Request

from signalbot.api.auth import Authenticated, Principal
from signalbot.api.context import Context, CurrentContext
from signalbot.api.models.requests import SubscriptionChange
from signalbot.api.models.strategies import SubscriptionRow, SubscriptionStats
from signalbot.api.pagination import Page, RequestedPage
from signalbot.api.routes import router
from signalbot.domain.errors import NotFound
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger import views
from signalbot.ledger.profit import GroupBy, profit

routes = router("subscriptions")

_ONE = "/api/subscriptions/{user}/{strategy}"


@routes.get("/api/subscriptions", response_model=Page[SubscriptionRow])
async def subscriptions(context: CurrentContext, query: RequestedPage) -> Any:
    """List subscriptions the caller may see."""
    return await query.page(context, views.subscriptions)


@routes.get(_ONE, response_model=SubscriptionRow)
async def subscription(
    context: CurrentContext, caller: Authenticated, user: str, strategy: str
) -> Any:
    """Return one subscription."""
    return await _row(context, caller, user, strategy)


@routes.patch(_ONE, response_model=SubscriptionRow)
async def change(
    context: CurrentContext,
    caller: Authenticated,
    user: str,
    strategy: str,
    _: SubscriptionChange,
    request: Request,
) -> Any:
    """Change the settings of a subscription made through the API.

    A user's token may only tighten the operator's settings: limits, sizes, AI.
    """
    await _row(context, caller, user, strategy)
    path = ("users", user, "subscriptions", strategy)
    current = context.configuration.config.sources.definition_of(path)
    version = current.version if current is not None and current.path == path else None
    table = (await request.json())["settings"]
    await context.configuration.define(
        path, table, author=caller.name, replaces=version, by=caller.by
    )
    return await _row(context, caller, user, strategy)


@routes.delete(_ONE, status_code=HTTPStatus.NO_CONTENT)
async def cancel(context: CurrentContext, caller: Authenticated, user: str, strategy: str) -> None:
    """End a subscription made through the API. Open positions stay managed.

    Subscriptions that the operator made or paused can only be ended by the operator.
    """
    await _row(context, caller, user, strategy)
    path = ("users", user, "subscriptions", strategy)
    await context.configuration.undefine(path, author=caller.name, by=caller.by)


@routes.post(f"{_ONE}/pause", response_model=SubscriptionRow)
async def pause(context: CurrentContext, caller: Authenticated, user: str, strategy: str) -> Any:
    """Stop entries on this strategy's signals until resumed, across restarts."""
    await context.operations.pause_subscription(caller.must_own(user), strategy, by=caller.by)
    return await _row(context, caller, user, strategy)


@routes.post(f"{_ONE}/resume", response_model=SubscriptionRow)
async def resume(context: CurrentContext, caller: Authenticated, user: str, strategy: str) -> Any:
    """Allow entries on this strategy's signals; a user's token only ends its own pause."""
    await context.operations.resume_subscription(caller.must_own(user), strategy, by=caller.by)
    return await _row(context, caller, user, strategy)


@routes.get(f"{_ONE}/stats", response_model=SubscriptionStats)
async def stats(
    context: CurrentContext,
    caller: Authenticated,
    user: str,
    strategy: str,
    since_ms: Annotated[int, Query(ge=0, le=2**62)] = 0,
) -> Any:
    """Return the profit of a subscription."""
    row = await _row(context, caller, user, strategy)
    own_ms = Ms(max(since_ms, caller.since_ms))
    mine = views.Selection(user=UserId(user), strategy=strategy, since_ms=own_ms)
    return {
        "subscription_id": row["subscription_id"],
        "profit": await context.read(lambda c: profit(c, by=GroupBy.STRATEGY, selection=mine)),
    }


async def _row(context: Context, caller: Principal, user: str, strategy: str) -> views.Row:
    query = views.Selection(user=caller.must_own(user), strategy=strategy)
    rows = await context.read(lambda c: views.subscriptions(c, query))
    if not rows:
        raise NotFound("no such subscription")
    return rows[0]
