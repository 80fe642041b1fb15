"""Sends a message to the operator immediately, without the daemon, which may have died."""

import asyncio
from collections.abc import Sequence

from signalbot.domain.errors import SignalbotError
from signalbot.notifications.destinations import (
    Destination,
    SecretResolver,
    UnknownDestination,
)
from signalbot.notifications.message import Message
from signalbot.notifications.thread_pool import DaemonThreadPool

_MAX_CONCURRENT = 8
_DEADLINE_S = 30.0


async def send_now(
    message: Message, urls: Sequence[str], *, resolve_secret: SecretResolver
) -> list[str]:
    """Deliver ``message`` to all ``urls`` concurrently; return the failures.

    A failure names the index of its URL in the list, and nothing else of it.
    """
    threads = DaemonThreadPool(_MAX_CONCURRENT)

    async def deliver(place: int, url: str) -> str | None:
        try:
            destination = Destination(await resolve_secret(url))
            error = await threads.call(
                lambda: destination.send(message, is_silent=False), deadline_s=_DEADLINE_S
            )
        except TimeoutError:
            error = f"no answer within {_DEADLINE_S:g} s"
        except (SignalbotError, UnknownDestination) as e:
            error = str(e)
        return None if error is None else f"notify.operator[{place}]: {error}"

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(deliver(*each), name="alert") for each in enumerate(urls)]
    return [error for task in tasks if (error := task.result()) is not None]
