"""Inputs and outcomes of a decision: ``DecisionInput``; ``Skip``, ``ExitPlan``, ``EntryPlan``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from signalbot.domain.account_snapshot import AccountSnapshot
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.market import NO_FEES, Fees, Instrument
from signalbot.domain.money import ZERO
from signalbot.domain.orders import OrderType
from signalbot.domain.positions import CloseReason, Position, TakeProfit
from signalbot.domain.settings import Settings
from signalbot.domain.signals import Side, Signal
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import Subscription, User


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionInput:
    """All facts of one decision, taken at one instant."""

    signal: Signal
    user: User
    subscription: Subscription
    snapshot: AccountSnapshot
    instrument: Instrument
    price: Decimal | None  #: last known price of the symbol
    now_ms: Ms
    halted: bool = False  #: entries of all users are stopped
    entry_block: "Skip | None" = None  #: why this user's entries are blocked now
    fees: Fees = NO_FEES  #: of this account in this market
    slippage_bps: Decimal = ZERO  #: expected slippage of its market orders

    @property
    def settings(self) -> Settings:
        return self.subscription.settings

    @property
    def open_position(self) -> Position | None:
        """The user's open position in the signal's symbol, of any strategy."""
        return self.snapshot.positions.get(self.signal.symbol)


@dataclass(frozen=True, slots=True)
class Skip:
    """The decision not to trade: a value, not an exception."""

    reason: DecisionCode
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitPlan:
    """Close a position at market, or reduce it."""

    position: Position
    reason: CloseReason
    quantity: Decimal | None = None  #: base units, tradable; None: all


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPlan:
    """Open a position, after closing ``closes`` if given."""

    side: Side
    type: OrderType
    quantity: Decimal  #: base units, tradable
    price: Decimal  #: expected entry price: the limit, or the last price for market orders
    stop_loss: Decimal | None
    targets: tuple[TakeProfit, ...]  #: nearest first
    trailing_percent: Decimal | None = None  #: of the signal; None: from the user's settings
    leverage: int
    facts: Mapping[str, object]
    closes: Position | None = None


Plan = EntryPlan | ExitPlan
