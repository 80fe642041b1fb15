"""Strategies: definition, subscription, statistics."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query, Request

from signalbot.api.auth import Administrator, Authenticated, Principal
from signalbot.api.context import Context, CurrentContext
from signalbot.api.idempotency import IdempotencyKey
from signalbot.api.models.requests import NewStrategy, NewSubscription, StrategyChange
from signalbot.api.models.strategies import StrategyRow, StrategyStats, SubscriptionRow
from signalbot.api.pagination import Page, RequestedPage
from signalbot.api.routes import router
from signalbot.config.sections.strategies import StrategySection
from signalbot.control.owner_permissions import require_owner_changes_only
from signalbot.domain.errors import NotAllowed, NotFound
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId, subscription_id_of
from signalbot.ledger import views
from signalbot.ledger.profit import GroupBy, profit
from signalbot.settings.strategy import StrategySettings

routes = router("strategies")


@routes.get("/api/strategies", response_model=Page[StrategyRow])
async def strategies(context: CurrentContext, query: RequestedPage) -> Any:
    """List strategies the caller may follow."""
    page = await query.page(context, views.strategies)
    allowed = [row for row in page["items"] if _may_see(context, query.caller, row["name"])]
    return page | {"items": allowed}


@routes.post("/api/strategies", response_model=StrategyRow, status_code=HTTPStatus.CREATED)
async def deploy(
    context: CurrentContext,
    caller: Administrator,
    new: NewStrategy,
    request: Request,
    _: IdempotencyKey = None,
) -> Any:
    """Deploy a strategy; it runs from the first candle after a user subscribes."""
    table = dict(await request.json())
    del table["name"]
    await context.configuration.define(("strategies", new.name), table, author=caller.name)
    return await _row(context, new.name)


@routes.get("/api/strategies/{name}", response_model=StrategyRow)
async def strategy(context: CurrentContext, caller: Authenticated, name: str) -> Any:
    """Return one strategy."""
    _require_visible(context, caller, name)
    return await _row(context, name)


@routes.delete("/api/strategies/{name}", status_code=HTTPStatus.NO_CONTENT)
async def withdraw(context: CurrentContext, caller: Administrator, name: str) -> None:
    """Withdraw a strategy made through the API, with its subscriptions."""
    await context.configuration.undefine(("strategies", name), author=caller.name)


@routes.put("/api/strategies/{name}/settings", response_model=StrategyRow)
async def settings(
    context: CurrentContext,
    caller: Authenticated,
    name: str,
    changed: StrategyChange,
    request: Request,
) -> Any:
    """Change a strategy's settings from its next candle on.

    Its owner may change its parameters, signal lifetime and allowed users.
    """
    strategy = _require_visible(context, caller, name)
    if not caller.is_admin and caller.user_id != strategy.owner:
        raise NotAllowed("only the owner or an administrator may change a strategy")
    table = dict(await request.json())
    del table["version"]
    path = ("strategies", name)
    if not caller.is_admin:
        current = context.configuration.config.sources.get(*path)
        require_owner_changes_only(StrategySection.model_validate(current), changed)
    await context.configuration.define(
        path, table, author=caller.name, replaces=changed.version, by=caller.by
    )
    return await _row(context, name)


@routes.get("/api/strategies/{name}/stats", response_model=StrategyStats)
async def stats(
    context: CurrentContext,
    caller: Authenticated,
    name: str,
    since_ms: Annotated[int, Query(ge=0, le=2**62)] = 0,
) -> Any:
    """Return results of a strategy's signals; a user's token counts only its own trades."""
    _require_visible(context, caller, name)
    own_ms = Ms(max(since_ms, caller.since_ms))
    selection = views.Selection(strategy=name, user=caller.user_id, since_ms=own_ms)
    all_users = views.Selection(strategy=name, since_ms=Ms(since_ms))
    return {
        "strategy": name,
        "subscribers": (await _row(context, name))["subscribers"],
        "signals": len(await context.read(lambda c: views.signals(c, all_users))),
        "profit": await context.read(lambda c: profit(c, by=GroupBy.STRATEGY, selection=selection)),
    }


@routes.post(
    "/api/strategies/{name}/subscribe",
    response_model=SubscriptionRow,
    status_code=HTTPStatus.CREATED,
)
async def subscribe(
    context: CurrentContext,
    caller: Authenticated,
    name: str,
    request: Request,
    new: NewSubscription | None = None,
    _: IdempotencyKey = None,
) -> Any:
    """Subscribe a user to a strategy; a user's token may only tighten the operator's settings."""
    _require_visible(context, caller, name)
    user_id = _subscribing_user(caller, new)
    if user_id not in context.users.accounts:
        raise NotFound("no such user")
    table = (await request.json()).get("settings", {}) if new is not None else {}
    path = ("users", user_id, "subscriptions", name)
    await context.configuration.define(path, table, author=caller.name, by=caller.by)
    query = views.Selection(user=user_id, strategy=name)
    rows = await context.read(lambda c: views.subscriptions(c, query))
    return next(
        row
        for row in rows
        if row["subscription_id"] == subscription_id_of(user_id=user_id, strategy=name)
    )


def _subscribing_user(caller: Principal, new: NewSubscription | None) -> UserId:
    requested = new.user if new is not None else None
    if requested:
        return caller.must_own(requested)
    if caller.user_id is None:
        raise NotFound("user is required: an administrator's token has no user")
    return caller.user_id


def _may_see(context: Context, caller: Principal, name: str) -> bool:
    """Whether the caller may see a strategy, which may be limited to some users."""
    strategy = context.strategies.get(name)
    if caller.user_id is None:
        return True
    return strategy is not None and (
        strategy.allows(caller.user_id) or strategy.owner == caller.user_id
    )


def _require_visible(context: Context, caller: Principal, name: str) -> StrategySettings:
    strategy = context.strategies.get(name)
    if strategy is None or not _may_see(context, caller, name):
        raise NotFound("no such strategy")
    return strategy


async def _row(context: Context, name: str) -> views.Row:
    query = views.Selection(strategy=name)
    return (await context.read(lambda c: views.strategies(c, query)))[0]
