"""The account snapshot that one decision reads: equity, positions and the day's results so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from signalbot.domain.money import ZERO
from signalbot.domain.positions import Position
from signalbot.domain.timeframe import Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The last known balance of an account, in quote units."""

    equity: Decimal  #: wallet plus unrealized PnL
    free: Decimal  #: available as margin for new positions
    as_of_ms: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRecord:
    """An account's trades and results of the current UTC day."""

    day_ms: Ms  #: midnight UTC the record counts from
    trades: int = 0  #: entries claimed
    net_pnl: Decimal = ZERO  #: of positions closed this day
    consecutive_losses: int = 0  #: closed in a row this day, up to now


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """An account's state at one instant."""

    balance: Balance
    positions: Mapping[str, Position]  #: open ones by symbol
    notional: Decimal  #: of all open positions, at last prices
    open_pnl: Decimal  #: of all open positions, as if closed at last prices: after fees and funding
    day: DayRecord
    last_close_ms: Mapping[str, Ms] = field(default_factory=dict)  #: by symbol
    pending_entries: Mapping[str, Decimal] = field(
        default_factory=dict
    )  #: requested notional by symbol
    unresolved_symbols: frozenset[str] = frozenset()  #: symbols with an order of unknown outcome
