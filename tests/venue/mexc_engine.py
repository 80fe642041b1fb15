"""What MEXC does with orders that no other exchange of these tests does."""

from decimal import Decimal
from itertools import count
from typing import Any

from tests.venue.model import Account, Order, PositionSide, Side, Status
from tests.venue.spot import SpotEngine

HOUR_MS = 3_600_000
#: How long a plan order lives, by ``executeCycle``.
LIVES_MS = {1: 24 * HOUR_MS, 2: 7 * 24 * HOUR_MS}


class MexcEngine(SpotEngine):
    """Plan orders that expire, stop orders that end with the position."""

    spot_taker_fee = Decimal("0.0005")
    spot_maker_fee = Decimal(0)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._ids = count(739_113_577_038_255_616)

    def set_price(self, symbol: str, price: Decimal, *, mark: Decimal | None = None) -> None:
        """Move the price; what has expired is not reached any more."""
        self.expire()
        super().set_price(symbol, price, mark=mark)

    def expire(self) -> None:
        """End every order whose time is over."""
        now_ms = self.now_ms()
        for account in self.accounts.values():
            for order in list(account.open.values()):
                if order.ask.extra.get("expires_ms", now_ms) < now_ms:
                    self._end(account, order, Status.EXPIRED)

    def position_id(self, account: Account, symbol: str) -> int:
        """The number of a position, other for long and short."""
        short = account.held(symbol) < 0
        return 1_394_650 + 2 * list(self.markets).index(symbol) + int(short)

    def symbol_of(self, account: Account, position_id: int) -> str:
        """The market of an open position by its number; empty for any other."""
        held = (each for each in self.markets if account.held(each) and not self.is_spot(each))
        return next((each for each in held if self.position_id(account, each) == position_id), "")

    def _end_with_position(self, account: Account, symbol: str, side: PositionSide) -> None:
        super()._end_with_position(account, symbol, side)
        for order in list(account.open.values()):
            if order.ask.symbol == symbol and is_stop_order(order) and order.is_waiting:
                self._end(account, order, Status.CANCELED)


def is_stop_order(order: Order) -> bool:
    """Whether an order rests with its position (``stoporder``), not by itself (``planorder``)."""
    return bool(order.ask.extra.get("stop_order"))


def is_plan_order(order: Order) -> bool:
    return order.is_conditional and not is_stop_order(order)


def side_number(order: Order) -> int:
    """1 open long, 2 close short, 3 open short, 4 close long."""
    named = order.ask.extra.get("side")
    if isinstance(named, int):
        return named
    if order.ask.side is Side.BUY:
        return 2 if order.ask.reduce_only else 1
    return 4 if order.ask.reduce_only else 3
