"""All trading: halted or not."""

from signalbot.api.callers import Administrator, Known
from signalbot.api.context import Here
from signalbot.api.models.requests import Why
from signalbot.api.models.rows import TradingState
from signalbot.api.routes import router

routes = router("trading")


@routes.get("/api/halt", response_model=TradingState)
async def halted(here: Here, _: Known) -> TradingState:
    """Whether all entries are halted, and why."""
    return TradingState(halted=here.desk.halted)


@routes.post("/api/halt", response_model=TradingState)
async def halt(here: Here, caller: Administrator, why: Why | None = None) -> TradingState:
    """Stop entries of everybody, within one signal. Exits and stops go on."""
    reason = why.reason if why is not None else ""
    await here.desk.halt(reason or f"halted by {caller.name}")
    return TradingState(halted=here.desk.halted)


@routes.post("/api/unhalt", response_model=TradingState)
async def unhalt(here: Here, _: Administrator) -> TradingState:
    """Allow entries again; users halted one by one stay so."""
    await here.desk.unhalt()
    return TradingState(halted=here.desk.halted)
