"""An account's last known equity, free margin, and coins of the spot market."""

from collections.abc import Mapping
from decimal import Decimal

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.market import MarketKind
from signalbot.domain.money import ZERO
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import EPOCH
from signalbot.exchange.live.account_markets import AccountMarkets, SymbolsByKind
from signalbot.exchange.live.accounts.account_memory import AccountMemory
from signalbot.exchange.live.transport.exchange_api import ExchangeApi, RequestPriority
from signalbot.ports import Clock, Holding


class Balances:
    """The balance outlives a restart; coins are read when they are needed."""

    def __init__(self, markets: AccountMarkets, *, memory: AccountMemory, clock: Clock) -> None:
        self._markets = markets
        self._memory = memory
        self._clock = clock
        self._coins: dict[str, Decimal] = {}
        self.balance = memory.saved.balance or Balance(equity=ZERO, free=ZERO, as_of_ms=EPOCH)

    async def refresh(
        self,
        api: ExchangeApi,
        symbols_by_kind: SymbolsByKind,
        *,
        priority: RequestPriority = RequestPriority.POLL,
    ) -> None:
        """Read equity and free margin in the quote coin of each kind's symbols."""
        now_ms = self._clock.now_ms()
        for kind, symbols in symbols_by_kind.items():
            quote = self._markets.market.instrument(symbols[0]).quote
            adapter = self._markets.adapters[kind]
            self.balance = await adapter.balance(api, quote, now_ms=now_ms, priority=priority)
        if symbols_by_kind:
            self._memory.save_balance(self.balance)

    async def refresh_coins(self, api: ExchangeApi, *, priority: RequestPriority) -> None:
        """Read every coin of the spot wallet, including what orders lock."""
        self._coins = await self._markets.adapters[MarketKind.SPOT].spot_balances(
            api, priority=priority
        )

    def claimed_holdings(self, claimed: Mapping[str, Decimal]) -> list[Holding]:
        """Coins that the ledger claims and the wallet has; the owner's other coins are left out."""
        held = []
        for symbol, quantity in claimed.items():
            instrument = self._markets.market.instrument(symbol)
            if instrument.kind is not MarketKind.SPOT:
                continue
            mine = min(quantity, self._coins.get(instrument.base, ZERO))
            if mine > instrument.lot:
                held.append(Holding(symbol=symbol, side=Side.LONG, quantity=mine, entry_price=ZERO))
        return held

    def closable_quantity(self, symbol: str, quantity: Decimal) -> Decimal:
        """The part of ``quantity`` that the wallet had when it was last read."""
        return min(quantity, self._coins.get(self._markets.market.instrument(symbol).base, ZERO))
