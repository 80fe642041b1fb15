"""The notification service: one notice writer, and a delivery worker for every destination."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import structlog

from signalbot.domain.errors import ConfigError
from signalbot.domain.notices import NotificationSettings
from signalbot.ledger.database import Database
from signalbot.ledger.outbox import NoticeAddress, Outbox
from signalbot.notifications.delivery import DeliveryPolicy, DeliveryWorker, Transport
from signalbot.notifications.destinations import (
    Destination,
    SecretResolver,
    UnknownDestination,
    url_secrets,
)
from signalbot.notifications.writer import NoticeWriter
from signalbot.ports import Clock

log = structlog.get_logger()

_DRAIN_TIMEOUT_S = 5.0

RedactSecret = Callable[[str], None]
"""Masks a text in every log line from now on."""


class NotificationService:
    """Writes and delivers notices; a slow or failing destination delays only itself."""

    def __init__(
        self,
        settings: NotificationSettings,
        *,
        database: Database,
        resolve_secret: SecretResolver,
        redact_secret: RedactSecret,
        clock: Clock,
        speed: float = 1.0,
        policy: DeliveryPolicy | None = None,
    ) -> None:
        self._settings = settings
        self._outbox = Outbox(database)
        self._resolve_secret = resolve_secret
        self._redact_secret = redact_secret
        self._clock = clock
        self._policy = policy or DeliveryPolicy()
        self._transport = Transport(speed=speed)
        self._speed = speed
        self._writer = NoticeWriter(
            settings,
            database=database,
            wake_delivery=self._wake,
            clock=clock,
            batch_window_s=min(0.25, self._policy.batch_window_s),
        )
        self._urls: dict[NoticeAddress, str] = {}
        self._workers: dict[NoticeAddress, DeliveryWorker] = {}
        self._to_open: asyncio.Queue[NoticeAddress] = asyncio.Queue()
        self._tasks: dict[NoticeAddress, asyncio.Task[None]] = {}
        self._writer_tasks: list[asyncio.Task[None]] = []
        self._group: asyncio.TaskGroup | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Write and deliver for the duration of the block; what is pending waits for the next."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            opening = group.create_task(self._open_destinations(group), name="destinations")
            await self.apply(self._settings)
            try:
                yield
            finally:
                self._group = None
                for task in (opening, *self._writer_tasks):
                    task.cancel()
                await self._drain()
                for task in self._tasks.values():
                    task.cancel()

    async def apply(self, settings: NotificationSettings) -> None:
        """Use the recipients and destinations of ``settings`` from now on."""
        if self._group is None:
            return
        self._settings = settings
        self._writer.apply(settings)
        wanted = _urls_of(settings)
        removed = [address for address, url in self._urls.items() if wanted.get(address) != url]
        for address in removed:
            del self._urls[address]
        await self._stop_workers(removed)
        for address in wanted.keys() - self._urls.keys():
            self._to_open.put_nowait(address)
        self._urls = wanted
        waiting = await self._outbox.pending_addresses()
        await self._outbox.abandon(waiting - wanted.keys(), now_ms=self._clock.now_ms())
        await self._update_writer(self._group)
        self._wake(waiting)

    # --- steps ----------------------------------------------------------------------------

    async def _update_writer(self, group: asyncio.TaskGroup) -> None:
        """Run the writer while there is a destination; without one, forget the cursor."""
        if self._urls and not self._writer_tasks:
            await self._writer.begin()
            self._writer_tasks = [
                group.create_task(self._writer.write_events(), name="notices"),
                group.create_task(self._writer.write_summaries(), name="summaries"),
            ]
        elif not self._urls:
            for task in self._writer_tasks:
                task.cancel()
            self._writer_tasks = []
            await self._outbox.delete_cursor()

    async def _drain(self) -> None:
        """Start no further delivery, and wait briefly for those in progress."""
        self._transport.close()
        await self._wait_idle(self._workers.values())

    async def _wait_idle(self, workers: Iterable[DeliveryWorker]) -> None:
        """Wait for deliveries in progress: an interrupted one would be repeated."""
        try:
            async with asyncio.timeout(_DRAIN_TIMEOUT_S * self._speed):
                for worker in workers:
                    await worker.wait_idle()
        except TimeoutError:
            log.warning("notice.delivery_interrupted", limit_s=_DRAIN_TIMEOUT_S)

    async def _open_destinations(self, group: asyncio.TaskGroup) -> None:
        """Open destinations one at a time: there may be a thousand, while trading starts."""
        while True:
            address = await self._to_open.get()
            url = self._urls.get(address)
            if url is None or address in self._workers:
                continue
            try:
                destination = await self._open_destination(url)
            except (ConfigError, UnknownDestination) as e:
                log.error(
                    "notice.destination_invalid",
                    recipient=address.recipient,
                    place=address.place,
                    cause=str(e),
                )
                continue
            if self._urls.get(address) == url:
                self._start_worker(group, address, destination)

    def _start_worker(
        self, group: asyncio.TaskGroup, address: NoticeAddress, destination: Destination
    ) -> None:
        worker = self._workers[address] = DeliveryWorker(
            address,
            destination,
            outbox=self._outbox,
            transport=self._transport,
            policy=self._policy,
            clock=self._clock,
        )
        name = f"notices to {address.recipient} {address.place}"
        self._tasks[address] = group.create_task(worker.run(), name=name)
        worker.wake()

    async def _open_destination(self, url: str) -> Destination:
        return await asyncio.to_thread(
            open_destination, await self._resolve_secret(url), self._redact_secret
        )

    async def _stop_workers(self, addresses: Iterable[NoticeAddress]) -> None:
        """Stop workers after their deliveries in progress."""
        stopping = [
            (worker, self._tasks.pop(address))
            for address in addresses
            if (worker := self._workers.pop(address, None))
        ]
        await self._wait_idle(worker for worker, _ in stopping)
        for _, task in stopping:
            task.cancel()

    def _wake(self, addresses: Iterable[NoticeAddress]) -> None:
        for address in addresses:
            if worker := self._workers.get(address):
                worker.wake()


def open_destination(url: str, redact_secret: RedactSecret) -> Destination:
    """Open the destination of a URL, and mask the URL's secrets in the log.

    Raises:
        UnknownDestination: apprise does not support the URL.
    """
    for secret in url_secrets(url):
        redact_secret(secret)
    try:
        return Destination(url)
    except UnknownDestination:
        raise
    except Exception as e:  # noqa: BLE001 - an apprise plugin may raise anything
        raise UnknownDestination(f"apprise failed with this URL: {type(e).__name__}") from None


def _urls_of(settings: NotificationSettings) -> dict[NoticeAddress, str]:
    return {
        NoticeAddress(recipient=each.name, place=place): url
        for each in settings.recipients
        for place, url in enumerate(each.urls)
    }
