"""What HTX does with orders that no other exchange of these tests does."""

from decimal import Decimal
from itertools import count
from typing import Any

from tests.venue.candles import Candle
from tests.venue.model import Account, MarginMode, Order, Reason, Refused, Status, Ticket
from tests.venue.spot import SpotEngine

TWO_HOURS_MS = 2 * 3_600_000
EIGHT_HOURS_MS = 8 * 3_600_000
_ISOLATED = ":isolated"


class HtxEngine(SpotEngine):
    """Ids beyond 2^53, leverage by margin mode, reductions that are too large fail."""

    #: A reduce-only order for more than is held fails, also when its trigger is reached.
    oversized_reductions_fail = True

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._ids = count(1_512_501_029_504_577_536)

    def leverage(self, account: Account, symbol: str) -> int:
        isolated = self.margin_mode(account, symbol) is MarginMode.ISOLATED
        return self.leverage_in(account, symbol, isolated=isolated)

    def leverage_in(self, account: Account, symbol: str, *, isolated: bool) -> int:
        """The leverage of one margin mode: each has its own."""
        name = symbol + _ISOLATED if isolated else symbol
        return account.leverage.get(name, self.rules.default_leverage)

    def set_leverage_in(
        self, account: Account, symbol: str, leverage: int, *, isolated: bool
    ) -> None:
        """Change it in one margin mode; refused while orders of the contract are open."""
        if not 1 <= leverage <= self.market_of(symbol).max_leverage:
            raise Refused(Reason.LEVERAGE)
        if self.open_orders(account, symbol, conditional=False):
            raise Refused(Reason.ORDERS_OPEN)
        if not account.keeps_leverage:
            account.leverage[symbol + _ISOLATED if isolated else symbol] = leverage

    def place(self, account: Account, ask: Ticket) -> Order:
        """Take an order; a post-only order that would take is accepted, then canceled."""
        reduces = ask.reduce_only and ask.trigger is None and not self.is_spot(ask.symbol)
        too_large = ask.quantity > abs(account.held(ask.symbol))
        if reduces and too_large and self.oversized_reductions_fail:
            raise Refused(Reason.REDUCE_ONLY)
        if self.is_spot(ask.symbol):
            return super().place(account, ask)
        return self.place_or_cancel(account, ask)

    def push_candle(
        self, symbol: str, timeframe: str, open_ms: int, *args: Any, **more: Any
    ) -> Candle:
        """Keep a candle; days are built from those of four hours."""
        if timeframe == "1d":
            raise ValueError("HTX days open at 16:00 UTC and are built from 4h candles: push those")
        return super().push_candle(symbol, timeframe, open_ms, *args, **more)

    def _spawns(self, order: Order) -> bool:
        return not order.ask.extra.get("keeps_id", False)

    def _trigger(self, account: Account, order: Order) -> None:
        ask = order.ask
        if ask.reduce_only and not self.is_spot(ask.symbol) and self.oversized_reductions_fail:
            held = account.held(ask.symbol)
            if held and ask.quantity > abs(held):
                self._end(account, order, Status.EXPIRED)
                return
        super()._trigger(account, order)


def is_known_by_client_id(order: Order, now_ms: int, *, spot: bool) -> bool:
    """Whether an order may be named by the id that its client gave it.

    Spot: eight hours while it lives, two hours from its creation once it has ended. v5: eight
    hours while it lives, not at all once it has ended.
    """
    age_ms = now_ms - order.created_ms
    if order.is_open:
        return age_ms <= EIGHT_HOURS_MS
    return spot and age_ms <= TWO_HOURS_MS


def is_forgotten(order: Order, now_ms: int) -> bool:
    """Whether an order was canceled without a fill more than two hours ago."""
    ended = not order.is_open and not order.filled
    return ended and now_ms - order.updated_ms > TWO_HOURS_MS


def contracts(quantity: Decimal, size: Decimal) -> str:
    return format((quantity / size).normalize(), "f")
