"""Puts the API together: routes, errors, limits."""

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from signalbot import __version__
from signalbot.api import problems
from signalbot.api.access import AccessLog
from signalbot.api.admission import Entrance
from signalbot.api.context import Context
from signalbot.api.headers import SafeHeaders
from signalbot.api.hosts import HostGuard
from signalbot.api.limits import BodyLimit
from signalbot.api.reference import POLICY, page
from signalbot.api.routes import (
    feed,
    hooks,
    ledger,
    metrics,
    signals,
    strategies,
    subscriptions,
    tokens,
    trading,
    users,
)

_ROUTES = (strategies, subscriptions, signals, users, ledger, trading, tokens, hooks, metrics)


def build(context: Context) -> ASGIApp:
    """The API as an application."""
    app = FastAPI(
        title="signalbot",
        version=__version__,
        description="One trading signal becomes every user's own trade, exactly once each.",
        responses=problems.RESPONSES,
        docs_url=None,
        redoc_url=None,
        middleware=[
            Middleware(AccessLog, clock=context.clock),
            Middleware(HostGuard, hosts=context.hosts),
            Middleware(Entrance, admission=context.admission),
            Middleware(BodyLimit),
        ],
    )
    app.state.context = context
    problems.install(app)
    for module in _ROUTES:
        app.include_router(module.routes)
    app.include_router(feed.routes)

    @app.get("/healthz", tags=["health"], response_class=JSONResponse)
    async def healthz() -> dict[str, str]:
        """That the daemon is up; nothing about what it does."""
        return {"status": "ok"}

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """Every operation, for people."""
        return HTMLResponse(shown, headers={"Content-Security-Policy": POLICY})

    document = problems.describe(app.openapi())
    app.openapi = lambda: document  # type: ignore[method-assign]
    shown = page(document)

    return SafeHeaders(app)
