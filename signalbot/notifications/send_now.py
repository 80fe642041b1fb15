"""Tells the operator something at once, without the daemon: it may be the one that has died."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from signalbot.domain.errors import SignalbotError
from signalbot.notifications.destinations import Destination, UnknownDestination
from signalbot.notifications.templates import Message
from signalbot.notifications.thread_pool import DaemonThreadPool

_MAX_CONCURRENT = 8
_DEADLINE_S = 30.0

SecretResolver = Callable[[str], Awaitable[str]]


async def send_now(
    message: Message, urls: Sequence[str], *, resolve_secret: SecretResolver
) -> list[str]:
    """Deliver ``message`` to every one of ``urls`` at the same time; why not, where it failed.

    ``resolve`` gives the text behind ``secret:NAME``. No failure tells anything of a URL but its
    place in the list.
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
