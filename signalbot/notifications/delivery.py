"""Delivers the notices of one destination: in order, rate limited, batched and retried."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from signalbot.ledger.outbox import NoticeAddress, Outbox
from signalbot.notifications.batching import NoticeBatch, next_batch
from signalbot.notifications.destinations import Destination
from signalbot.notifications.thread_pool import DaemonThreadPool
from signalbot.ports import Clock
from signalbot.tasks import backoff_s, crash_point

log = structlog.get_logger()

_MAX_BATCH = 50
_THREADS = 16
_THREADS_FOR_FAILING = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPolicy:
    """Time limits and retries of deliveries."""

    batch_window_s: float = 1.0  #: notices within this time go into one message
    message_interval_s: float = 3.0  #: services allow about 20 messages a minute per chat
    first_retry_s: float = 2.0
    max_retry_s: float = 600.0
    max_attempts: int = 40  #: then a notice is abandoned, after three hours at least
    deadline_s: float = 30.0  #: real seconds for one delivery


class Transport:
    """The threads of all destinations; failing destinations share a separate, smaller pool."""

    def __init__(self, *, speed: float = 1.0) -> None:
        """``speed`` is the number of loop seconds per real second."""
        self._speed = speed
        self._threads = DaemonThreadPool(_THREADS)
        self._threads_for_failing = DaemonThreadPool(_THREADS_FOR_FAILING)

    def close(self) -> None:
        """Start no further delivery: callers waiting for a thread wait until cancelled."""
        self._threads.close()
        self._threads_for_failing.close()

    async def send(
        self,
        to: Destination,
        batch: NoticeBatch,
        *,
        is_failing: bool,
        deadline_s: float,
        on_start: Callable[[], None],
    ) -> str | None:
        """Deliver a batch; return None on success, else the reason of the failure.

        ``on_start`` is called when a thread is free.
        """
        threads = self._threads_for_failing if is_failing else self._threads
        try:
            return await threads.call(
                lambda: to.send(batch.message, is_silent=batch.is_silent),
                deadline_s=deadline_s * self._speed,
                on_start=on_start,
            )
        except TimeoutError:
            return f"no answer within {deadline_s:g} s"
        except Exception as e:  # noqa: BLE001 - an apprise plugin may raise anything
            return f"apprise failed: {type(e).__name__}"


class DeliveryWorker:
    """Delivers the pending notices of one address until cancelled."""

    def __init__(
        self,
        address: NoticeAddress,
        destination: Destination,
        *,
        outbox: Outbox,
        transport: Transport,
        policy: DeliveryPolicy,
        clock: Clock,
    ) -> None:
        self._address = address
        self._destination = destination
        self._outbox = outbox
        self._transport = transport
        self._policy = policy
        self._clock = clock
        self._pending = asyncio.Event()
        self._facts = {
            "recipient": address.recipient,
            "place": address.place,
            "service": destination.scheme,
        }
        self._idle = asyncio.Event()
        self._idle.set()
        self._delays: Iterator[float] | None = None  #: set while the destination is failing

    def wake(self) -> None:
        """Look for pending notices."""
        self._pending.set()

    async def wait_idle(self) -> None:
        """Return when no delivery is in progress and its outcome is recorded."""
        await self._idle.wait()

    async def run(self) -> None:
        """Deliver notices as they become pending, until cancelled."""
        while True:
            await self._pending.wait()
            await self._clock.sleep(self._policy.batch_window_s)
            self._pending.clear()
            while waiting := await self._outbox.pending(
                self._address, limit=_MAX_BATCH, now_ms=self._clock.now_ms()
            ):
                await self._deliver(next_batch(waiting, capacity=self._destination.capacity))

    async def _deliver(self, batch: NoticeBatch) -> None:
        try:
            pause_s = await self._attempt(batch)
        finally:
            self._idle.set()
        await self._clock.sleep(pause_s)

    async def _attempt(self, batch: NoticeBatch) -> float:
        """Deliver once and record the outcome; return the pause before the next delivery."""
        cause = await self._transport.send(
            self._destination,
            batch,
            is_failing=self._delays is not None,
            deadline_s=self._policy.deadline_s,
            on_start=self._idle.clear,
        )
        if cause is None:
            crash_point("notice.taken")
            await self._outbox.mark_delivered(batch.notice_ids, now_ms=self._clock.now_ms())
            self._recovered()
            return self._policy.message_interval_s
        return await self._failed(batch, cause)

    def _recovered(self) -> None:
        if self._delays is not None:
            self._delays = None
            log.info("notice.delivery_recovered", **self._facts)

    async def _failed(self, batch: NoticeBatch, cause: str) -> float:
        """Log the first failure only; return the pause before the next attempt."""
        if self._delays is None:
            policy = self._policy
            self._delays = backoff_s(initial_s=policy.first_retry_s, max_s=policy.max_retry_s)
            log.warning("notice.delivery_delayed", cause=cause, **self._facts)
        abandoned = await self._outbox.record_failure(
            batch.notice_ids, max_attempts=self._policy.max_attempts, now_ms=self._clock.now_ms()
        )
        if abandoned:
            log.error("notice.abandoned", notices=abandoned, cause=cause, **self._facts)
        return next(self._delays)
