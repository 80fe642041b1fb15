"""Waits for the answer to an order, and looks the order up meanwhile when that takes long.

An answer may hang for as long as the request may live, while the order has long been filled: the
position needs its stop now. So after a few seconds the order is looked for, and what the look-up
finds counts as the answer. The request is not given up before that.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from signalbot.ports import Clock

T = TypeVar("T")

_FIRST_LOOKUP_S: Final = 2.5
_LOOKUP_INTERVAL_S: Final = 1.0


async def response_or_lookup(
    response: Awaitable[T], look_up: Callable[[], Awaitable[T | None]], clock: Clock
) -> T:
    """What ``answer`` comes to, or what ``look_up`` finds first, asked after 2.5 s and on.

    ``look_up`` returns None while there is nothing to be sure of, and raises nothing. Whatever
    ``answer`` raises is raised here.
    """
    found: list[T] = []

    async def look(until: asyncio.Timeout) -> None:
        while not found:
            report = await look_up()
            if report is not None:
                found.append(report)
                until.reschedule(0)
            else:
                await clock.sleep(_LOOKUP_INTERVAL_S)

    error: Exception | None = None
    async with asyncio.TaskGroup() as group:
        looking: list[asyncio.Task[None]] = []
        timer = None
        try:
            async with asyncio.timeout(None) as until:
                timer = asyncio.get_running_loop().call_later(
                    _FIRST_LOOKUP_S,
                    lambda: looking.append(group.create_task(look(until), name="look up")),
                )
                found.insert(0, await response)
        except TimeoutError as e:
            error = None if found else e
        except Exception as e:  # noqa: BLE001 - raised below, outside of the group
            error = e
        finally:
            if timer is not None:
                timer.cancel()
            for task in looking:
                task.cancel()
    if error is not None:
        raise error
    return found[0]
