"""The words of an exchange: sides, kinds, states, and why it refuses."""

from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1

    @property
    def other(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class Kind(StrEnum):
    """What an order does; STOP and TAKE_PROFIT wait for their trigger first."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    TAKE_PROFIT = "take_profit"


class Status(StrEnum):
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    TRIGGERED = "triggered"  #: a conditional order that went on as ``child_id``
    REJECTED = "rejected"  #: refused when it triggered


class TriggerBy(StrEnum):
    LAST = "last"
    MARK = "mark"


class MarginMode(StrEnum):
    CROSS = "cross"
    ISOLATED = "isolated"


class PositionSide(StrEnum):
    """Which position of a symbol: the net one, or in hedge mode the long or the short one."""

    BOTH = "both"
    LONG = "long"
    SHORT = "short"

    @property
    def closing(self) -> Side | None:
        """The side that makes a position of hedge mode smaller; None for the net one."""
        match self:
            case PositionSide.LONG:
                return Side.SELL
            case PositionSide.SHORT:
                return Side.BUY
            case _:
                return None


class Origin(StrEnum):
    """Who wanted an order."""

    API = "api"
    HAND = "hand"  #: the owner, on the exchange's web page
    BOT = "bot"  #: another program that trades the same account
    LIQUIDATION = "liquidation"
    ADL = "adl"  #: the exchange makes a winning position smaller
    VENUE = "venue"  #: follows from another order: triggered or attached


class Reason(StrEnum):
    """Why the exchange refuses; every dialect has a code for each."""

    UNKNOWN_SYMBOL = "unknown symbol"
    QUANTITY_TOO_SMALL = "quantity too small"
    QUANTITY_TOO_LARGE = "quantity too large"
    QUANTITY_STEP = "quantity is off the lot grid"
    PRICE_STEP = "price is off the tick grid"
    NOTIONAL = "notional too small"
    MARGIN = "margin is insufficient"
    DUPLICATE = "client id is duplicated"
    WOULD_TRIGGER = "order would immediately trigger"
    REDUCE_ONLY = "reduce-only order is rejected"
    NO_POSITION = "there is no position"
    NO_SUCH_ORDER = "order does not exist"
    NOT_OPEN = "order is not open any more"
    LEVERAGE = "leverage is out of range"
    POSITION_OPEN = "there is an open position"
    ORDERS_OPEN = "there are open orders"
    POST_ONLY = "post-only order would take"


class Refused(Exception):
    """The exchange does not do what was asked; nothing has changed.

    ``detail`` tells apart what has one ``reason``: a coin (``MARGIN``: too little of it), "fixed"
    (``LEVERAGE``: not now) or "leverage" (``QUANTITY_TOO_LARGE``: for the leverage).
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.value} {detail}".strip())
        self.reason, self.detail = reason, detail
