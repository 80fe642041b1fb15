"""Ledger: executions, orders, positions, skips, profit."""

from typing import Annotated, Any

from fastapi import Query

from signalbot.api.context import CurrentContext
from signalbot.api.models.ledger import ExecutionRow, OrderRow, PositionRow, ProfitRow, SkipRow
from signalbot.api.pagination import Page, RequestedPage
from signalbot.api.routes import router
from signalbot.domain.code_catalog import meaning_of
from signalbot.ledger import views
from signalbot.ledger.profit import GroupBy, profit

routes = router("ledger")


@routes.get("/api/executions", response_model=Page[ExecutionRow])
async def executions(context: CurrentContext, query: RequestedPage) -> Any:
    """List executions of signals."""
    return await query.page(context, views.executions)


@routes.get("/api/orders", response_model=Page[OrderRow])
async def orders(context: CurrentContext, query: RequestedPage) -> Any:
    """List every intended order."""
    return await query.page(context, views.orders)


@routes.get("/api/positions", response_model=Page[PositionRow])
async def positions(context: CurrentContext, query: RequestedPage) -> Any:
    """List positions with their protection."""
    return await query.page(context, views.positions)


@routes.get("/api/skips", response_model=list[SkipRow])
@routes.get("/api/refusals", response_model=list[SkipRow], include_in_schema=False)
async def skips(context: CurrentContext, query: RequestedPage) -> Any:
    """Count skipped signals by code, with cause and fix."""
    selection = query.selection()
    rows = await context.read(lambda c: views.skips(c, selection))
    return [row | meaning_of(row["code"]) for row in rows]


@routes.get("/api/pnl", response_model=list[ProfitRow])
async def pnl(
    context: CurrentContext, query: RequestedPage, by: Annotated[GroupBy, Query()] = GroupBy.USER
) -> Any:
    """Sum the profit of closed positions by group."""
    selection = query.selection()
    return await context.read(lambda c: profit(c, by=by, selection=selection))
