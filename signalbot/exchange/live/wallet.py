"""What an account has, as last asked: equity, free margin, and coins of the spot market."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from signalbot.domain.book import Balance
from signalbot.domain.market import MarketKind
from signalbot.domain.money import ZERO
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import EPOCH
from signalbot.domain.users import UserId
from signalbot.exchange.live.dialects.base import Api, Dialect
from signalbot.exchange.live.lanes import Lane
from signalbot.ledger.account_states import AccountStates
from signalbot.ports import Clock, Holding, Market

Dialects = Mapping[MarketKind, Dialect]


class Wallet:
    """``known`` is the balance that a former process remembered; ``states`` keeps new ones."""

    def __init__(
        self,
        user_id: UserId,
        dialects: Dialects,
        market: Market,
        clock: Clock,
        *,
        known: Balance | None,
        states: AccountStates | None,
    ) -> None:
        self._user_id = user_id
        self._dialects = dialects
        self._market = market
        self._clock = clock
        self._states = states
        self._coins: dict[str, Decimal] = {}
        self.balance = known or Balance(equity=ZERO, free=ZERO, as_of_ms=EPOCH)

    async def refresh(
        self,
        api: Api,
        symbols_by_kind: Mapping[MarketKind, Sequence[str]],
        *,
        lane: Lane = Lane.POLL,
    ) -> None:
        """Ask for equity and free margin in the quote coin of each kind's symbols."""
        now_ms = self._clock.now_ms()
        for kind, symbols in symbols_by_kind.items():
            quote = self._market.instrument(symbols[0]).quote
            dialect = self._dialects[kind]
            self.balance = await dialect.balance(api, quote, now_ms=now_ms, lane=lane)
        if symbols_by_kind and self._states is not None:
            self._states.save_balance(self._user_id, self.balance)

    async def refresh_coins(self, api: Api, *, lane: Lane) -> None:
        """Ask for every coin of the spot wallet, those that orders hold included."""
        self._coins = await self._dialects[MarketKind.SPOT].coins(api, lane=lane)

    def held(self, claimed: Mapping[str, Decimal]) -> list[Holding]:
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

    def sellable(self, symbol: str, quantity: Decimal) -> Decimal:
        """How much of ``quantity`` the wallet has, as last asked."""
        return min(quantity, self._coins.get(self._market.instrument(symbol).base, ZERO))
