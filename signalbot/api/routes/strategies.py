"""Strategies: what they are, who follows them, what came of them."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query, Request

from signalbot.api.auth import Administrator, Authenticated, Principal
from signalbot.api.context import Context, CurrentContext
from signalbot.api.idempotency import IdempotencyKey
from signalbot.api.models.requests import NewStrategy, NewSubscription, StrategyChange
from signalbot.api.models.rows import StrategyRow, StrategyStats, SubscriptionRow
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
    """Every strategy the caller may follow."""
    page = await query.page(context, views.strategies)
    allowed = [row for row in page["items"] if _sees(context, query.caller, row["name"])]
    return page | {"items": allowed}


@routes.post("/api/strategies", response_model=StrategyRow, status_code=HTTPStatus.CREATED)
async def deploy(
    context: CurrentContext,
    caller: Administrator,
    new: NewStrategy,
    request: Request,
    _: IdempotencyKey = None,
) -> Any:
    """Deploy a strategy: it runs with the first candle after somebody subscribes."""
    table = dict(await request.json())
    del table["name"]
    await context.configuration.define(("strategies", new.name), table, author=caller.name)
    return await _row(context, new.name)


@routes.get("/api/strategies/{name}", response_model=StrategyRow)
async def strategy(context: CurrentContext, caller: Authenticated, name: str) -> Any:
    """One strategy."""
    _visible(context, caller, name)
    return await _row(context, name)


@routes.delete("/api/strategies/{name}", status_code=HTTPStatus.NO_CONTENT)
async def withdraw(context: CurrentContext, caller: Administrator, name: str) -> None:
    """Withdraw a strategy that the API has made; its subscriptions end with it."""
    await context.configuration.undefine(("strategies", name), author=caller.name)


@routes.put("/api/strategies/{name}/settings", response_model=StrategyRow)
async def settings(
    context: CurrentContext,
    caller: Authenticated,
    name: str,
    changed: StrategyChange,
    request: Request,
) -> Any:
    """Change a strategy's settings; they count from its next candle on.

    Its owner changes its parameters, how long its signals last and who may follow it, nothing else.
    """
    terms = _visible(context, caller, name)
    if not caller.is_admin and caller.user_id != terms.owner:
        raise NotAllowed("only its owner or an administrator may change a strategy")
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
    """What came of a strategy's signals; a user's token counts its own trades."""
    terms = _visible(context, caller, name)
    own_ms = Ms(max(since_ms, caller.since_ms))
    selection = views.Selection(strategy=name, user=caller.user_id, since_ms=own_ms)
    all_users = views.Selection(strategy=name, since_ms=Ms(since_ms))
    return {
        "strategy": terms.name,
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
    """Let a user follow a strategy; a user's token only tightens what the operator wrote."""
    _visible(context, caller, name)
    user_id = _who(caller, new)
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


def _who(caller: Principal, new: NewSubscription | None) -> UserId:
    requested = new.user if new is not None else None
    if requested:
        return caller.must_own(requested)
    if caller.user_id is None:
        raise NotFound("name the user who is to follow: an administrator's token is nobody's")
    return caller.user_id


def _sees(context: Context, caller: Principal, name: str) -> bool:
    """A strategy limited to named users is invisible to all others."""
    terms = context.strategies.get(name)
    if caller.user_id is None:
        return True
    return terms is not None and (terms.allows(caller.user_id) or terms.owner == caller.user_id)


def _visible(context: Context, caller: Principal, name: str) -> StrategySettings:
    terms = context.strategies.get(name)
    if terms is None or not _sees(context, caller, name):
        raise NotFound("no such strategy")
    return terms


async def _row(context: Context, name: str) -> views.Row:
    query = views.Selection(strategy=name)
    return (await context.read(lambda c: views.strategies(c, query)))[0]
