"""What an account has, as last asked: equity, free margin, and coins of the spot market."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from signalbot.domain.book import Balance
from signalbot.domain.market import MarketKind
from signalbot.domain.money import ZERO
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import EPOCH
from signalbot.exchange.live.dialects.base import Api, Dialect
from signalbot.exchange.live.lanes import Lane
from signalbot.ports import Clock, Holding, Market

Dialects = Mapping[MarketKind, Dialect]


class Wallet:
    def __init__(self, dialects: Dialects, market: Market, clock: Clock) -> None:
        self._dialects = dialects
        self._market = market
        self._clock = clock
        self._coins: dict[str, Decimal] = {}
        self.balance = Balance(equity=ZERO, free=ZERO, as_of_ms=EPOCH)

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
            if kind is MarketKind.SPOT:
                self._coins = await dialect.coins(api, lane=lane)

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
