"""Users: who takes part, and what may be done for them by hand."""

from http import HTTPStatus
from typing import Any

from fastapi import Request

from signalbot.api.callers import Administrator, Caller, Known
from signalbot.api.context import Context, Here
from signalbot.api.models.requests import NewUser, UserChange, WhatToClose, Why
from signalbot.api.models.rows import ClosingRow, UserRow
from signalbot.api.pages import Listed, Page
from signalbot.api.repeat import Key
from signalbot.api.routes import router
from signalbot.domain.errors import NotFound
from signalbot.domain.users import UserId
from signalbot.ledger import views

routes = router("users")


@routes.get("/api/users", response_model=Page[UserRow])
async def users(here: Here, wanted: Listed) -> Any:
    """Every user the caller may see."""
    return await wanted.page(here, views.users)


@routes.post("/api/users", response_model=UserRow, status_code=HTTPStatus.CREATED)
async def add(
    here: Here, caller: Administrator, new: NewUser, request: Request, _: Key = None
) -> Any:
    """Add a user. A live one needs its keys in the vault first: ``signalbot keys set``."""
    table = dict(await request.json())
    del table["name"]
    await here.provisioner.define(("users", new.name), table, author=caller.name)
    return await _row(here, caller, new.name)


@routes.get("/api/users/{name}", response_model=UserRow)
async def user(here: Here, caller: Known, name: str) -> Any:
    """One user."""
    return await _row(here, caller, name)


@routes.put("/api/users/{name}", response_model=UserRow)
async def change(
    here: Here, caller: Administrator, name: str, changed: UserChange, request: Request
) -> Any:
    """Change a user that the API has made."""
    table = dict(await request.json())
    del table["version"]
    path = ("users", name)
    await here.provisioner.define(path, table, author=caller.name, replaces=changed.version)
    return await _row(here, caller, name)


@routes.delete("/api/users/{name}", status_code=HTTPStatus.NO_CONTENT)
async def remove(here: Here, caller: Administrator, name: str) -> None:
    """Remove a user that the API has made and that holds nothing any more."""
    await here.provisioner.undefine(("users", name), author=caller.name)


@routes.post("/api/users/{name}/pause", response_model=UserRow)
async def pause(here: Here, caller: Known, name: str, why: Why | None = None) -> Any:
    """Stop a user's entries, restarts included, until resumed. Exits and stops go on."""
    reason = why.reason if why is not None else ""
    await here.desk.pause(
        caller.must_own(name), by=caller.by, reason=reason or f"paused by {caller.name}"
    )
    return await _row(here, caller, name)


@routes.post("/api/users/{name}/resume", response_model=UserRow)
async def resume(here: Here, caller: Known, name: str) -> Any:
    """Let a paused or halted user enter again; a user's token ends only what it has set."""
    await here.desk.resume(caller.must_own(name), by=caller.by)
    return await _row(here, caller, name)


@routes.post("/api/users/{name}/unlock", response_model=UserRow)
async def unlock(here: Here, caller: Administrator, name: str) -> Any:
    """Open a user's account anew with the keys that are in the vault now."""
    await here.provisioner.unlock(UserId(name))
    return await _row(here, caller, name)


@routes.post("/api/users/{name}/close", response_model=list[ClosingRow])
async def close(here: Here, caller: Known, name: str, what: WhatToClose | None = None) -> Any:
    """Close a user's positions at market and cancel entries that rest."""
    closings = await here.desk.close(caller.must_own(name), what.symbol if what else None)
    return [
        ClosingRow(position_id=each.position_id, symbol=each.symbol, closed=each.closed)
        for each in closings
    ]


async def _row(here: Context, caller: Caller, name: str) -> views.Row:
    wanted = views.Selection(user=caller.must_own(name))
    rows = await here.read(lambda c: views.users(c, wanted))
    if not rows:
        raise NotFound("no such user")
    return rows[0]
