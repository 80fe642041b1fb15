"""``/ws/signals``: what happens, as it happens, and from where a client left off.

A client shows its token in the ``Authorization`` header, as the subprotocol ``bearer.TOKEN`` beside
``signalbot``, or in a first frame ``{"type": "auth", "token": …}``; never in the URL, which logs
keep. Then it may send ``{"type": "subscribe", …}`` once a second; each replaces the one before. A
client that cannot keep up is let go with 1013; ``since`` takes it back to where it was.
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

from signalbot.api.bodies import parse
from signalbot.api.callers import CALLER, CONTROL_SOCKET, Caller, bearer_of
from signalbot.api.context import Context
from signalbot.api.feed import PAUSE_S, Client, Listener, Wish
from signalbot.api.hosts import is_foreign_origin
from signalbot.control.minting import TOKEN
from signalbot.domain.errors import Conflict
from signalbot.domain.timeframe import EPOCH, Ms

routes = APIRouter()

PROTOCOL = "signalbot"
_PATIENCE_S = 10.0
_SEND_S = 30.0
_TOKEN = re.compile(TOKEN, re.ASCII)

TRY_AGAIN_LATER = 1013
POLICY_VIOLATION = 1008
UNSUPPORTED = 1003

Names = Annotated[tuple[Annotated[str, Field(max_length=60)], ...], Field(max_length=100)]


class Authenticate(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["auth"]
    token: str = Field(max_length=200)


class Subscribe(BaseModel):
    """What the client wants to be told; empty lists mean everything it may see."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["subscribe"]
    strategies: Names = ()
    symbols: Names = ()
    events: Names = ()
    since: int | None = Field(default=None, ge=0, lt=2**62)


@routes.websocket("/ws/signals")
async def signals(socket: WebSocket) -> None:
    """Serve one client until it leaves, falls behind, or its token is revoked."""
    here: Context = socket.app.state.context
    if is_foreign_origin(socket.headers, here.hosts):
        await socket.close(POLICY_VIOLATION, "foreign origin")
        return
    offered = socket.scope["subprotocols"]
    caller: Caller | None = socket.scope.get(CALLER)
    await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
    caller = caller or await _authenticated(here, socket)
    if caller is None:
        await here.admission.count_stranger(socket.scope)
        await _close(socket, POLICY_VIOLATION, "a valid token is needed")
        return
    try:
        with here.feed.connected(caller) as client:
            await _serve(here, socket, client)
    except Conflict as e:
        await _close(socket, TRY_AGAIN_LATER, str(e))


async def _authenticated(here: Context, socket: WebSocket) -> Caller | None:
    """Who the client is by its first frame, if it has shown nothing before."""
    if bearer_of(socket.scope) is not None:
        return None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            first = await socket.receive_text()
    except (TimeoutError, WebSocketDisconnect, KeyError):
        return None
    found = _TOKEN.search(first)
    caller = None if found is None else await here.admission.identify_by(found[0], socket.scope)
    if caller is None or found is None:
        return None
    try:
        told = Authenticate.model_validate(parse(first.encode("utf-8", "surrogatepass")))
    except (HTTPException, ValidationError):
        return None
    return caller if told.token == found[0] else None


async def _serve(here: Context, socket: WebSocket, client: Client) -> None:
    sending: asyncio.Task[None] | None = None
    begun_ms = EPOCH
    async with _guarded(socket, client), asyncio.TaskGroup() as group:
        try:
            async for text in socket.iter_text():
                is_control = client.caller.name == CONTROL_SOCKET
                if not is_control and here.admission.count(client.caller.name) > 0:
                    await _close(socket, TRY_AGAIN_LATER, "too many frames")
                    break
                wish = _wish(text)
                if wish is None:
                    await _close(socket, UNSUPPORTED, "send a subscribe frame")
                    break
                if sending is not None:
                    await here.clock.sleep_until(Ms(begun_ms + round(PAUSE_S * 1000)))
                    if sending.done():  # it has found nobody there any more
                        break
                    sending.cancel()
                    await asyncio.wait([sending])
                begun_ms = here.clock.now_ms()
                sending = group.create_task(_send(here, socket, client, wish), name="client")
        except (RuntimeError, KeyError):
            await _close(socket, UNSUPPORTED, "send text")
        finally:
            if sending is not None:
                sending.cancel()


@asynccontextmanager
async def _guarded(socket: WebSocket, client: Client) -> AsyncIterator[None]:
    """Let the client go once its token is no longer valid."""

    async def watch() -> None:
        await client.over.wait()
        await _close(socket, POLICY_VIOLATION, "the token is no longer valid")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(watch(), name="client's token")
        try:
            yield
        finally:
            task.cancel()


def _wish(text: str) -> Subscribe | None:
    try:
        return Subscribe.model_validate(parse(text.encode("utf-8", "surrogatepass")))
    except (HTTPException, ValidationError):
        return None


async def _send(here: Context, socket: WebSocket, client: Client, wish: Subscribe) -> None:
    """Send what is missed, then what comes, until the client has gone or fallen behind."""
    wanted = Wish(strategies=wish.strategies, symbols=wish.symbols, events=wish.events)
    feed, listener = here.feed, Listener(client.caller, wanted)
    try:
        at = feed.at if wish.since is not None else feed.join(listener)
        await _put(socket, json.dumps({"type": "subscribed", "at": at}))
        if wish.since is not None:
            sent = wish.since
            while sent < feed.at:
                upto = feed.at
                async for frame in feed.missed(listener, since=sent, until=upto):
                    await _put(socket, frame)
                sent = upto
            feed.join(listener)
        while (waiting := await listener.queue.get()) is not None:
            await _put(socket, waiting)
        await _close(socket, TRY_AGAIN_LATER, "too slow: resume with since")
    except TimeoutError:
        await _close(socket, TRY_AGAIN_LATER, "too slow: resume with since")
    except (WebSocketDisconnect, RuntimeError, OSError):
        return
    finally:
        feed.leave(listener)


async def _put(socket: WebSocket, frame: str) -> None:
    async with asyncio.timeout(_SEND_S):
        await socket.send_text(frame)


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    if socket.application_state is not WebSocketState.DISCONNECTED:
        with suppress(WebSocketDisconnect, RuntimeError, OSError):
            await socket.close(code, reason)
