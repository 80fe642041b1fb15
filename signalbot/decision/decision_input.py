"""What a decision is made from, and the two things it can come to."""

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
    """Everything one decision may look at, taken at one instant."""

    signal: Signal
    user: User
    subscription: Subscription
    snapshot: AccountSnapshot
    instrument: Instrument
    price: Decimal | None  #: last known price of the symbol
    now_ms: Ms
    halted: bool = False  #: entries of all users are stopped
    entry_block: "Skip | None" = None  #: why this user can enter nothing now
    fees: Fees = NO_FEES  #: what this account pays in this market
    slippage_bps: Decimal = ZERO  #: by which its market orders are expected to fill worse

    @property
    def settings(self) -> Settings:
        return self.subscription.settings

    @property
    def open_position(self) -> Position | None:
        """The user's open position in the signal's symbol, whichever strategy opened it."""
        return self.snapshot.positions.get(self.signal.symbol)


@dataclass(frozen=True, slots=True)
class Skip:
    """Refused by us. Not an exception: refusing is half of the work."""

    reason: DecisionCode
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitPlan:
    """Close a position at market, or reduce it."""

    position: Position
    reason: CloseReason
    quantity: Decimal | None = None  #: base units, tradable as it is; None: everything


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPlan:
    """Open a position; when ``closes`` is given, after closing that one."""

    side: Side
    type: OrderType
    quantity: Decimal  #: base units, tradable as it is
    price: Decimal  #: expected entry price: the limit, or the last price for market orders
    stop_loss: Decimal | None
    targets: tuple[TakeProfit, ...]  #: nearest first
    trailing_percent: Decimal | None = None  #: the signal's own; None: as the user's rules say
    leverage: int
    facts: Mapping[str, object]
    closes: Position | None = None


Plan = EntryPlan | ExitPlan
