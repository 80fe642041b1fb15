"""Private streams of a few accounts: whatever one tells is only a reason to look at once.

Polling stays the truth. A stream that is silent, broken or cannot be opened costs the hint alone:
so nothing that it says is believed, and nobody waits for it.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from ccxt.base.errors import NetworkError

from signalbot.domain.users import UserId
from signalbot.exchange.live.caller import Caller
from signalbot.exchange.live.dialects.base import Dialect
from signalbot.exchange.live.outcome import plain
from signalbot.ports import Clock
from signalbot.tasks import backoff_s

log = structlog.get_logger()

MOST_STREAMS = 50  # of one exchange: beyond that, polls and the shared price feed have to do
_LOOK_EVERY_S = 1.0
_BETWEEN_DIALS_S = 0.25  # exchanges count how many connections an address opens
_RENEW_S = 1_500.0  # before a listen key of an hour is over; what it watches is asked for anew
_STABLE_S = 60.0
_HANG_UP_S = 2.0
_EXPIRED = "listenKeyExpired"

Hint = Callable[[UserId], None]


@dataclass(eq=False, slots=True)
class _Subject:
    user_id: UserId
    caller: Caller
    tasks: tuple[asyncio.Task[None], ...] = ()


class OrderStreams:
    """Calls ``hint`` with a user when the exchange says that something about an order changed.

    All accounts are followed while there are at most ``most`` of them, and none beyond.
    """

    def __init__(
        self,
        dialects: Collection[Dialect],
        *,
        hint: Hint,
        clock: Clock,
        most: int = MOST_STREAMS,
    ) -> None:
        asked = (each.order_stream for each in dialects)
        self._streams = [
            dict(each) for each in dict.fromkeys(tuple(p.items()) for p in asked if p is not None)
        ]
        self._hint = hint
        self._clock = clock
        self._most = most
        self._subjects: dict[UserId, _Subject] = {}

    def follow(self, user_id: UserId, caller: Caller) -> None:
        """Watch an account from now on, with the client of ``caller``."""
        self.leave(user_id)
        self._subjects[user_id] = _Subject(user_id, caller)

    def leave(self, user_id: UserId) -> None:
        subject = self._subjects.pop(user_id, None)
        if subject is not None:
            _stop(subject)

    async def run(self) -> None:
        """Watch until cancelled."""
        if not self._streams:
            return
        async with asyncio.TaskGroup() as group:
            while True:
                is_few = len(self._subjects) <= self._most
                for subject in list(self._subjects.values()):
                    if not is_few:
                        _stop(subject)
                    elif not subject.tasks:
                        subject.tasks = tuple(
                            group.create_task(
                                self._watch(subject, params), name=f"orders {subject.user_id}"
                            )
                            for params in self._streams
                        )
                        await self._clock.sleep(_BETWEEN_DIALS_S)
                await self._clock.sleep(_LOOK_EVERY_S)

    async def _watch(self, subject: _Subject, params: Mapping[str, Any]) -> None:
        """Keep one stream alive: every ending is followed by another try, and by a look."""
        client, delays = subject.caller.client, backoff_s(first_s=1.0, most_s=300.0)
        self._listen(subject)
        while True:
            began_ms = self._clock.now_ms()
            await self._clock.sleep_until(subject.caller.banned_until_ms)
            cause = "it is renewed now and then"
            try:
                async with asyncio.timeout(_RENEW_S):
                    while True:
                        await client.watch_orders(None, None, None, dict(params))
                        self._hint(subject.user_id)
            except TimeoutError:
                delays = backoff_s(first_s=1.0, most_s=300.0)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                cause = "the socket was closed"
            except Exception as e:  # noqa: BLE001 - whatever ends a stream, it is begun again
                cause = plain(e)
            finally:
                await _hang_up(client)
            if self._clock.now_ms() - began_ms > _STABLE_S * 1000:
                delays = backoff_s(first_s=1.0, most_s=300.0)
            log.debug("account.stream_lost", user_id=subject.user_id, cause=cause)
            await self._clock.sleep(next(delays))
            self._hint(subject.user_id)  # nothing is told again of what happened meanwhile

    def _listen(self, subject: _Subject) -> None:
        """Let no frame end the socket's reading, and see what ccxt overlooks."""
        client = subject.caller.client
        handle = type(client).handle_message

        def look(socket: Any, message: Any) -> None:
            if isinstance(message, Mapping) and message.get("e") == _EXPIRED:
                socket.reset(NetworkError("the listen key has expired"))
                return
            try:
                handle(client, socket, message)
            except Exception as e:  # noqa: BLE001 - ccxt's reader would end without a word
                log.debug("stream.bad_frame", exchange=client.id, cause=plain(e))
                self._hint(subject.user_id)

        client.handle_message = look


def _stop(subject: _Subject) -> None:
    for task in subject.tasks:
        task.cancel()
    subject.tasks = ()


async def _hang_up(client: Any) -> None:
    """Close an account's sockets; it is let in anew the next time."""
    sockets = list(client.clients.values())
    client.clients.clear()
    for kind, value in list(client.options.items()):
        if isinstance(value, dict) and "listenKey" in value:
            del client.options[kind]
    for socket in sockets:
        try:
            async with asyncio.timeout(_HANG_UP_S):
                await socket.close()
        except (TimeoutError, Exception) as e:  # noqa: BLE001 - it is gone all the same
            log.debug("exchange.close_failed", cause=plain(e))
