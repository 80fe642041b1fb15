"""The post: a clerk who writes notices, and a courier for every destination."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

import structlog

from signalbot.domain.errors import ConfigError
from signalbot.domain.notices import NotifyTerms
from signalbot.ledger.database import Database
from signalbot.ledger.outbox import Address, Outbox
from signalbot.notify.clerk import Clerk
from signalbot.notify.courier import Courier, Pace, Wire
from signalbot.notify.destination import Destination, UnknownDestination, secrets_of
from signalbot.ports import Clock

log = structlog.get_logger()

_LAST_WORDS_S = 5.0

Resolve = Callable[[str], Awaitable[str]]
"""The text behind ``secret:NAME``, or the text itself; ``ConfigError`` when there is none."""

Hide = Callable[[str], None]
"""Makes a text unreadable in every log line from now on."""


class Post:
    def __init__(
        self,
        terms: NotifyTerms,
        *,
        database: Database,
        resolve: Resolve,
        hide: Hide,
        clock: Clock,
        speed: float = 1.0,
        pace: Pace | None = None,
    ) -> None:
        self._terms = terms
        self._outbox = Outbox(database)
        self._resolve = resolve
        self._hide = hide
        self._clock = clock
        self._pace = pace or Pace()
        self._wire = Wire(speed=speed)
        self._speed = speed
        self._clerk = Clerk(
            terms,
            database=database,
            ring=self._ring,
            clock=clock,
            gather_s=min(0.25, self._pace.gather_s),
        )
        self._urls: dict[Address, str] = {}
        self._couriers: dict[Address, Courier] = {}
        self._unopened: asyncio.Queue[Address] = asyncio.Queue()
        self._tasks: dict[Address, asyncio.Task[None]] = {}
        self._writing: list[asyncio.Task[None]] = []
        self._group: asyncio.TaskGroup | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Write and deliver for the duration of the block; what is left waits for the next."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            opening = group.create_task(self._engage(group), name="destinations")
            await self.take_on(self._terms)
            try:
                yield
            finally:
                self._group = None
                for task in (opening, *self._writing):
                    task.cancel()
                await self._finish()
                for task in self._tasks.values():
                    task.cancel()

    async def take_on(self, terms: NotifyTerms) -> None:
        """Tell other people, or at other places, from now on."""
        if self._group is None:
            return
        self._terms = terms
        self._clerk.take_on(terms)
        wanted = _urls_of(terms)
        gone = [address for address, url in self._urls.items() if wanted.get(address) != url]
        for address in gone:
            del self._urls[address]
        await self._dismiss(gone)
        for address in wanted.keys() - self._urls.keys():
            self._unopened.put_nowait(address)
        self._urls = wanted
        waiting = await self._outbox.addresses()
        await self._outbox.park(waiting - wanted.keys(), now_ms=self._clock.now_ms())
        await self._write(self._group)
        self._ring(waiting)

    # --- steps ----------------------------------------------------------------------------

    async def _write(self, group: asyncio.TaskGroup) -> None:
        """Have notices written while there is anybody to tell; else nothing is remembered."""
        if self._urls and not self._writing:
            await self._clerk.begin()
            self._writing = [
                group.create_task(self._clerk.follow(), name="notices"),
                group.create_task(self._clerk.sum_up_daily(), name="summaries"),
            ]
        elif not self._urls:
            for task in self._writing:
                task.cancel()
            self._writing = []
            await self._outbox.forget_cursor()

    async def _finish(self) -> None:
        """Begin nothing more, and wait a moment for what is on its way."""
        self._wire.close()
        await self._at_rest(self._couriers.values())

    async def _at_rest(self, couriers: Iterable[Courier]) -> None:
        """Wait for deliveries under way: cut off, they would be made again."""
        try:
            async with asyncio.timeout(_LAST_WORDS_S * self._speed):
                for courier in couriers:
                    await courier.at_rest()
        except TimeoutError:
            log.warning("notice.cut_off", limit_s=_LAST_WORDS_S)

    async def _engage(self, group: asyncio.TaskGroup) -> None:
        """Open destinations one after the other: there may be a thousand, and trading begins."""
        while True:
            address = await self._unopened.get()
            url = self._urls.get(address)
            if url is None or address in self._couriers:
                continue
            try:
                destination = await self._open(url)
            except (ConfigError, UnknownDestination) as e:
                log.error(
                    "notice.undeliverable",
                    recipient=address.recipient,
                    place=address.place,
                    cause=str(e),
                )
                continue
            if self._urls.get(address) == url:
                self._begin(group, address, destination)

    def _begin(self, group: asyncio.TaskGroup, address: Address, destination: Destination) -> None:
        courier = self._couriers[address] = Courier(
            address,
            destination,
            outbox=self._outbox,
            wire=self._wire,
            pace=self._pace,
            clock=self._clock,
        )
        name = f"notices to {address.recipient} {address.place}"
        self._tasks[address] = group.create_task(courier.run(), name=name)
        courier.ring()

    async def _open(self, url: str) -> Destination:
        return await asyncio.to_thread(opened, await self._resolve(url), self._hide)

    async def _dismiss(self, addresses: Iterable[Address]) -> None:
        """End couriers; what one is just delivering is not left to the next."""
        leaving = [
            (courier, self._tasks.pop(address))
            for address in addresses
            if (courier := self._couriers.pop(address, None))
        ]
        await self._at_rest(courier for courier, _ in leaving)
        for _, task in leaving:
            task.cancel()

    def _ring(self, addresses: Iterable[Address]) -> None:
        for address in addresses:
            if courier := self._couriers.get(address):
                courier.ring()


def opened(url: str, hide: Hide) -> Destination:
    """The destination behind a URL, whose secrets are hidden from then on.

    Raises:
        UnknownDestination: apprise cannot send there.
    """
    for secret in secrets_of(url):
        hide(secret)
    try:
        return Destination(url)
    except UnknownDestination:
        raise
    except Exception as e:  # noqa: BLE001 - a plugin of apprise, which may fail in any way
        raise UnknownDestination(f"apprise failed at this URL: {type(e).__name__}") from None


def _urls_of(terms: NotifyTerms) -> dict[Address, str]:
    return {
        Address(recipient=each.name, place=place): url
        for each in terms.recipients
        for place, url in enumerate(each.urls)
    }
