"""Brings one destination its notices: in order, paced, merged, and tried again."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from signalbot.ledger.outbox import Address, Outbox
from signalbot.notify.destination import Destination
from signalbot.notify.merge import Bundle, bundle
from signalbot.notify.threads import Threads
from signalbot.ports import Clock
from signalbot.tasks import backoff_s, crash_point

log = structlog.get_logger()

_MERGED = 50
_THREADS = 16
_THREADS_FOR_THE_AILING = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    gather_s: float = 1.0  #: what comes so soon after a notice goes along with it
    pause_s: float = 3.0  #: between two messages: services limit them to 20 a minute per chat
    first_retry_s: float = 2.0
    longest_retry_s: float = 600.0
    attempts: int = 40  #: then a notice is parked: three hours at least
    deadline_s: float = 30.0  #: real seconds for one delivery


class Wire:
    """The threads of all destinations; those that failed lately share a few of their own."""

    def __init__(self, *, speed: float = 1.0) -> None:
        """``speed`` is how many of the loop's seconds pass in a real one."""
        self._speed = speed
        self._threads = Threads(_THREADS)
        self._for_the_ailing = Threads(_THREADS_FOR_THE_AILING)

    def close(self) -> None:
        """Begin no delivery any more: whoever waits for a turn waits until cancelled."""
        self._threads.close()
        self._for_the_ailing.close()

    async def send(
        self,
        to: Destination,
        what: Bundle,
        *,
        is_ailing: bool,
        deadline_s: float,
        on_begin: Callable[[], None],
    ) -> str | None:
        """Deliver; None when the service took it, else why not.

        ``on_begin`` is called when its turn has come.
        """
        threads = self._for_the_ailing if is_ailing else self._threads
        try:
            return await threads.call(
                lambda: to.send(what.message, is_silent=what.is_silent),
                deadline_s=deadline_s * self._speed,
                on_begin=on_begin,
            )
        except TimeoutError:
            return f"no answer within {deadline_s:g} s"
        except Exception as e:  # noqa: BLE001 - a plugin of apprise, which may fail in any way
            return f"apprise failed: {type(e).__name__}"


class Courier:
    def __init__(
        self,
        address: Address,
        destination: Destination,
        *,
        outbox: Outbox,
        wire: Wire,
        pace: Pace,
        clock: Clock,
    ) -> None:
        self._address = address
        self._destination = destination
        self._outbox = outbox
        self._wire = wire
        self._pace = pace
        self._clock = clock
        self._mail = asyncio.Event()
        self._facts = {
            "recipient": address.recipient,
            "place": address.place,
            "service": destination.scheme,
        }
        self._rests = asyncio.Event()
        self._rests.set()
        self._delays: Iterator[float] | None = None  #: there while the destination is failing

    def ring(self) -> None:
        """Something waits to be delivered."""
        self._mail.set()

    async def at_rest(self) -> None:
        """Return when the delivery under way, if there is one, is over and noted."""
        await self._rests.wait()

    async def run(self) -> None:
        """Deliver whatever waits, as it comes, until cancelled."""
        while True:
            await self._mail.wait()
            await self._clock.sleep(self._pace.gather_s)
            self._mail.clear()
            while waiting := await self._outbox.waiting(
                self._address, limit=_MERGED, now_ms=self._clock.now_ms()
            ):
                await self._deliver(bundle(waiting, capacity=self._destination.capacity))

    async def _deliver(self, what: Bundle) -> None:
        try:
            pause_s = await self._attempt(what)
        finally:
            self._rests.set()
        await self._clock.sleep(pause_s)

    async def _attempt(self, what: Bundle) -> float:
        """Deliver once and note what came of it; how long to wait before the next."""
        cause = await self._wire.send(
            self._destination,
            what,
            is_ailing=self._delays is not None,
            deadline_s=self._pace.deadline_s,
            on_begin=self._rests.clear,
        )
        if cause is None:
            crash_point("notice.taken")
            await self._outbox.delivered(what.notice_ids, now_ms=self._clock.now_ms())
            self._recovered()
            return self._pace.pause_s
        return await self._failed(what, cause)

    def _recovered(self) -> None:
        if self._delays is not None:
            self._delays = None
            log.info("notice.flowing", **self._facts)

    async def _failed(self, what: Bundle, cause: str) -> float:
        """Say so once, not at every try; how long to wait before the next."""
        if self._delays is None:
            pace = self._pace
            self._delays = backoff_s(first_s=pace.first_retry_s, most_s=pace.longest_retry_s)
            log.warning("notice.delayed", cause=cause, **self._facts)
        parked = await self._outbox.failed(
            what.notice_ids, most=self._pace.attempts, now_ms=self._clock.now_ms()
        )
        if parked:
            log.error("notice.parked", notices=parked, cause=cause, **self._facts)
        return next(self._delays)
