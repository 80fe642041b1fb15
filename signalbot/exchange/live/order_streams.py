"""Private streams of a few accounts: whatever one tells is only a reason to look at once.

Reads stay the truth: a stream that is silent, broken or cannot be opened costs the hint alone.
While it names our own orders in time it is known to speak, and its account is polled less often.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from ccxt.base.errors import NetworkError

from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.exchange.live.caller import Caller
from signalbot.exchange.live.dialects.base import Dialect
from signalbot.exchange.live.outcome import plain
from signalbot.ports import Clock
from signalbot.stream import Stream
from signalbot.tasks import backoff_s

log = structlog.get_logger()

MOST_STREAMS = 50  # of one exchange: beyond that, polls and the shared price feed have to do
_LOOK_EVERY_S = 1.0
_BETWEEN_DIALS_S = 0.25  # exchanges count how many connections an address opens
_RENEW_S = 1_500.0  # before a listen key of an hour is over; what it watches is asked for anew
_STABLE_S = 60.0
_HANG_UP_S = 2.0
_NAMES_WITHIN_MS = 3_000  # a stream that names an order of ours later than this does not speak
_MOST_HINTS = 10_000
_EXPIRED = "listenKeyExpired"
_CONFIG_CHANGED = "ACCOUNT_CONFIG_UPDATE"

OrderIds = tuple[str | None, str | None]
"""An order's client id and exchange id, as a stream has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Something has changed in an account; whatever it says is only a reason to look."""

    user_id: UserId
    orders: tuple[OrderIds, ...] = ()  #: those it names; none: anything may have happened
    leverage: int | None = None  #: what an account's leverage in some market is now


@dataclass(eq=False, slots=True)
class _Subject:
    user_id: UserId
    caller: Caller
    tasks: tuple[asyncio.Task[None], ...] = ()
    open_ms: Ms | None = None  #: since when the stream is open
    expected: dict[str, Ms] = field(default_factory=dict)  #: orders to be named, and by when
    is_deaf: bool = False  #: it did not name one of them in time


class OrderStreams:
    """Puts into ``hints`` what the exchange says has changed in an account, for one reader.

    All accounts are followed while there are at most ``most`` of them, and none beyond.
    """

    def __init__(
        self,
        dialects: Collection[Dialect],
        *,
        clock: Clock,
        most: int = MOST_STREAMS,
    ) -> None:
        asked = (each.order_stream for each in dialects)
        self._streams = [
            dict(each) for each in dict.fromkeys(tuple(p.items()) for p in asked if p is not None)
        ]
        self.hints: Stream[Hint] = Stream(limit=_MOST_HINTS)
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

    def expect(self, user_id: UserId, client_order_id: str) -> None:
        """The exchange has taken an order of this account: its stream should name it soon."""
        subject = self._subjects.get(user_id)
        if subject is not None and subject.open_ms is not None:
            subject.expected[client_order_id] = Ms(self._clock.now_ms() + _NAMES_WITHIN_MS)

    def speaks(self, user_id: UserId) -> bool:
        """Whether an account's stream is open and has named every order it should have named."""
        subject = self._subjects.get(user_id)
        if subject is None or subject.open_ms is None or not subject.tasks:
            return False
        now_ms = self._clock.now_ms()
        if any(until_ms < now_ms for until_ms in subject.expected.values()):
            subject.is_deaf = True
            subject.expected.clear()
            log.debug("account.stream_deaf", user_id=user_id)
        return not subject.is_deaf

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
                        orders = await client.watch_orders(None, None, None, dict(params))
                        self._take(subject, orders)
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
                subject.open_ms = None
                subject.expected.clear()
                await _hang_up(client)
            if self._clock.now_ms() - began_ms > _STABLE_S * 1000:
                delays = backoff_s(first_s=1.0, most_s=300.0)
            log.debug("account.stream_lost", user_id=subject.user_id, cause=cause)
            await self._clock.sleep(next(delays))
            self.hints.put(Hint(user_id=subject.user_id))  # nothing is told again of what happened

    def _take(self, subject: _Subject, raws: Collection[Mapping[str, Any]]) -> None:
        """Hint at the orders that ccxt has read from the stream."""
        ids = tuple((raw.get("clientOrderId"), _text(raw.get("id"))) for raw in raws)
        for client_id, _ in ids:
            if client_id is not None and subject.expected.pop(client_id, None) is not None:
                subject.is_deaf = False
        self.hints.put(Hint(user_id=subject.user_id, orders=ids))

    def _listen(self, subject: _Subject) -> None:
        """Let no frame end the socket's reading, and see what ccxt overlooks."""
        client = subject.caller.client
        handle = type(client).handle_message

        def look(socket: Any, message: Any) -> None:
            if subject.open_ms is None:
                subject.open_ms = self._clock.now_ms()
                subject.is_deaf = False
            event = message.get("e") if isinstance(message, Mapping) else None
            if event == _EXPIRED:
                socket.reset(NetworkError("the listen key has expired"))
                return
            if event == _CONFIG_CHANGED:
                leverage = (message.get("ac") or {}).get("l")
                if leverage is not None:
                    self.hints.put(Hint(user_id=subject.user_id, leverage=int(leverage)))
                return
            try:
                handle(client, socket, message)
            except Exception as e:  # noqa: BLE001 - ccxt's reader would end without a word
                log.debug("stream.bad_frame", exchange=client.id, cause=plain(e))
                self.hints.put(Hint(user_id=subject.user_id))

        client.handle_message = look


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _stop(subject: _Subject) -> None:
    for task in subject.tasks:
        task.cancel()
    subject.tasks = ()
    subject.open_ms = None


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
