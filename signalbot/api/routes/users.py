"""Users: definition and manual control."""

from http import HTTPStatus
from typing import Any

from fastapi import Request

from signalbot.api.auth import Administrator, Authenticated, Principal
from signalbot.api.context import Context, CurrentContext
from signalbot.api.idempotency import IdempotencyKey
from signalbot.api.models.requests import CloseRequest, NewUser, ReasonBody, UserChange
from signalbot.api.models.users import CloseRow, UserRow
from signalbot.api.pagination import Page, RequestedPage
from signalbot.api.routes import router
from signalbot.domain.errors import NotFound
from signalbot.domain.users import UserId
from signalbot.ledger import views

routes = router("users")


@routes.get("/api/users", response_model=Page[UserRow])
async def users(context: CurrentContext, query: RequestedPage) -> Any:
    """List users the caller may see."""
    return await query.page(context, views.users)


@routes.post("/api/users", response_model=UserRow, status_code=HTTPStatus.CREATED)
async def add(
    context: CurrentContext,
    caller: Administrator,
    new: NewUser,
    request: Request,
    _: IdempotencyKey = None,
) -> Any:
    """Add a user. A live user needs stored keys first: ``signalbot keys set``."""
    table = dict(await request.json())
    del table["name"]
    await context.configuration.define(("users", new.name), table, author=caller.name)
    return await _row(context, caller, new.name)


@routes.get("/api/users/{name}", response_model=UserRow)
async def user(context: CurrentContext, caller: Authenticated, name: str) -> Any:
    """Return one user."""
    return await _row(context, caller, name)


@routes.put("/api/users/{name}", response_model=UserRow)
async def change(
    context: CurrentContext, caller: Administrator, name: str, changed: UserChange, request: Request
) -> Any:
    """Change a user made through the API."""
    table = dict(await request.json())
    del table["version"]
    path = ("users", name)
    await context.configuration.define(path, table, author=caller.name, replaces=changed.version)
    return await _row(context, caller, name)


@routes.delete("/api/users/{name}", status_code=HTTPStatus.NO_CONTENT)
async def remove(context: CurrentContext, caller: Administrator, name: str) -> None:
    """Remove a user made through the API that has no positions."""
    await context.configuration.undefine(("users", name), author=caller.name)


@routes.post("/api/users/{name}/pause", response_model=UserRow)
async def pause(
    context: CurrentContext, caller: Authenticated, name: str, body: ReasonBody | None = None
) -> Any:
    """Stop a user's entries until resumed, across restarts. Exits and stops continue."""
    reason = body.reason if body is not None else ""
    await context.operations.pause(
        caller.must_own(name), by=caller.by, reason=reason or f"paused by {caller.name}"
    )
    return await _row(context, caller, name)


@routes.post("/api/users/{name}/resume", response_model=UserRow)
async def resume(context: CurrentContext, caller: Authenticated, name: str) -> Any:
    """Allow entries of a paused or halted user; a user's token only ends its own pause."""
    await context.operations.resume(caller.must_own(name), by=caller.by)
    return await _row(context, caller, name)


@routes.post("/api/users/{name}/unlock", response_model=UserRow)
async def unlock(context: CurrentContext, caller: Administrator, name: str) -> Any:
    """Reopen a user's account with the keys now in the vault."""
    await context.configuration.reload_credentials(UserId(name))
    return await _row(context, caller, name)


@routes.post("/api/users/{name}/close", response_model=list[CloseRow])
async def close(
    context: CurrentContext, caller: Authenticated, name: str, body: CloseRequest | None = None
) -> Any:
    """Close a user's positions at market, and cancel resting entries."""
    closings = await context.operations.close(caller.must_own(name), body.symbol if body else None)
    return [
        CloseRow(position_id=each.position_id, symbol=each.symbol, closed=each.closed)
        for each in closings
    ]


async def _row(context: Context, caller: Principal, name: str) -> views.Row:
    query = views.Selection(user=caller.must_own(name))
    rows = await context.read(lambda c: views.users(c, query))
    if not rows:
        raise NotFound("no such user")
    return rows[0]
