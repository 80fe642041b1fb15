"""A loopback server that speaks the wire formats of OpenAI and Anthropic, with faults on demand.

It sends the responses a test has set, and keeps every request.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Answers = Mapping[str, Any] | Callable[[str], Mapping[str, Any]]
"""The arguments of the model's answer, or what makes them of the question's text."""

APPROVES: Mapping[str, Any] = {
    "decision": "approve",
    "confidence": 0.8,
    "reasoning": "The trend carries it.",
}


@dataclass(slots=True)
class Llm:
    """The next responses of the server, and the received requests."""

    answer: Answers = field(default_factory=lambda: APPROVES)
    delay_s: float = 0.0
    status: int = 200  #: another one refuses every request
    refusals: int = 10_000  #: after so many, ``status`` is forgotten
    echoes: bool = False  #: a refusal quotes the key that it refuses, as providers do
    cut: bool = False  #: the JSON of the answer ends in its middle
    prose: str | None = None  #: said in place of a structured answer
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    url: str = ""

    @property
    def texts(self) -> list[str]:
        """The full prompt of each request."""
        return [json.dumps(each) for each in self.asked]

    def arguments(self, asked: dict[str, Any]) -> str:
        """The answer as the text of a JSON object."""
        said = self.answer(json.dumps(asked)) if callable(self.answer) else self.answer
        text = json.dumps(said)
        return text[: len(text) // 2] if self.cut else text


@asynccontextmanager
async def llm() -> AsyncIterator[Llm]:
    """Serve on a free port of 127.0.0.1."""
    state = Llm()
    app = web.Application()

    async def openai(request: web.Request) -> web.Response:
        return await _answered(state, request, _openai)

    async def anthropic(request: web.Request) -> web.Response:
        return await _answered(state, request, _anthropic)

    app.router.add_post("/v1/chat/completions", openai)
    app.router.add_post("/v1/messages", anthropic)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        state.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield state
    finally:
        await runner.cleanup()


async def _answered(
    state: Llm, request: web.Request, dialect: Callable[[Llm, dict[str, Any]], dict[str, Any]]
) -> web.Response:
    asked = await request.json()
    state.asked.append(asked)
    state.keys.append(request.headers.get("x-api-key", request.headers.get("Authorization", "")))
    await asyncio.sleep(state.delay_s)
    if state.status != 200 and len(state.asked) <= state.refusals:
        message = f"wrong key: {state.keys[-1]}" if state.echoes else "too many requests"
        refusal = {"type": "error", "error": {"type": "busy", "message": message}}
        return web.json_response(refusal, status=state.status, headers={"retry-after": "0"})
    return web.json_response(dialect(state, asked))


def _openai(state: Llm, asked: dict[str, Any]) -> dict[str, Any]:
    if state.prose is not None:
        message: dict[str, Any] = {"role": "assistant", "content": state.prose}
    else:
        function = {"name": asked["tools"][0]["function"]["name"]}
        function["arguments"] = state.arguments(asked)
        call = {"id": "call_1", "type": "function", "function": function}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": asked["model"],
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "stop" if state.prose else "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 800, "completion_tokens": 50, "total_tokens": 850},
    }


def _anthropic(state: Llm, asked: dict[str, Any]) -> dict[str, Any]:
    if state.prose is not None:
        content: dict[str, Any] = {"type": "text", "text": state.prose}
    else:
        name = asked["tools"][0]["name"]
        said = {} if state.cut else json.loads(state.arguments(asked))
        content = {"type": "tool_use", "id": "toolu_1", "name": name, "input": said}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": [content],
        "stop_reason": "refusal" if state.prose else "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 800, "output_tokens": 50},
    }
