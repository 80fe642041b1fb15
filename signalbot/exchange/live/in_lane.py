"""An account's line whose regular questions go in a lane of their own."""

from typing import Any

from signalbot.domain.errors import SignalbotError
from signalbot.exchange.live.dialects.base import Api
from signalbot.exchange.live.lanes import Lane


class InLane:
    """Implements ``Api``: what would go with the polls goes in ``lane``, all else where it does."""

    def __init__(self, api: Api, lane: Lane) -> None:
        self._api = api
        self._lane = lane

    @property
    def client(self) -> Any:
        return self._api.client

    async def order(self, method: str, *args: Any, lane: Lane, cost: int = 1) -> Any:
        return await self._api.order(method, *args, lane=self._of(lane), cost=cost)

    async def read(self, method: str, *args: Any, lane: Lane, cost: int = 1) -> Any:
        return await self._api.read(method, *args, lane=self._of(lane), cost=cost)

    def note(self, error: SignalbotError, *, lane: Lane) -> SignalbotError:
        return self._api.note(error, lane=self._of(lane))

    def _of(self, lane: Lane) -> Lane:
        return self._lane if lane is Lane.POLL else lane
