"""One module for each thing that can be asked for."""

from fastapi import APIRouter

from signalbot.api.idempotency import IdempotentRoute


def router(tag: str) -> APIRouter:
    """A router whose requests are read strictly and may be repeated under a key."""
    return APIRouter(tags=[tag], route_class=IdempotentRoute)
