"""What MEXC answers when it refuses, for contracts (``message``) and for spot (``msg``).

Codes are those of "Error code" in the contract documents and of "Error Codes" in the spot ones.
"""

from tests.venue.http_wire import Answer, Trouble, told
from tests.venue.model import Reason


class No(Exception):
    """An error answer, raised where it is found."""

    def __init__(self, code: int, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status

    def answer(self, *, contract: bool) -> Answer:
        if contract:
            body = {"success": False, "code": self.code, "message": self.text}
            return told(body, self.status or 200)
        return told({"code": self.code, "msg": self.text}, self.status or 400)


def parameter(name: str) -> No:
    """A parameter of the contract API that cannot be."""
    return No(600, f"Parameter error: {name}")


CONTRACT_REASONS: dict[Reason, tuple[int, str]] = {
    Reason.UNKNOWN_SYMBOL: (1001, "Contract does not exist"),
    Reason.QUANTITY_TOO_SMALL: (2011, "Order quantity error"),
    Reason.QUANTITY_TOO_LARGE: (2028, "The maximum order quantity is exceeded"),
    Reason.QUANTITY_STEP: (2015, "Price or quantity accuracy error"),
    Reason.PRICE_STEP: (2015, "Price or quantity accuracy error"),
    Reason.NOTIONAL: (2011, "Order quantity error"),
    Reason.MARGIN: (2005, "Balance insufficient"),
    Reason.DUPLICATE: (603, "Repeated requests"),
    Reason.WOULD_TRIGGER: (5003, "Take-profit and stop-loss price setting is wrong"),
    Reason.REDUCE_ONLY: (2009, "Positions do not exist or have been closed"),
    Reason.NO_POSITION: (2009, "Positions do not exist or have been closed"),
    Reason.NO_SUCH_ORDER: (2040, "order not exist"),
    Reason.NOT_OPEN: (2041, "order state cannot be cancelled"),
    Reason.LEVERAGE: (2006, "Leverage ratio error"),
    Reason.POSITION_OPEN: (2019, "There is an active open position"),
    Reason.ORDERS_OPEN: (2019, "There is an active open position"),
    Reason.POST_ONLY: (2007, "Order price error"),
}

SPOT_REASONS: dict[Reason, tuple[int, str]] = {
    Reason.UNKNOWN_SYMBOL: (10007, "bad symbol"),
    Reason.QUANTITY_TOO_SMALL: (30002, "The minimum transaction volume cannot be less than"),
    Reason.QUANTITY_TOO_LARGE: (30003, "The maximum transaction volume cannot be greater than"),
    Reason.QUANTITY_STEP: (10096, "amount decimal places is too long"),
    Reason.PRICE_STEP: (33333, "param is error"),
    Reason.NOTIONAL: (30002, "The minimum transaction volume cannot be less than"),
    Reason.MARGIN: (30004, "Insufficient position"),
    Reason.DUPLICATE: (33333, "param is error"),
    Reason.WOULD_TRIGGER: (33333, "param is error"),
    Reason.REDUCE_ONLY: (30005, "Oversold"),
    Reason.NO_POSITION: (30005, "Oversold"),
    Reason.NO_SUCH_ORDER: (-2013, "Order does not exist."),
    Reason.NOT_OPEN: (-2011, "Unknown order sent"),
    Reason.LEVERAGE: (26, "operation not allowed"),
    Reason.POSITION_OPEN: (26, "operation not allowed"),
    Reason.ORDERS_OPEN: (26, "operation not allowed"),
    Reason.POST_ONLY: (30041, "current order type can not place order"),
}

CONTRACT_TROUBLES: dict[Trouble, tuple[int, str, int]] = {
    Trouble.BAD_KEY: (401, "Unauthorized", 200),
    Trouble.BAD_SIGNATURE: (602, "Verify failed", 200),
    Trouble.CLOCK: (513, "Invalid request(for open api serves time more or less than 10s)", 200),
    Trouble.RATE_LIMITED: (510, "Excessive frequency of requests", 200),
    Trouble.BANNED: (510, "Excessive frequency of requests", 429),
    Trouble.OVERLOADED: (501, "System busy", 200),
    Trouble.UNKNOWN_OUTCOME: (500, "Internal error", 200),
    Trouble.NO_SUCH_PATH: (404, "Not Found", 404),
}

SPOT_TROUBLES: dict[Trouble, tuple[int, str, int]] = {
    Trouble.BAD_KEY: (10072, "invalid access key", 400),
    Trouble.BAD_SIGNATURE: (700002, "Signature for this request is not valid.", 400),
    Trouble.CLOCK: (700003, "Timestamp for this request is outside of the recvWindow.", 400),
    Trouble.RATE_LIMITED: (429, "Too Many Requests", 429),
    Trouble.BANNED: (429, "Too Many Requests", 418),
    Trouble.OVERLOADED: (503, "service not available, please try again", 503),
    Trouble.UNKNOWN_OUTCOME: (504, "Gateway Time-out", 504),
    Trouble.NO_SUCH_PATH: (404, "Not Found", 404),
}


def no(why: Reason | Trouble, *, contract: bool) -> No:
    """The error for ``why``."""
    if isinstance(why, Trouble):
        return No(*(CONTRACT_TROUBLES if contract else SPOT_TROUBLES)[why])
    return No(*(CONTRACT_REASONS if contract else SPOT_REASONS)[why])


assert set(CONTRACT_REASONS) == set(SPOT_REASONS) == set(Reason), "every reason has a code"
