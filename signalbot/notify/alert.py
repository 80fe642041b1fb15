"""Tells the operator something at once, without the daemon: it may be the one that has died."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from signalbot.domain.errors import SignalbotError
from signalbot.notify.destination import Destination, UnknownDestination
from signalbot.notify.texts import Message
from signalbot.notify.threads import Threads

_AT_ONCE = 8
_DEADLINE_S = 30.0

Resolve = Callable[[str], Awaitable[str]]


async def alert(message: Message, urls: Sequence[str], *, resolve: Resolve) -> list[str]:
    """Deliver ``message`` to every one of ``urls`` at the same time; why not, where it failed.

    ``resolve`` gives the text behind ``secret:NAME``. No failure tells anything of a URL but its
    place in the list.
    """
    threads = Threads(_AT_ONCE)

    async def deliver(place: int, url: str) -> str | None:
        try:
            destination = Destination(await resolve(url))
            why = await threads.call(
                lambda: destination.send(message, is_silent=False), deadline_s=_DEADLINE_S
            )
        except TimeoutError:
            why = f"no answer within {_DEADLINE_S:g} s"
        except (SignalbotError, UnknownDestination) as e:
            why = str(e)
        return None if why is None else f"notify.operator[{place}]: {why}"

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(deliver(*each), name="alert") for each in enumerate(urls)]
    return [why for task in tasks if (why := task.result()) is not None]
