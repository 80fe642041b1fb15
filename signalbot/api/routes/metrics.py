"""Metrics for Prometheus."""

from fastapi import Response
from fastapi.responses import PlainTextResponse

from signalbot.api.auth import Administrator
from signalbot.api.context import CurrentContext
from signalbot.api.routes import router
from signalbot.metrics.collector import CONTENT_TYPE

routes = router("metrics")


@routes.get("/metrics", response_class=PlainTextResponse)
async def metrics(context: CurrentContext, _: Administrator) -> Response:
    """Return all metrics in the Prometheus text format."""
    return Response(await context.metrics.render(), media_type=CONTENT_TYPE)
