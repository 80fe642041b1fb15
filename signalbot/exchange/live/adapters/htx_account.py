"""HTX's account requests: position mode, leverage and margin mode."""

from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters.account_requests import AccountRequests
from signalbot.exchange.live.adapters.htx_lists import fetch_rows
from signalbot.exchange.live.adapters.types import SymbolMargin
from signalbot.exchange.live.parsing import parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority


class HtxAccountRequests(AccountRequests):
    """Leverage is set for each margin mode, which every order names."""

    async def is_one_way(self, api: ExchangeApi, symbol: str) -> bool | None:
        response = await api.read("contractPrivateGetV5PositionMode", priority=RequestPriority.POLL)
        mode = (response.get("data") or {}).get("position_mode")
        return None if mode is None else bool(mode == "single_side")

    async def symbol_margin(
        self, api: ExchangeApi, symbol: str, *, wanted: MarginMode | None = None
    ) -> SymbolMargin:
        """Leverage is set for each mode. A position keeps the mode in which it was opened.

        Otherwise the orders that close it would be rejected.
        """
        market_id = api.client.market(symbol)["id"]
        held = await fetch_rows(
            api, "contractPrivateGetV5TradePositionOpens", {"contract_code": market_id},
            priority=RequestPriority.POLL,
        )  # fmt: skip
        modes = [row.get("margin_mode") for row in held if row.get("contract_code") == market_id]
        mode = MarginMode(modes[0]) if modes and modes[0] in tuple(MarginMode) else wanted
        if mode is None:
            return SymbolMargin(leverage=None, mode=None)
        levers = await fetch_rows(
            api, "contractPrivateGetV5PositionLever",
            {"contract_code": market_id, "margin_mode": mode.value}, priority=RequestPriority.POLL,
        )  # fmt: skip
        row = next((each for each in levers if each.get("contract_code") == market_id), {})
        lever = parse_decimal(row.get("lever_rate"))
        return SymbolMargin(leverage=None if lever is None else int(lever), mode=mode)

    async def set_leverage(
        self, api: ExchangeApi, symbol: str, leverage: int, mode: MarginMode
    ) -> None:
        params = {"margin_mode": mode.value}
        await api.execute("set_leverage", leverage, symbol, params, priority=RequestPriority.POLL)

    async def set_margin_mode(
        self, api: ExchangeApi, symbol: str, leverage: int, mode: MarginMode
    ) -> None:
        """Nothing to set: every order names its mode."""
