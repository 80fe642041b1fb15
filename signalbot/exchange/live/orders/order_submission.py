"""Waits for the response to an order, and looks the order up when that takes long.

A response may be pending for as long as the request may live, while the order has long been filled:
its position needs a stop now. So after a few seconds the order is looked up, and what is found
counts as the response. The request is not cancelled before that.
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
    """The result of ``response``, or of ``look_up``, which runs after 2.5 s and every second.

    ``look_up`` returns None while nothing is conclusive, and raises nothing. Errors of ``response``
    are raised here.
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
