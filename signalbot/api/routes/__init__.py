"""Routes of the API, one module per resource."""

from fastapi import APIRouter

from signalbot.api.idempotency import IdempotentRoute


def router(tag: str) -> APIRouter:
    """Return a router with strict request parsing and idempotency keys."""
    return APIRouter(tags=[tag], route_class=IdempotentRoute)
