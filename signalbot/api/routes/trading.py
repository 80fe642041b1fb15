"""Halt and resume all trading."""

from signalbot.api.auth import Administrator, Authenticated
from signalbot.api.context import CurrentContext
from signalbot.api.models.requests import ReasonBody
from signalbot.api.models.users import HaltState
from signalbot.api.routes import router

routes = router("trading")


@routes.get("/api/halt", response_model=HaltState)
async def halted(context: CurrentContext, _: Authenticated) -> HaltState:
    """Return whether entries are halted, with the reason."""
    return HaltState(halted=context.operations.halted)


@routes.post("/api/halt", response_model=HaltState)
async def halt(
    context: CurrentContext, caller: Administrator, body: ReasonBody | None = None
) -> HaltState:
    """Stop entries of all users. Exits and stops continue."""
    reason = body.reason if body is not None else ""
    await context.operations.halt(reason or f"halted by {caller.name}")
    return HaltState(halted=context.operations.halted)


@routes.post("/api/unhalt", response_model=HaltState)
async def unhalt(context: CurrentContext, _: Administrator) -> HaltState:
    """Allow entries again; paused and halted users stay so."""
    await context.operations.unhalt()
    return HaltState(halted=context.operations.halted)
