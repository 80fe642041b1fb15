"""``/ws/signals``: streams events live, and from a given event on.

A client sends its token in the ``Authorization`` header, as the subprotocol ``bearer.TOKEN`` next
to ``signalbot``, or in a first frame ``{"type": "auth", "token": …}``; never in the URL, which is
logged. Then it may send ``{"type": "subscribe", …}`` once a second; each replaces the previous one.
A client that is too slow is disconnected with 1013 and resumes with ``since``.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, WebSocket
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.websockets import WebSocketDisconnect, WebSocketState

from signalbot.api.auth import CONTROL_SOCKET, PRINCIPAL, Principal, bearer_of
from signalbot.api.context import Context
from signalbot.api.event_stream import (
    SUBSCRIBE_INTERVAL_S,
    EventFilter,
    EventSubscriber,
    StreamClient,
)
from signalbot.api.middleware import is_foreign_origin
from signalbot.api.strict_json import parse_object
from signalbot.control.token_issuer import TOKEN
from signalbot.domain.errors import Conflict
from signalbot.domain.events import current_kind
from signalbot.domain.timeframe import EPOCH, Ms

routes = APIRouter()

PROTOCOL = "signalbot"
_AUTH_TIMEOUT_S = 10.0
_SEND_TIMEOUT_S = 30.0
_TOKEN = re.compile(TOKEN, re.ASCII)

TRY_AGAIN_LATER = 1013
POLICY_VIOLATION = 1008
UNSUPPORTED = 1003

Names = Annotated[tuple[Annotated[str, Field(max_length=60)], ...], Field(max_length=100)]


class AuthenticateFrame(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["auth"]
    token: str = Field(max_length=200)


class SubscribeFrame(BaseModel):
    """Filter of a subscription; empty lists match everything the client may see."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["subscribe"]
    strategies: Names = ()
    symbols: Names = ()
    events: Names = ()
    since: int | None = Field(default=None, ge=0, lt=2**62)


@routes.websocket("/ws/signals")
async def signals(socket: WebSocket) -> None:
    """Serve one client until it disconnects, is too slow, or its token is revoked."""
    context: Context = socket.app.state.context
    if is_foreign_origin(socket.headers, context.hosts):
        await socket.close(POLICY_VIOLATION, "foreign origin")
        return
    offered = socket.scope["subprotocols"]
    caller: Principal | None = socket.scope.get(PRINCIPAL)
    await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
    caller = caller or await _authenticated(context, socket)
    if caller is None:
        await context.request_limiter.count_anonymous(socket.scope)
        await _close(socket, POLICY_VIOLATION, "a valid token is required")
        return
    try:
        with context.event_stream.connected(caller) as client:
            await _serve(context, socket, client)
    except Conflict as e:
        await _close(socket, TRY_AGAIN_LATER, str(e))


async def _authenticated(context: Context, socket: WebSocket) -> Principal | None:
    """Authenticate the client by its first frame, if it sent no token before."""
    if bearer_of(socket.scope) is not None:
        return None
    try:
        async with asyncio.timeout(_AUTH_TIMEOUT_S):
            first = await socket.receive_text()
    except (TimeoutError, WebSocketDisconnect, KeyError):
        return None
    found = _TOKEN.search(first)
    caller = (
        None
        if found is None
        else await context.request_limiter.identify_by_token(found[0], socket.scope)
    )
    if caller is None or found is None:
        return None
    try:
        frame_data = AuthenticateFrame.model_validate(
            parse_object(first.encode("utf-8", "surrogatepass"))
        )
    except (HTTPException, ValidationError):
        return None
    return caller if frame_data.token == found[0] else None


async def _serve(context: Context, socket: WebSocket, client: StreamClient) -> None:
    sending: asyncio.Task[None] | None = None
    begun_ms = EPOCH
    async with _guarded(socket, client), asyncio.TaskGroup() as group:
        try:
            async for text in socket.iter_text():
                is_control = client.caller.name == CONTROL_SOCKET
                if not is_control and context.request_limiter.count(client.caller.name) > 0:
                    await _close(socket, TRY_AGAIN_LATER, "too many frames")
                    break
                subscription = _subscribe_frame(text)
                if subscription is None:
                    await _close(socket, UNSUPPORTED, "send a subscribe frame")
                    break
                if sending is not None:
                    await context.clock.sleep_until(
                        Ms(begun_ms + round(SUBSCRIBE_INTERVAL_S * 1000))
                    )
                    if sending.done():  # the client has disconnected
                        break
                    sending.cancel()
                    await asyncio.wait([sending])
                begun_ms = context.clock.now_ms()
                sending = group.create_task(
                    _send(context, socket, client, subscription), name="client"
                )
        except (RuntimeError, KeyError):
            await _close(socket, UNSUPPORTED, "send text")
        finally:
            if sending is not None:
                sending.cancel()


@asynccontextmanager
async def _guarded(socket: WebSocket, client: StreamClient) -> AsyncIterator[None]:
    """Disconnect the client when its token becomes invalid."""

    async def watch() -> None:
        await client.ended.wait()
        await _close(socket, POLICY_VIOLATION, "the token is no longer valid")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(watch(), name="client's token")
        try:
            yield
        finally:
            task.cancel()


def _subscribe_frame(text: str) -> SubscribeFrame | None:
    try:
        return SubscribeFrame.model_validate(parse_object(text.encode("utf-8", "surrogatepass")))
    except (HTTPException, ValidationError):
        return None


async def _send(
    context: Context, socket: WebSocket, client: StreamClient, subscription: SubscribeFrame
) -> None:
    """Send missed events, then live ones, until the client disconnects or is too slow."""
    event_filter = EventFilter(
        strategies=subscription.strategies,
        symbols=subscription.symbols,
        events=tuple(map(current_kind, subscription.events)),
    )
    feed, subscriber = context.event_stream, EventSubscriber(client.caller, event_filter)
    try:
        at = feed.last_event_id if subscription.since is not None else feed.subscribe(subscriber)
        await _put(socket, json.dumps({"type": "subscribed", "at": at}))
        if subscription.since is not None:
            sent = subscription.since
            while sent < feed.last_event_id:
                upto = feed.last_event_id
                async for frame in feed.replayed(subscriber, since=sent, until=upto):
                    await _put(socket, frame)
                sent = upto
            feed.subscribe(subscriber)
        while (waiting := await subscriber.queue.get()) is not None:
            await _put(socket, waiting)
        await _close(socket, TRY_AGAIN_LATER, "too slow: resume with since")
    except TimeoutError:
        await _close(socket, TRY_AGAIN_LATER, "too slow: resume with since")
    except (WebSocketDisconnect, RuntimeError, OSError):
        return
    finally:
        feed.unsubscribe(subscriber)


async def _put(socket: WebSocket, frame: str) -> None:
    async with asyncio.timeout(_SEND_TIMEOUT_S):
        await socket.send_text(frame)


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    if socket.application_state is not WebSocketState.DISCONNECTED:
        with suppress(WebSocketDisconnect, RuntimeError, OSError):
            await socket.close(code, reason)
