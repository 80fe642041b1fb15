"""What Bitget answers when it refuses: a code as text, most often with HTTP 400.

Codes and texts are those of "Error Code" in Bitget's v2 documents.
"""

from tests.venue.http_wire import Answer, Trouble, told
from tests.venue.model import Reason


class No(Exception):
    """An error answer, raised where it is found."""

    def __init__(self, code: int, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.text, self.status = str(code), text, status

    def answer(self, now_ms: int) -> Answer:
        body = {"code": self.code, "msg": self.text, "requestTime": now_ms, "data": None}
        return told(body, self.status)


def empty(name: str) -> No:
    """A parameter that must be there."""
    return No(40019, f"Parameter {name} cannot be empty")


def wrong(name: str) -> No:
    """A parameter that cannot be."""
    return No(40020, f"Parameter {name} error")


#: Refusals of orders that depend on the market or on the account as a whole.
REFUSALS = {
    40722: "Due to excessive price fluctuations and the insufficient market price entrusted cost, "
    "the opening commission is failed.",
    40804: "The number of closed positions cannot exceed the number of positions held",
    40826: "Due to excessive price fluctuations, the market order cost is insufficient, and the "
    "position opening order failed.",
    40867: "Currently the maximum number of positions that can be closed is exceeded",
    43132: "Insufficient funds",
    45002: "Insufficient asset",
    45004: "Insufficient lock-in asset",
    45116: "The count of positions hold by the account exceeds the maximum count",
    45123: "Insufficient availability, currently only market orders can be placed",
    50048: "The maximum number of orders is exceeded",
}

MIX_REASONS: dict[Reason, tuple[int, str]] = {
    Reason.UNKNOWN_SYMBOL: (40034, "Parameter symbol does not exist"),
    Reason.QUANTITY_TOO_SMALL: (45111, "less than the minimum order quantity"),
    Reason.QUANTITY_TOO_LARGE: (40762, "The order size is greater than the max open size"),
    Reason.QUANTITY_STEP: (40020, "Parameter size error"),
    Reason.PRICE_STEP: (45115, "The price you enter should be a multiple of the tick size"),
    Reason.NOTIONAL: (45110, "less than the minimum amount 5 USDT"),
    Reason.MARGIN: (40762, "The order size is greater than the max open size"),
    Reason.DUPLICATE: (40786, "Duplicate clientOid"),
    Reason.WOULD_TRIGGER: (40917, "Stop price for long positions please < mark price"),
    Reason.REDUCE_ONLY: (22002, "No position to close"),
    Reason.NO_POSITION: (43023, "Insufficient position, can not set profit or stop loss"),
    Reason.NO_SUCH_ORDER: (40109, "The data of the order cannot be found"),
    Reason.NOT_OPEN: (22001, "No order to cancel"),
    Reason.LEVERAGE: (40797, "Exceeded the maximum settable leverage"),
    Reason.POSITION_OPEN: (45117, "Currently holding positions or orders"),
    Reason.ORDERS_OPEN: (45117, "Currently holding positions or orders"),
    Reason.POST_ONLY: (40020, "Parameter price error"),
}

SPOT_REASONS: dict[Reason, tuple[int, str]] = {
    **MIX_REASONS,
    Reason.MARGIN: (43012, "Insufficient balance"),
    Reason.DUPLICATE: (43118, "clientOrderId duplicate"),
    Reason.REDUCE_ONLY: (43012, "Insufficient balance"),
    Reason.NO_POSITION: (43012, "Insufficient balance"),
    Reason.NO_SUCH_ORDER: (43001, "The order does not exist"),
    Reason.NOT_OPEN: (43001, "The order does not exist"),
    Reason.NOTIONAL: (45110, "less than the minimum amount 1 USDT"),
}

TROUBLES: dict[Trouble, tuple[int, str, int]] = {
    Trouble.BAD_KEY: (40037, "Apikey does not exist", 400),
    Trouble.BAD_SIGNATURE: (40009, "sign signature error", 400),
    Trouble.CLOCK: (40008, "Request timestamp expired", 400),
    Trouble.RATE_LIMITED: (429, "Too Many Requests", 429),
    Trouble.BANNED: (429, "Too Many Requests", 429),
    Trouble.OVERLOADED: (40725, "service return an error", 400),
    Trouble.UNKNOWN_OUTCOME: (40010, "Request timed out", 400),
    Trouble.NO_SUCH_PATH: (40404, "Request URL NOT FOUND", 404),
}


def no(why: Reason | Trouble, *, spot: bool = False) -> No:
    """The error for ``why``."""
    if isinstance(why, Trouble):
        return No(*TROUBLES[why])
    return No(*(SPOT_REASONS if spot else MIX_REASONS)[why])


assert set(MIX_REASONS) == set(Reason), "every reason has a code"
