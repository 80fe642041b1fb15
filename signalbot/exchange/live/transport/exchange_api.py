"""The requests that an adapter may make, and their priority when rate limits are near."""

from enum import IntEnum
from typing import Any, Protocol

from signalbot.domain.errors import SignalbotError


class RequestPriority(IntEnum):
    """Lower values go first. Each may use only its share of a limit: the rest stays free."""

    PROTECT = 0  #: stops, closing, cancellations, and their look-ups
    ENTRY = 1
    SETTLE = 2  #: look-ups of entries, fills
    POLL = 3  #: refreshing, candles, history
    RECOVER = 4  #: accounts not reconciled since the start

    @property
    def share(self) -> float:
        """The part of a limit that requests of this priority may fill."""
        return (1.0, 0.9, 0.75, 0.6, 0.5)[self]


class ExchangeApi(Protocol):
    """One account's requests to its exchange; implemented by ``RequestExecutor``.

    Both raise our errors only. ``execute`` may change something at the exchange, ``read`` cannot.
    """

    @property
    def client(self) -> Any: ...

    async def execute(
        self, method: str, *args: Any, priority: RequestPriority, cost: int = 1
    ) -> Any: ...

    async def read(
        self, method: str, *args: Any, priority: RequestPriority, cost: int = 1
    ) -> Any: ...

    def apply_error(self, error: SignalbotError, *, priority: RequestPriority) -> SignalbotError:
        """Apply an error inside a response of success to later requests; return it."""
        ...


class PriorityOverride:
    """Implements ``ExchangeApi``: requests with priority POLL get ``priority`` instead."""

    def __init__(self, api: ExchangeApi, priority: RequestPriority) -> None:
        self._api = api
        self._priority = priority

    @property
    def client(self) -> Any:
        return self._api.client

    async def execute(
        self, method: str, *args: Any, priority: RequestPriority, cost: int = 1
    ) -> Any:
        return await self._api.execute(method, *args, priority=self._effective(priority), cost=cost)

    async def read(self, method: str, *args: Any, priority: RequestPriority, cost: int = 1) -> Any:
        return await self._api.read(method, *args, priority=self._effective(priority), cost=cost)

    def apply_error(self, error: SignalbotError, *, priority: RequestPriority) -> SignalbotError:
        return self._api.apply_error(error, priority=self._effective(priority))

    def _effective(self, priority: RequestPriority) -> RequestPriority:
        return self._priority if priority is RequestPriority.POLL else priority
