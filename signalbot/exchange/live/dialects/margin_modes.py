"""Exchanges that want the margin mode said with every order: it is read once and kept."""

from typing import Any

from signalbot.domain.errors import Unavailable
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.dialects.base import Api, Create, Dialect, Margin
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.parse import Raw

_KEY = "signalbot.marginModes"


class SaysMarginMode(Dialect):
    """Every order goes out in the mode the account has for its symbol.

    A wrong one would be refused, or would open the position in a mode its owner did not choose.
    What was read stays with the account's own client, because a dialect keeps nothing.
    """

    async def send(self, api: Api, create: Create, lane: Lane) -> Raw:
        mode = api.client.options.get(_KEY, {}).get(create.symbol)
        if mode is None:
            mode = (await self.margin(api, create.symbol)).mode
        if mode is None:
            raise Unavailable(f"never sent: the margin mode of {create.symbol} is not known")
        create.params.update(self.mode_params(mode))
        return await super().send(api, create, lane)

    def mode_params(self, mode: MarginMode) -> dict[str, Any]:
        return {"marginMode": mode.value}

    async def margin(self, api: Api, symbol: str) -> Margin:
        margin = await self.read_margin(api, symbol)
        if margin.mode is not None:
            api.client.options.setdefault(_KEY, {})[symbol] = margin.mode
        return margin

    async def read_margin(self, api: Api, symbol: str) -> Margin:
        """Leverage and margin mode as the exchange has them now."""
        raise NotImplementedError
