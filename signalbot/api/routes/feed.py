"""``/ws/signals``: what happens, as it happens, and from where a client left off.

A client shows its token in the ``Authorization`` header, as the subprotocol ``bearer.TOKEN`` beside
``signalbot``, or in a first frame ``{"type": "auth", "token": …}``; never in the URL, which logs
keep. Then it may send ``{"type": "subscribe", …}`` as often as it likes; each replaces the one
before. A client that cannot keep up is let go with 1013; ``since`` takes it back to where it was.
"""

import asyncio
import json
from contextlib import suppress
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, WebSocket
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.websockets import WebSocketDisconnect, WebSocketState

from signalbot.api.bodies import parse
from signalbot.api.callers import Caller
from signalbot.api.context import Context
from signalbot.api.feed import MOST_LISTENERS, Listener, Wish
from signalbot.api.hosts import is_foreign_origin

routes = APIRouter()

PROTOCOL = "signalbot"
_BEARER = "bearer."
_PATIENCE_S = 10.0
_SEND_S = 30.0
_LOOK_AGAIN_S = 60.0

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
    offered = [each.strip() for each in socket.headers.get("sec-websocket-protocol", "").split(",")]
    await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
    caller, token = await _authenticated(here, socket, offered)
    if caller is None:
        await socket.close(POLICY_VIOLATION, "a valid token is needed")
    elif len(here.feed) >= MOST_LISTENERS:
        await socket.close(TRY_AGAIN_LATER, "too many listen already")
    else:
        await _serve(here, socket, caller, token)


async def _authenticated(
    here: Context, socket: WebSocket, offered: list[str]
) -> tuple[Caller | None, str]:
    """Who the client is, and the token to be looked at again."""
    scheme, _, token = socket.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        shown = [each.removeprefix(_BEARER) for each in offered if each.startswith(_BEARER)]
        token = shown[0] if shown else ""
    known = await here.gate.caller(socket) or (await here.gate.caller_of(token) if token else None)
    if known is not None or token:
        return known, token
    try:
        async with asyncio.timeout(_PATIENCE_S):
            first = Authenticate.model_validate(parse((await socket.receive_text()).encode()))
    except (TimeoutError, HTTPException, ValidationError, WebSocketDisconnect, KeyError):
        return None, ""
    return await here.gate.caller_of(first.token), first.token


async def _serve(here: Context, socket: WebSocket, caller: Caller, token: str) -> None:
    sending: asyncio.Task[None] | None = None
    async with asyncio.TaskGroup() as group:
        guard = group.create_task(_guard(here, socket, token), name="client's token")
        try:
            async for text in socket.iter_text():
                wish = _wish(text)
                if wish is None:
                    await _close(socket, UNSUPPORTED, "send a subscribe frame")
                    break
                if sending is not None:
                    sending.cancel()
                sending = group.create_task(_send(here, socket, caller, wish), name="client")
        except (RuntimeError, KeyError):
            await _close(socket, UNSUPPORTED, "send text")
        finally:
            guard.cancel()
            if sending is not None:
                sending.cancel()


def _wish(text: str) -> Subscribe | None:
    try:
        return Subscribe.model_validate(parse(text.encode()))
    except (HTTPException, ValidationError):
        return None


async def _send(here: Context, socket: WebSocket, caller: Caller, wish: Subscribe) -> None:
    """Send what is missed, then what comes, until the client has gone or fallen behind."""
    wanted = Wish(strategies=wish.strategies, symbols=wish.symbols, events=wish.events)
    listener = Listener(caller, wanted)
    at = here.feed.join(listener)
    try:
        await _put(socket, json.dumps({"type": "subscribed", "at": at}))
        if wish.since is not None:
            async for frame in here.feed.missed(listener, since=wish.since, until=at):
                await _put(socket, frame)
        while (waiting := await listener.queue.get()) is not None:
            await _put(socket, waiting)
        await _close(socket, TRY_AGAIN_LATER, "too slow: resume with since")
    except TimeoutError:
        await _close(socket, TRY_AGAIN_LATER, "too slow: resume with since")
    except (WebSocketDisconnect, RuntimeError, OSError):
        return
    finally:
        here.feed.leave(listener)


async def _put(socket: WebSocket, frame: str) -> None:
    async with asyncio.timeout(_SEND_S):
        await socket.send_text(frame)


async def _guard(here: Context, socket: WebSocket, token: str) -> None:
    """Let the client go once its token is no longer valid."""
    while True:
        await here.clock.sleep(_LOOK_AGAIN_S)
        if token and await here.gate.caller_of(token) is None:
            await _close(socket, POLICY_VIOLATION, "the token is no longer valid")
            return


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    if socket.application_state is not WebSocketState.DISCONNECTED:
        with suppress(RuntimeError, OSError):
            await socket.close(code, reason)
