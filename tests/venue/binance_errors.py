"""What Binance USDⓈ-M futures says when it says no."""

from typing import Any

from tests.venue.http_wire import Answer, Trouble, told
from tests.venue.model import Reason, Refused


class No(Exception):
    """An error answer, raised where it is found."""

    def __init__(self, code: int, text: str, status: int = 400, *, data: Any = None) -> None:
        super().__init__(text)
        self.code, self.text, self.status, self.data = code, text, status, data

    def answer(self) -> Answer:
        more = {} if self.data is None else {"data": self.data}
        return told({"code": self.code, "msg": self.text, **more}, self.status)


def missing(name: str) -> No:
    return No(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


NO_SUCH_ORDER = (-2013, "Order does not exist.")
UNKNOWN_ORDER_SENT = (-2011, "Unknown order sent.")
BAD_KEY = (-2015, "Invalid API-key, IP, or permissions for action.", 401)

REASONS: dict[Reason, tuple[int, str]] = {
    Reason.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
    Reason.QUANTITY_TOO_SMALL: (-4003, "Quantity less than or equal to zero."),
    Reason.QUANTITY_TOO_LARGE: (-4005, "Quantity greater than max quantity."),
    Reason.QUANTITY_STEP: (-1111, "Precision is over the maximum defined for this asset."),
    Reason.PRICE_STEP: (-4014, "Price not increased by tick size."),
    Reason.NOTIONAL: (
        -4164,
        "Order's notional must be no smaller than 5 (unless you choose reduce only).",
    ),
    Reason.MARGIN: (-2019, "Margin is insufficient."),
    Reason.DUPLICATE: (-4116, "ClientOrderId is duplicated."),
    Reason.WOULD_TRIGGER: (-2021, "Order would immediately trigger."),
    Reason.REDUCE_ONLY: (-2022, "ReduceOnly Order is rejected."),
    Reason.NO_POSITION: (
        -4509,
        "Time in Force (TIF) GTE can only be used with open positions. "
        "Please ensure that positions are available.",
    ),
    Reason.NO_SUCH_ORDER: NO_SUCH_ORDER,
    Reason.NOT_OPEN: UNKNOWN_ORDER_SENT,
    Reason.LEVERAGE: (-4028, "Leverage 0 is not valid"),
    Reason.POSITION_OPEN: (
        -4048,
        "Margin type cannot be changed if there exists position.",
    ),
    Reason.ORDERS_OPEN: (-4047, "Margin type cannot be changed if there exists open orders."),
    Reason.POST_ONLY: (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected.",
    ),
}

TROUBLES: dict[Trouble, tuple[int, str, int]] = {
    Trouble.BAD_KEY: BAD_KEY,
    Trouble.BAD_SIGNATURE: (-1022, "Signature for this request is not valid.", 400),
    Trouble.CLOCK: (-1021, "Timestamp for this request is outside of the recvWindow.", 400),
    Trouble.RATE_LIMITED: (
        -1003,
        "Too many requests; current limit of IP is 2400 requests per minute. "
        "Please use the websocket for live updates to avoid polling the API.",
        429,
    ),
    Trouble.BANNED: (
        -1003,
        "Way too many requests; IP banned. "
        "Please use the websocket for live updates to avoid bans.",
        418,
    ),
    Trouble.OVERLOADED: (
        -1008,
        "Server is currently overloaded with other requests. Please try again in a few minutes.",
        503,
    ),
    Trouble.UNKNOWN_OUTCOME: (
        -1007,
        "Timeout waiting for response from backend server. "
        "Send status unknown; execution status unknown.",
        504,
    ),
    Trouble.NO_SUCH_PATH: (-5000, "Path and method are invalid", 404),
}


def no(why: Reason | Trouble) -> No:
    """The error for ``why``."""
    return No(*(TROUBLES[why] if isinstance(why, Trouble) else REASONS[why]))


_DETAILS = {
    (Reason.LEVERAGE, "isolated"): (
        -4161,
        "Leverage reduction is not supported in Isolated Margin Mode with open positions.",
    ),
    (Reason.LEVERAGE, "margin"): (
        -2028,
        "Leverage is smaller than permitted: insufficient margin balance",
    ),
    (Reason.QUANTITY_TOO_LARGE, "leverage"): (
        -2027,
        "Exceeded the maximum allowable position at current leverage.",
    ),
    (Reason.ORDERS_OPEN, "mode"): (
        -4067,
        "Position side cannot be changed if there exists open orders.",
    ),
    (Reason.POSITION_OPEN, "mode"): (
        -4068,
        "Position side cannot be changed if there exists position.",
    ),
}


def refused(why: Refused) -> No:
    """The error for what the engine refuses."""
    return No(*_DETAILS.get((why.reason, why.detail), REASONS[why.reason]))
