"""What the ledger knows: executions, orders, positions, profit."""

from typing import Annotated, Any

from fastapi import Query

from signalbot.api.context import Here
from signalbot.api.models.rows import ExecutionRow, OrderRow, PositionRow, ProfitRow, RefusalRow
from signalbot.api.pages import Listed, Page
from signalbot.api.routes import router
from signalbot.domain.codebook import meaning_of
from signalbot.ledger import views
from signalbot.ledger.profit import GroupBy, profit

routes = router("ledger")


@routes.get("/api/executions", response_model=Page[ExecutionRow])
async def executions(here: Here, wanted: Listed) -> Any:
    """Executions of signals."""
    return await wanted.page(here, views.executions)


@routes.get("/api/orders", response_model=Page[OrderRow])
async def orders(here: Here, wanted: Listed) -> Any:
    """Every order ever intended."""
    return await wanted.page(here, views.orders)


@routes.get("/api/positions", response_model=Page[PositionRow])
async def positions(here: Here, wanted: Listed) -> Any:
    """Positions, with their protection."""
    return await wanted.page(here, views.positions)


@routes.get("/api/refusals", response_model=list[RefusalRow])
async def refusals(here: Here, wanted: Listed) -> Any:
    """Signals that users refused, counted by code, with cause and cure."""
    selection = wanted.selection()
    rows = await here.read(lambda c: views.refusals(c, selection))
    return [row | meaning_of(row["code"]) for row in rows]


@routes.get("/api/pnl", response_model=list[ProfitRow])
async def pnl(here: Here, wanted: Listed, by: Annotated[GroupBy, Query()] = GroupBy.USER) -> Any:
    """What closed positions have earned, in groups."""
    selection = wanted.selection()
    return await here.read(lambda c: profit(c, by=by, selection=selection))
