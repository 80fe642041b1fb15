"""The nouns of a derivatives exchange, free of any dialect.

Quantities are base units: dialects translate contracts and names.
"""

from tests.venue.accounts import Account, Booking, Income, Position
from tests.venue.enums import (
    ZERO,
    Kind,
    MarginMode,
    Origin,
    PositionSide,
    Reason,
    Refused,
    Side,
    Status,
    TriggerBy,
)
from tests.venue.markets import Bracket, Market, Rules
from tests.venue.orders import Attached, Order, Ticket, Trade

__all__ = [
    "ZERO", "Account", "Attached", "Booking", "Bracket", "Income", "Kind", "MarginMode", "Market",
    "Order", "Origin", "Position", "PositionSide", "Reason", "Refused", "Rules", "Side", "Status",
    "Ticket", "Trade", "TriggerBy",
]  # fmt: skip
