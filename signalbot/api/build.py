"""Builds the API application: routes, error handlers, limits."""

import json

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from signalbot import __version__
from signalbot.api import problems
from signalbot.api.context import Context
from signalbot.api.docs_page import POLICY, docs_page
from signalbot.api.http_log import AccessLog, IgnoreDisconnects
from signalbot.api.middleware import BodyLimit, HostGuard, SafeHeaders
from signalbot.api.request_limits import RequestLimitMiddleware
from signalbot.api.routes import (
    event_stream,
    ledger,
    metrics,
    signals,
    strategies,
    subscriptions,
    tokens,
    trading,
    users,
    webhooks,
)

_ROUTES = (strategies, subscriptions, signals, users, ledger, trading, tokens, webhooks, metrics)


def build(context: Context) -> ASGIApp:
    """Build the ASGI application."""
    app = FastAPI(
        title="signalbot",
        version=__version__,
        description="One trading signal becomes every user's own trade, exactly once each.",
        responses=problems.RESPONSES,
        openapi_url=None,
        middleware=[
            Middleware(AccessLog, clock=context.clock),
            Middleware(RequestLimitMiddleware, limiter=context.request_limiter),
            Middleware(HostGuard, hosts=context.hosts),
            Middleware(BodyLimit),
        ],
    )
    app.state.context = context
    problems.install_handlers(app)
    for module in _ROUTES:
        app.include_router(module.routes)
    app.include_router(event_stream.routes)

    @app.get("/healthz", tags=["health"], response_class=JSONResponse)
    async def healthz() -> dict[str, str]:
        """Report that the daemon is up, without details."""
        return {"status": "ok"}

    document = problems.add_problem_schema(app.openapi())
    as_json, as_page = json.dumps(document).encode(), docs_page(document).encode()

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        """Return the OpenAPI document."""
        return Response(as_json, media_type="application/json")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        """Return the documentation page."""
        headers = {"Content-Security-Policy": POLICY}
        return Response(as_page, media_type="text/html", headers=headers)

    return IgnoreDisconnects(SafeHeaders(app))
