"""Every address from which requests to one exchange are sent; they share its markets."""

from collections.abc import AsyncIterator, Callable, Sequence

from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.account_markets import AdaptersByKind
from signalbot.exchange.live.address_connection import AddressConnection
from signalbot.exchange.live.exchange_settings import LiveExchangeSettings
from signalbot.exchange.live.transport.connection import DIRECT, Egress
from signalbot.exchange.live.transport.request_executor import RequestExecutor
from signalbot.ports import Clock, Outage, RateAllowance


class Addresses:
    """``on_clock_skew`` is called when the exchange rejects our time."""

    def __init__(
        self,
        settings: LiveExchangeSettings,
        adapters: AdaptersByKind,
        clock: Clock,
        *,
        on_clock_skew: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._adapters = adapters
        self._clock = clock
        self._on_clock_skew = on_clock_skew
        self._by_egress: dict[Egress, AddressConnection] = {}

    @property
    def direct(self) -> AddressConnection:
        """The address without a proxy, which public requests use."""
        return self._by_egress[DIRECT]

    def of(self, egress: Egress) -> AddressConnection:
        return self._by_egress[egress]

    async def open(self, egress: Egress) -> AddressConnection:
        """The connection of an address, built without a request.

        Raises:
            ConfigError: the settings cannot be used.
        """
        address = self._by_egress.get(egress)
        if address is None:
            address = AddressConnection(self._settings, self._adapters, egress, self._clock)
            await address.connection.open()
            self._by_egress[egress] = address
        return address

    async def measure_clocks(self) -> AsyncIterator[int]:
        """How far our clock is ahead of the exchange's from each address, in ms.

        Raises:
            Unavailable: the exchange does not return its time.
        """
        for address in list(self._by_egress.values()):
            yield await address.measure_clock()

    async def load_markets(self) -> None:
        """Load the exchange's markets once, for every address.

        Raises:
            Unavailable: they cannot be loaded.
        """
        await self.direct.load_markets()
        for address in self._by_egress.values():
            address.connection.adopt_markets(self.direct.connection)

    def executor(
        self, address: AddressConnection, client: object, *, name: str = ""
    ) -> RequestExecutor:
        """An executor for one client of an address; ``name`` is the account's user."""
        return address.executor(client, on_clock=self._on_clock_skew, name=name)

    def now_ms(self) -> Ms:
        """The exchange's time."""
        return Ms(self._clock.now_ms() - self.direct.connection.clock_offset_ms)

    def rate_allowances(self) -> Sequence[RateAllowance]:
        return [
            RateAllowance(
                egress=egress.name,
                left=each.rate_limiter.free_share(),
                queued=each.rate_limiter.queued,
            )
            for egress, each in self._by_egress.items()
        ]

    def outages(self) -> Sequence[Outage]:
        connectivities = (
            (egress.name, each.rate_limiter.connectivity)
            for egress, each in self._by_egress.items()
        )
        return [
            Outage(egress=egress, since_ms=connectivity.outage_since_ms, cause=connectivity.cause)
            for egress, connectivity in connectivities
            if connectivity.outage_since_ms is not None
        ]

    async def close(self) -> None:
        for address in self._by_egress.values():
            await address.connection.close()
