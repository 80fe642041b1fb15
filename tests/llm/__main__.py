"""The loopback model in a process of its own: ``python -m tests.llm``.

It approves signals in BTC at half the size, and vetoes the rest. Prints its address,
serves until its standard input ends.
"""

import asyncio
import sys
from typing import Any

from tests.llm.server import llm


def _opinion(asked: str) -> dict[str, Any]:
    if "BTC/USDT" in asked:
        return {
            "decision": "approve",
            "confidence": 0.82,
            "size_percent": 50,
            "reasoning": "The cross agrees with the last candles, but the move is already long.",
        }
    return {
        "decision": "veto",
        "confidence": 0.9,
        "reasoning": "The cross is a whipsaw: the candles before it go sideways.",
    }


async def _serve() -> None:
    async with llm() as server:
        server.answer, server.delay_s = _opinion, 0.3
        print(server.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(_serve())
