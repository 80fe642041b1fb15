"""Runs long file operations in a thread that stops soon after cancellation."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from signalbot.ledger.backup import IsCancelled

T = TypeVar("T")


async def run_in_thread(work: Callable[[IsCancelled], T]) -> T:
    """Run ``work`` in a thread; after cancellation its ``IsCancelled`` returns true."""
    cancelled = threading.Event()
    try:
        return await asyncio.to_thread(work, cancelled.is_set)
    except asyncio.CancelledError:
        cancelled.set()
        raise
