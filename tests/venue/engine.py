"""A derivatives and spot exchange in memory, strict as a real one: what it says is the truth.

It knows nothing of wires: dialects turn requests into ``Ticket`` and look at accounts, orders,
trades and candles to answer; they learn of changes through ``listen``. Quantities are base units.

A dialect needs: ``account_of``, ``place``, ``cancel``, ``amend``, ``find``, ``open_orders``,
``shown``, ``equity``, ``available``, ``free``, ``locked``, ``set_leverage``, ``set_margin_mode``,
``set_position_mode``, ``candles`` and ``listen``. A test needs: ``set_price``, ``push_candle``,
``plan_fills``, ``fill``, ``close_by_hand`` and the other hands in ``owner``, ``liquidate``,
``deleverage``, ``plan_funding``, ``pay_funding``, ``age``, ``pass_time``, ``switches`` and
``journal``.
"""

from decimal import Decimal
from typing import Any

from tests.venue.account_history import Past
from tests.venue.candles import LENGTHS_MS, Candle
from tests.venue.events import (
    AccountChanged,
    CandleMoved,
    Event,
    MarginCalled,
    OrderChanged,
    PriceMoved,
)
from tests.venue.funding import Funding
from tests.venue.model import Account, Market, Side
from tests.venue.order_journal import Later, Listener, on_loop
from tests.venue.owner import Owner


class Engine(Owner, Funding, Past):
    """One exchange: its markets, accounts, prices and everything that happens to them."""

    account_class: type[Account] = Account

    def add(self, key: str, **more: Any) -> Account:
        """Open an account; ``more`` are fields of ``Account``; the secret is ``KEY-secret``."""
        account = self.account_class(key=key, **{"secret": f"{key}-secret", **more})
        self.accounts[key] = account
        if self.remembers_s:
            self._copy(account)
        return account

    def account_of(self, key: str) -> Account | None:
        return self.accounts.get(key)

    def list_market(self, market: Market, price: Decimal) -> None:
        """Trade another market from now on."""
        self.markets[market.id] = market
        self._waiting[market.id] = {}
        self.set_price(market.id, price)

    def pass_time(self, ms: int) -> None:
        """The exchange's clock goes on by ``ms``: what is due until then happens."""
        self.clock_offset_ms += ms
        self.pay_due()
        self.expire_due()

    # --- the market, by the hand of a test --------------------------------------------------

    def set_price(self, symbol: str, price: Decimal, *, mark: Decimal | None = None) -> None:
        """The price is here now: what it reaches triggers or trades."""
        self.market_of(symbol)
        self.prices[symbol], self.marks[symbol] = price, price if mark is None else mark
        self._tell(PriceMoved(symbol=symbol, price=price, mark=self.marks[symbol]))
        for order in list(self._waiting[symbol].values()):
            if order.is_open:
                self._reach(self.accounts[order.key], order)
        self.pay_due()
        self.expire_due()
        if self.switches.liquidates:
            self.check_margins(symbol)
        for timeframe in self.timeframes:
            for candle in self.candles.moved(symbol, timeframe, price, at_ms=self.now_ms()):
                self._tell(CandleMoved(candle=candle))

    def push_candle(
        self, symbol: str, timeframe: str, open_ms: int, o: Decimal, h: Decimal, l: Decimal,  # noqa: E741
        c: Decimal, v: Decimal = Decimal(10), *, closed: bool = True, keep: bool = True,
        tell: bool = True,
    ) -> Candle:  # fmt: skip
        """A candle as it is now: kept for REST, told to whoever listens; prices stay as they are.

        Without ``keep`` the websocket says what REST does not, without ``tell`` the reverse.
        """
        if open_ms % LENGTHS_MS[timeframe]:
            raise ValueError(f"{open_ms} is not where a candle of {timeframe} opens")
        candle = Candle(
            symbol=symbol, timeframe=timeframe, open_ms=open_ms, open=o, high=h, low=l, close=c,
            volume=v, closed=closed,
        )  # fmt: skip
        if keep:
            self.candles.keep(candle)
        if tell:
            self._tell(CandleMoved(candle=candle))
        return candle


__all__ = [
    "AccountChanged", "CandleMoved", "Engine", "Event", "Later", "Listener", "MarginCalled",
    "OrderChanged",
    "PriceMoved", "Side", "on_loop",
]  # fmt: skip
