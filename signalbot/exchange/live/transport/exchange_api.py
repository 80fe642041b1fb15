"""The requests that an adapter may make, as one protocol."""

from typing import Any, Protocol

from signalbot.domain.errors import SignalbotError
from signalbot.exchange.live.transport.priority import RequestPriority


class ExchangeApi(Protocol):
    """One account's line to its exchange: ``Caller``, as far as a dialect knows it.

    Both raise our errors only. ``order`` may change something there, ``read`` cannot.
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
        """What a refusal inside an answer of success means for the requests to come."""
        ...
