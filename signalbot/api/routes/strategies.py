"""Strategies: what they are, who follows them, what came of them."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query, Request

from signalbot.api.callers import Administrator, Caller, Known
from signalbot.api.context import Context, Here
from signalbot.api.models.requests import NewStrategy, NewSubscription, StrategySettings
from signalbot.api.models.rows import StrategyRow, StrategyStats, SubscriptionRow
from signalbot.api.pages import Listed, Page
from signalbot.api.repeat import Key
from signalbot.api.routes import router
from signalbot.config.file import StrategyTable
from signalbot.config.terms import StrategyTerms
from signalbot.control.owners import refuse_beyond_owner
from signalbot.domain.errors import NotAllowed, NotFound
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId, subscription_id_of
from signalbot.ledger import views
from signalbot.ledger.profit import GroupBy, profit

routes = router("strategies")


@routes.get("/api/strategies", response_model=Page[StrategyRow])
async def strategies(here: Here, wanted: Listed) -> Any:
    """Every strategy the caller may follow."""
    page = await wanted.page(here, views.strategies)
    allowed = [row for row in page["items"] if _sees(here, wanted.caller, row["name"])]
    return page | {"items": allowed}


@routes.post("/api/strategies", response_model=StrategyRow, status_code=HTTPStatus.CREATED)
async def deploy(
    here: Here, caller: Administrator, new: NewStrategy, request: Request, _: Key = None
) -> Any:
    """Deploy a strategy: it runs with the first candle after somebody subscribes."""
    table = dict(await request.json())
    del table["name"]
    await here.provisioner.define(("strategies", new.name), table, author=caller.name)
    return await _row(here, new.name)


@routes.get("/api/strategies/{name}", response_model=StrategyRow)
async def strategy(here: Here, caller: Known, name: str) -> Any:
    """One strategy."""
    _visible(here, caller, name)
    return await _row(here, name)


@routes.delete("/api/strategies/{name}", status_code=HTTPStatus.NO_CONTENT)
async def withdraw(here: Here, caller: Administrator, name: str) -> None:
    """Withdraw a strategy that the API has made; its subscriptions end with it."""
    await here.provisioner.undefine(("strategies", name), author=caller.name)


@routes.put("/api/strategies/{name}/settings", response_model=StrategyRow)
async def settings(
    here: Here, caller: Known, name: str, changed: StrategySettings, request: Request
) -> Any:
    """Change a strategy's settings; they count from its next candle on.

    Its owner changes its parameters, how long its signals last and who may follow it, nothing else.
    """
    terms = _visible(here, caller, name)
    if not caller.is_admin and caller.user_id != terms.owner:
        raise NotAllowed("only its owner or an administrator may change a strategy")
    table = dict(await request.json())
    del table["version"]
    path = ("strategies", name)
    if not caller.is_admin:
        known = here.provisioner.config.sources.get(*path)
        refuse_beyond_owner(StrategyTable.model_validate(known), changed)
    await here.provisioner.define(
        path, table, author=caller.name, replaces=changed.version, by=caller.by
    )
    return await _row(here, name)


@routes.get("/api/strategies/{name}/stats", response_model=StrategyStats)
async def stats(
    here: Here, caller: Known, name: str, since_ms: Annotated[int, Query(ge=0, le=2**62)] = 0
) -> Any:
    """What came of a strategy's signals; a user's token counts its own trades."""
    terms = _visible(here, caller, name)
    own_ms = Ms(max(since_ms, caller.since_ms))
    selection = views.Selection(strategy=name, user=caller.user_id, since_ms=own_ms)
    everybody = views.Selection(strategy=name, since_ms=Ms(since_ms))
    return {
        "strategy": terms.name,
        "subscribers": (await _row(here, name))["subscribers"],
        "signals": len(await here.read(lambda c: views.signals(c, everybody))),
        "profit": await here.read(lambda c: profit(c, by=GroupBy.STRATEGY, selection=selection)),
    }


@routes.post(
    "/api/strategies/{name}/subscribe",
    response_model=SubscriptionRow,
    status_code=HTTPStatus.CREATED,
)
async def subscribe(
    here: Here,
    caller: Known,
    name: str,
    request: Request,
    new: NewSubscription | None = None,
    _: Key = None,
) -> Any:
    """Let a user follow a strategy; a user's token only tightens what the operator wrote."""
    _visible(here, caller, name)
    user_id = _who(caller, new)
    if user_id not in here.roster.accounts:
        raise NotFound("no such user")
    table = (await request.json()).get("settings", {}) if new is not None else {}
    path = ("users", user_id, "subscriptions", name)
    await here.provisioner.define(path, table, author=caller.name, by=caller.by)
    wanted = views.Selection(user=user_id, strategy=name)
    rows = await here.read(lambda c: views.subscriptions(c, wanted))
    return next(
        row
        for row in rows
        if row["subscription_id"] == subscription_id_of(user_id=user_id, strategy=name)
    )


def _who(caller: Caller, new: NewSubscription | None) -> UserId:
    asked = new.user if new is not None else None
    if asked:
        return caller.must_own(asked)
    if caller.user_id is None:
        raise NotFound("name the user who is to follow: an administrator's token is nobody's")
    return caller.user_id


def _sees(here: Context, caller: Caller, name: str) -> bool:
    """A strategy limited to named users is invisible to all others."""
    terms = here.roster.strategies.get(name)
    if caller.user_id is None:
        return True
    return terms is not None and (terms.allows(caller.user_id) or terms.owner == caller.user_id)


def _visible(here: Context, caller: Caller, name: str) -> StrategyTerms:
    terms = here.roster.strategies.get(name)
    if terms is None or not _sees(here, caller, name):
        raise NotFound("no such strategy")
    return terms


async def _row(here: Context, name: str) -> views.Row:
    wanted = views.Selection(strategy=name)
    return (await here.read(lambda c: views.strategies(c, wanted)))[0]
