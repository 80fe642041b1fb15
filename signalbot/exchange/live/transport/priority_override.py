"""An account's line whose regular questions go in a lane of their own."""

from typing import Any

from signalbot.domain.errors import SignalbotError
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority


class PriorityOverride:
    """Implements ``ExchangeApi``: requests of the polls get ``priority``, others keep theirs."""

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
