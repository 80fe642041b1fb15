"""What an account has, as last asked: equity, free margin, and coins of the spot market."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.market import MarketKind
from signalbot.domain.money import ZERO
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import EPOCH
from signalbot.domain.users import UserId
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority
from signalbot.ledger.account_states import AccountStates
from signalbot.ports import Clock, Holding, Market

AdaptersByKind = Mapping[MarketKind, ExchangeAdapter]


class Balances:
    """``known`` is the balance that a former process remembered; ``states`` keeps new ones."""

    def __init__(
        self,
        user_id: UserId,
        adapters: AdaptersByKind,
        market: Market,
        clock: Clock,
        *,
        saved: Balance | None,
        states: AccountStates | None,
    ) -> None:
        self._user_id = user_id
        self._dialects = adapters
        self._market = market
        self._clock = clock
        self._states = states
        self._coins: dict[str, Decimal] = {}
        self.balance = saved or Balance(equity=ZERO, free=ZERO, as_of_ms=EPOCH)

    async def refresh(
        self,
        api: ExchangeApi,
        symbols_by_kind: Mapping[MarketKind, Sequence[str]],
        *,
        priority: RequestPriority = RequestPriority.POLL,
    ) -> None:
        """Ask for equity and free margin in the quote coin of each kind's symbols."""
        now_ms = self._clock.now_ms()
        for kind, symbols in symbols_by_kind.items():
            quote = self._market.instrument(symbols[0]).quote
            adapter = self._dialects[kind]
            self.balance = await adapter.balance(api, quote, now_ms=now_ms, priority=priority)
        if symbols_by_kind and self._states is not None:
            self._states.save_balance(self._user_id, self.balance)

    async def refresh_coins(self, api: ExchangeApi, *, priority: RequestPriority) -> None:
        """Ask for every coin of the spot wallet, those that orders hold included."""
        self._coins = await self._dialects[MarketKind.SPOT].spot_balances(api, priority=priority)

    def claimed_holdings(self, claimed: Mapping[str, Decimal]) -> list[Holding]:
        """Coins the ledger claims, as far as the wallet has them; the owner's others stay out."""
        held = []
        for symbol, quantity in claimed.items():
            instrument = self._market.instrument(symbol)
            if instrument.kind is not MarketKind.SPOT:
                continue
            mine = min(quantity, self._coins.get(instrument.base, ZERO))
            if mine > instrument.lot:
                held.append(Holding(symbol=symbol, side=Side.LONG, quantity=mine, entry_price=ZERO))
        return held

    def closable_quantity(self, symbol: str, quantity: Decimal) -> Decimal:
        """How much of ``quantity`` the wallet has, as last asked."""
        return min(quantity, self._coins.get(self._market.instrument(symbol).base, ZERO))
