"""What Prometheus reads."""

from fastapi import Response
from fastapi.responses import PlainTextResponse

from signalbot.api.callers import Administrator
from signalbot.api.context import Here
from signalbot.api.routes import router
from signalbot.metrics.gather import CONTENT_TYPE

routes = router("metrics")


@routes.get("/metrics", response_class=PlainTextResponse)
async def metrics(here: Here, _: Administrator) -> Response:
    """How the daemon is and what it has done, in the text format of Prometheus."""
    return Response(await here.metrics.render(), media_type=CONTENT_TYPE)
