"""Requests about an account: holdings, balance, permissions, position mode, margin."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.money import ZERO
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import MarginMode
from signalbot.exchange.live.adapters.request_costs import RequestCosts
from signalbot.exchange.live.adapters.types import KeyPermissions, SymbolMargin, parse_margin
from signalbot.exchange.live.capabilities import Capabilities
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority


class AccountRequests(RequestCosts):
    """The account's part of an adapter."""

    capabilities: ClassVar[Capabilities]

    async def holdings(
        self, api: ExchangeApi, symbols: Collection[str], *, priority: RequestPriority
    ) -> Sequence[CcxtDict]:
        """ccxt's position structures of at least ``symbols``."""
        raws: Sequence[CcxtDict] = await api.read(
            "fetch_positions", list(symbols), priority=priority, cost=self.holdings_cost
        )
        return raws

    async def balance(
        self, api: ExchangeApi, currency: str, *, now_ms: Ms, priority: RequestPriority
    ) -> Balance:
        """Equity and free margin in ``currency``, the quote of the traded symbols."""
        raw = await api.read(
            "fetch_balance", self.balance_params(), priority=priority, cost=self.balance_cost
        )
        mine = raw.get(currency) or {}
        total = parse_decimal(mine.get("total")) or ZERO
        free = parse_decimal(mine.get("free"))
        return Balance(equity=total, free=total if free is None else free, as_of_ms=now_ms)

    async def spot_balances(
        self, api: ExchangeApi, *, priority: RequestPriority
    ) -> dict[str, Decimal]:
        """Everything in the wallet by currency, including what orders lock."""
        raw = await api.read(
            "fetch_balance", self.balance_params(), priority=priority, cost=self.balance_cost
        )
        totals = raw.get("total") or {}
        return {name: parse_decimal(total) or ZERO for name, total in totals.items()}

    def balance_params(self) -> dict[str, Any]:
        return {"type": self.capabilities.kind.value}

    async def key_permissions(self, api: ExchangeApi) -> KeyPermissions:
        """Permissions of the key; None where the exchange does not report them now."""
        return KeyPermissions()

    async def is_one_way(self, api: ExchangeApi, symbol: str) -> bool | None:
        """Whether positions net into one per symbol; None where there is no other mode."""
        raw = await api.read(
            "fetch_position_mode",
            symbol,
            priority=RequestPriority.POLL,
            cost=self.position_mode_cost,
        )
        hedged = raw.get("hedged")
        return None if hedged is None else not hedged

    async def symbol_margin(
        self, api: ExchangeApi, symbol: str, *, wanted: MarginMode | None = None
    ) -> SymbolMargin:
        """Leverage and margin mode that the exchange has for a symbol now.

        Where an account has no margin mode: that of its position, else ``wanted``.
        """
        raw = await api.read("fetch_leverage", symbol, priority=RequestPriority.POLL)
        return parse_margin(raw)

    async def symbol_margins(
        self, api: ExchangeApi, symbols: Collection[str], *, wanted: MarginMode | None = None
    ) -> Mapping[str, SymbolMargin]:
        """The same of several symbols, in one request where the exchange has one for all."""
        return {symbol: await self.symbol_margin(api, symbol, wanted=wanted) for symbol in symbols}

    async def set_leverage(
        self, api: ExchangeApi, symbol: str, leverage: int, mode: MarginMode
    ) -> None:
        await api.execute("set_leverage", leverage, symbol, priority=RequestPriority.POLL)

    async def set_margin_mode(
        self, api: ExchangeApi, symbol: str, leverage: int, mode: MarginMode
    ) -> None:
        """Called only when ``symbol_margin`` returns another mode."""
        await api.execute("set_margin_mode", mode.value, symbol, priority=RequestPriority.POLL)
