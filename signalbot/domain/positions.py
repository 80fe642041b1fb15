"""Positions: how fills open, reduce and close them, and their PnL."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from signalbot.domain.codes import Code
from signalbot.domain.errors import IllegalTransition
from signalbot.domain.money import ZERO, average, round_to
from signalbot.domain.orders import Fill, OrderSide
from signalbot.domain.signals import PositionId, Side, SignalId
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import Mode, UserId

CoinPrices = Mapping[str, Decimal]
"""Prices, in a market's quote currency, of other coins that fees were paid in."""

_NO_PRICES: Final[CoinPrices] = MappingProxyType({})


class PositionStatus(StrEnum):
    """CLOSING: an exit order is intended; no other change of the position is allowed."""

    OPEN = "OPEN"
    CLOSING = "CLOSING"
    CLOSED = "CLOSED"


class CloseReason(Code):
    """Why a position was closed."""

    STOP_LOSS = (
        "STOP_LOSS",
        "the stop loss was hit, or the price had passed it before it could be placed",
        "nothing to do: it lost what protection.stop_loss allows",
    )
    BREAK_EVEN = (
        "BREAK_EVEN",
        "the stop was hit after protection.break_even_after had moved it to the entry",
        "nothing to do, or raise protection.break_even_after",
    )
    TRAILING_STOP = (
        "TRAILING_STOP",
        "the stop was hit after protection.trailing_percent had moved it along with the price",
        "nothing to do, or raise protection.trailing_percent",
    )
    TAKE_PROFIT = (
        "TAKE_PROFIT",
        "the last take profit was filled",
        "nothing to do",
    )
    EXIT_SIGNAL = (
        "EXIT_SIGNAL",
        "its strategy sent an exit signal",
        "nothing to do",
    )
    OPPOSITE_SIGNAL = (
        "OPPOSITE_SIGNAL",
        "its strategy signaled the opposite side",
        "nothing to do, or change protection.on_opposite_signal",
    )
    MANUAL = (
        "MANUAL",
        "closed manually by 'signalbot close' or the API",
        "nothing to do",
    )
    UNPROTECTED = (
        "UNPROTECTED",
        "no stop could be placed within protection.max_unprotected, so it was closed",
        "search the log for position.protection_failed: it has the exchange's rejection reason",
    )
    LIQUIDATION = (
        "LIQUIDATION",
        "the exchange liquidated it; the user is halted for entries",
        "lower account.leverage or the size of trades, then 'signalbot resume USER'",
    )
    DELEVERAGING = (
        "DELEVERAGING",
        "the exchange closed it to cover another account's loss (auto-deleveraging)",
        "nothing to do: the account is in order, and its user continues trading",
    )
    EXTERNAL = (
        "EXTERNAL",
        "it was closed at the exchange, manually or by another program",
        "nothing to do; if it was not you, change the account's API key",
    )


class StopKind(StrEnum):
    """The current role of the stop; it decides the close reason when the stop is hit."""

    INITIAL = "initial"
    BREAK_EVEN = "break_even"
    TRAILING = "trailing"

    @property
    def close_reason(self) -> CloseReason:
        match self:
            case StopKind.INITIAL:
                return CloseReason.STOP_LOSS
            case StopKind.BREAK_EVEN:
                return CloseReason.BREAK_EVEN
            case StopKind.TRAILING:
                return CloseReason.TRAILING_STOP


@dataclass(frozen=True, slots=True)
class TakeProfit:
    """One take profit of a position: price and quantity."""

    price: Decimal
    quantity: Decimal  #: base units


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One user's position in one symbol, opened by one signal.

    ``realized_pnl`` is the gross PnL of the closed quantity; ``fees`` are those of entry and exits
    in quote units: a fee in another coin counts at its price when it was booked, and as 0 without
    a price. ``net_pnl`` is the result after fees and funding.
    """

    position_id: PositionId
    user_id: UserId
    signal_id: SignalId
    strategy: str
    exchange: str
    symbol: str
    side: Side
    mode: Mode
    status: PositionStatus = PositionStatus.OPEN
    quantity: Decimal = ZERO  #: currently held, base units
    entry_quantity: Decimal = ZERO  #: sum of the entry fills
    entry_price: Decimal = ZERO  #: average of the entry fills
    stop_loss: Decimal | None = None
    stop_kind: StopKind = StopKind.INITIAL
    take_profits: tuple[TakeProfit, ...] = ()
    targets_hit: int = 0
    trailing_percent: Decimal | None = None  #: of its signal; None: from the user's settings
    best_price: Decimal | None = None  #: the most favourable price seen, for trailing
    leverage: int = 1
    opened_at_ms: Ms
    protected_at_ms: Ms | None = None  #: when the exchange first confirmed the stop
    closed_at_ms: Ms | None = None
    exit_quantity: Decimal = ZERO
    exit_price: Decimal | None = None  #: average of the exit fills
    close_reason: CloseReason | None = None
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO  #: received is positive

    @property
    def is_open(self) -> bool:
        return self.status is not PositionStatus.CLOSED

    @property
    def net_pnl(self) -> Decimal:
        """Realized PnL after fees and funding, in quote units."""
        return self.realized_pnl - self.fees + self.funding

    def unrealized_pnl(self, price: Decimal) -> Decimal:
        """PnL of the held quantity at ``price``, before fees."""
        return (price - self.entry_price) * self.quantity * self.side.sign

    def notional(self, price: Decimal) -> Decimal:
        return self.quantity * price

    def reopen(self) -> "Position":
        """The closed position reopened for a late entry fill; its close reason is kept."""
        return replace(self, status=PositionStatus.OPEN, closed_at_ms=None)

    def apply(
        self, fill: Fill, *, reason: CloseReason, coin_prices: CoinPrices = _NO_PRICES
    ) -> "Position":
        """The position after ``fill``; ``reason`` becomes the close reason if the fill closes it.

        Raises:
            IllegalTransition: the fill exceeds the held quantity, or the position is closed.
        """
        if self.status is PositionStatus.CLOSED:
            raise IllegalTransition(f"position {self.position_id} is closed; fill {fill.trade_id}")
        is_entry = (fill.side is OrderSide.BUY) == (self.side is Side.LONG)
        after = self._enter(fill) if is_entry else self._exit(fill, reason)
        return replace(after, fees=self.fees + _fee(fill, coin_prices))

    def add_fees(self, fill: Fill, *, coin_prices: CoinPrices = _NO_PRICES) -> "Position":
        """The position after the fees of a fill that was already applied without them."""
        kept = replace(self, fees=self.fees + _fee(fill, coin_prices))
        taken = self._base_fee(fill)
        return replace(kept, quantity=max(self.quantity - taken, ZERO)) if self.is_open else kept

    def add_funding(self, funding: Decimal) -> "Position":
        """The position after a funding payment; positive is received."""
        return replace(self, funding=self.funding + funding)

    def hit_target(self, *, break_even_after: int, tick: Decimal) -> "Position":
        """The position after one more target; after ``break_even_after`` its stop moves to entry.

        A stop at or beyond the entry price stays: stops never move backwards.
        """
        hit = replace(self, targets_hit=self.targets_hit + 1)
        is_due = 0 < break_even_after <= hit.targets_hit
        if not is_due or self.stop_loss is None:
            return hit
        entry = round_to(tick, self.entry_price)
        if (entry - self.stop_loss) * self.side.sign <= 0:
            return hit
        return replace(hit, stop_loss=entry, stop_kind=StopKind.BREAK_EVEN)

    def without_dust(self, dust: Decimal, *, reason: CloseReason, now_ms: Ms) -> "Position":
        """The position, closed if its remaining quantity is less than ``dust``."""
        if not self.exit_quantity or self.quantity >= dust:
            return self
        return replace(self, status=PositionStatus.CLOSED, closed_at_ms=now_ms, close_reason=reason)

    def _base_fee(self, fill: Fill) -> Decimal:
        """Fee deducted from the coins of a spot purchase: they are not held."""
        is_entry = (fill.side is OrderSide.BUY) == (self.side is Side.LONG)
        return fill.fee if is_entry and fill.fee_currency == _base(fill.symbol) else ZERO

    def _enter(self, fill: Fill) -> "Position":
        entered = self.entry_quantity + fill.quantity
        cost = self.entry_price * self.entry_quantity + fill.price * fill.quantity
        after = replace(
            self,
            quantity=self.quantity + fill.quantity - self._base_fee(fill),
            entry_quantity=entered,
            entry_price=average(cost, entered),
            best_price=self.best_price or fill.price,
        )
        if not self.exit_quantity:
            return after
        # Quantity closed before the entry was complete also counts at the average of all fills.
        moved = (self.entry_price - after.entry_price) * self.exit_quantity * self.side.sign
        return replace(after, realized_pnl=self.realized_pnl + moved)

    def _exit(self, fill: Fill, reason: CloseReason) -> "Position":
        if fill.quantity > self.quantity:
            raise IllegalTransition(
                f"position {self.position_id} holds {self.quantity}, fill {fill.trade_id} "
                f"would take {fill.quantity} out of it"
            )
        left = self.quantity - fill.quantity
        exited = self.exit_quantity + fill.quantity
        cost = (self.exit_price or ZERO) * self.exit_quantity + fill.price * fill.quantity
        earned = (fill.price - self.entry_price) * fill.quantity * self.side.sign
        after = replace(
            self,
            quantity=left,
            exit_quantity=exited,
            exit_price=average(cost, exited),
            realized_pnl=self.realized_pnl + earned,
        )
        if left:
            return after
        return replace(
            after,
            status=PositionStatus.CLOSED,
            closed_at_ms=fill.filled_at_ms,
            close_reason=reason,
        )


def _base(symbol: str) -> str:
    return symbol.partition("/")[0]


def _fee(fill: Fill, coin_prices: CoinPrices) -> Decimal:
    """The fee of a fill in quote units."""
    third_coin = fill.foreign_fee_currency
    if third_coin is not None:
        return fill.fee * coin_prices.get(third_coin, ZERO)
    return fill.fee * fill.price if fill.fee_currency == _base(fill.symbol) else fill.fee
