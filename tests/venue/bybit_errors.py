"""What Bybit v5 says when it says no: HTTP 200 and a code, but for limits of an address."""

from tests.venue.http_wire import Answer, Trouble, told
from tests.venue.model import Reason, Refused


class No(Exception):
    """An error answer, raised where it is found."""

    def __init__(self, code: int, text: str, status: int = 200) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status

    def answer(self, now_ms: int) -> Answer:
        body = {
            "retCode": self.code, "retMsg": self.text, "result": {}, "retExtInfo": {},
            "time": now_ms,
        }  # fmt: skip
        return told(body, self.status)


def wrong(text: str) -> No:
    """A parameter that cannot be."""
    return No(10001, text)


NO_SUCH_ORDER = (110001, "order not exists or too late to cancel")
BAD_KEY = (10003, "API key is invalid.")
REVOKED = (33004, "Your api key has expired.")

REASONS: dict[Reason, tuple[int, str]] = {
    Reason.UNKNOWN_SYMBOL: (10001, "params error: symbol invalid"),
    Reason.QUANTITY_TOO_SMALL: (10001, "The number of contracts below minimum limit allowed"),
    Reason.QUANTITY_TOO_LARGE: (10001, "The number of contracts exceeds maximum limit allowed"),
    Reason.QUANTITY_STEP: (10001, "Qty invalid"),
    Reason.PRICE_STEP: (10001, "params error: price invalid"),
    Reason.NOTIONAL: (110094, "Order does not meet minimum order value 5USDT"),
    Reason.MARGIN: (110007, "ab not enough for new order"),
    Reason.DUPLICATE: (110072, "OrderLinkedID is duplicate"),
    Reason.WOULD_TRIGGER: (110093, "expect Falling, but trigger_price >= current"),
    Reason.REDUCE_ONLY: (
        110017,
        "current position is zero, cannot fix reduce-only order qty",
    ),
    Reason.NO_POSITION: (10001, "can not set tp/sl/ts for zero position"),
    Reason.NO_SUCH_ORDER: NO_SUCH_ORDER,
    Reason.NOT_OPEN: NO_SUCH_ORDER,
    Reason.LEVERAGE: (110013, "cannot set leverage gt maxLeverage"),
    Reason.POSITION_OPEN: (110024, "You have an existing position, so position mode can't switch"),
    Reason.ORDERS_OPEN: (110028, "You have existing open orders, so mode can't switch"),
    Reason.POST_ONLY: (10001, "post-only order would take"),
}

SPOT_NO_SUCH_ORDER = (170_213, "Order does not exist.")
SPOT_REASONS: dict[Reason, tuple[int, str]] = {
    Reason.UNKNOWN_SYMBOL: (170_121, "Invalid symbol."),
    Reason.QUANTITY_TOO_SMALL: (170_136, "Order quantity lower than the minimum."),
    Reason.QUANTITY_TOO_LARGE: (170_124, "Order amount too large."),
    Reason.QUANTITY_STEP: (170_137, "Order volume decimal too long"),
    Reason.PRICE_STEP: (170_134, "Order price decimal too long."),
    Reason.NOTIONAL: (170_140, "Order value exceeded lower limit"),
    Reason.MARGIN: (170_131, "Balance insufficient"),
    Reason.DUPLICATE: (170_141, "Duplicate clientOrderId"),
    Reason.WOULD_TRIGGER: (
        170_130,
        "Data sent for paramter 'triggerPrice' is not valid.",
    ),
    Reason.NO_SUCH_ORDER: SPOT_NO_SUCH_ORDER,
    Reason.NOT_OPEN: (170_142, "Order has been cancelled"),
    Reason.POST_ONLY: (170_218, "The LIMIT-MAKER order is rejected due to invalid price."),
}

TROUBLES: dict[Trouble, tuple[int, str, int]] = {
    Trouble.BAD_KEY: (*BAD_KEY, 200),
    Trouble.BAD_SIGNATURE: (10004, "error sign! please check your signature", 200),
    Trouble.CLOCK: (
        10002,
        "invalid request, please check your server timestamp or recv_window param",
        200,
    ),
    Trouble.RATE_LIMITED: (10018, "Exceeded the IP Rate Limit.", 403),
    Trouble.BANNED: (10018, "Exceeded the IP Rate Limit.", 403),
    Trouble.OVERLOADED: (10016, "Server error.", 200),
    Trouble.UNKNOWN_OUTCOME: (10000, "Server Timeout", 200),
    Trouble.NO_SUCH_PATH: (404, "Not found", 404),
}


def no(why: Reason | Trouble) -> No:
    """The error for ``why``."""
    return No(*(TROUBLES[why] if isinstance(why, Trouble) else REASONS[why]))


def refused(why: Refused, *, spot: bool) -> No:
    """The error for what the engine refuses; spot has codes of its own."""
    if spot and why.reason in SPOT_REASONS:
        return No(*SPOT_REASONS[why.reason])
    if (why.reason, why.detail) == (Reason.LEVERAGE, "margin"):
        return No(110_044, "Available margin is insufficient.")
    return no(why.reason)


assert set(REASONS) == set(Reason), "every reason has a code"
