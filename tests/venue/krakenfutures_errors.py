"""What Kraken Futures answers when it refuses.

An order that is not placed is a success with another ``status``; anything else is an ``error``.
Both come with HTTP 200 and the time of the server. Sources: "Send Order" and "Get Specific
Orders' Status"; that an unknown market is ``contractNotFound`` is what clients have seen.
"""

from tests.venue.http_wire import Trouble
from tests.venue.model import Reason


class No(Exception):
    """An error answer, raised where it is found."""

    def __init__(self, error: str, status: int = 200) -> None:
        super().__init__(error)
        self.error, self.status = error, status


class NotPlaced(Exception):
    """An order that is not placed, or not found: with the ``status`` of the answer."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


STATUSES: dict[Reason, str] = {
    Reason.UNKNOWN_SYMBOL: "marketInactive",
    Reason.QUANTITY_TOO_SMALL: "invalidSize",
    Reason.QUANTITY_TOO_LARGE: "maxPositionViolation",
    Reason.QUANTITY_STEP: "invalidSize",
    Reason.PRICE_STEP: "invalidPrice",
    Reason.NOTIONAL: "invalidSize",
    Reason.MARGIN: "insufficientAvailableFunds",
    Reason.DUPLICATE: "clientOrderIdAlreadyExist",
    Reason.WOULD_TRIGGER: "invalidPrice",
    Reason.REDUCE_ONLY: "wouldNotReducePosition",
    Reason.NO_POSITION: "wouldNotReducePosition",
    Reason.NO_SUCH_ORDER: "notFound",
    Reason.NOT_OPEN: "notFound",
    Reason.LEVERAGE: "fixedLeverageTooHigh",
    Reason.POSITION_OPEN: "maxPositionViolation",
    Reason.ORDERS_OPEN: "tooManySmallOrders",
    Reason.POST_ONLY: "postWouldExecute",
}

TROUBLES: dict[Trouble, tuple[str, int]] = {
    Trouble.BAD_KEY: ("authenticationError", 200),
    Trouble.BAD_SIGNATURE: ("authenticationError", 200),
    Trouble.CLOCK: ("nonceBelowThreshold", 200),
    Trouble.RATE_LIMITED: ("apiLimitExceeded", 200),
    Trouble.BANNED: ("apiLimitExceeded", 429),
    Trouble.OVERLOADED: ("Unavailable", 503),
    Trouble.UNKNOWN_OUTCOME: ("Server Error", 500),
    Trouble.NO_SUCH_PATH: ("notFound", 404),
}

assert set(STATUSES) == set(Reason), "every reason has a status"
