"""What OKX v5 says when it says no: about a request, or about the order in it."""

from tests.venue.http_wire import Answer, Trouble, told
from tests.venue.model import Reason, Refused


class No(Exception):
    """An error answer, raised where it is found; ``of_order``: the answer tells it per order."""

    def __init__(self, code: int, text: str, status: int = 200, *, of_order: bool = False) -> None:
        super().__init__(text)
        self.code, self.text, self.status, self.of_order = str(code), text, status, of_order

    def answer(self) -> Answer:
        if not self.of_order:
            return told({"code": self.code, "msg": self.text, "data": []}, self.status)
        data = {
            "clOrdId": "", "ordId": "", "algoId": "", "algoClOrdId": "", "tag": "",
            "sCode": self.code, "sMsg": self.text,
        }  # fmt: skip
        return told({"code": "1", "msg": "All operations failed", "data": [data]})


def wrong(name: str) -> No:
    """A parameter that cannot be."""
    return No(51000, f"Parameter {name} error", of_order=True)


NO_SUCH_ORDER = (51603, "Order does not exist")

REASONS: dict[Reason, tuple[int, str]] = {
    Reason.UNKNOWN_SYMBOL: (51001, "Instrument ID does not exist"),
    Reason.QUANTITY_TOO_SMALL: (51020, "Order quantity must reach the minimum"),
    Reason.QUANTITY_TOO_LARGE: (51202, "Market order quantity exceeds the maximum"),
    Reason.QUANTITY_STEP: (51121, "Order quantity must be a multiple of the lot size."),
    Reason.PRICE_STEP: (51000, "Parameter px error"),
    Reason.NOTIONAL: (51020, "Order quantity must reach the minimum"),
    Reason.MARGIN: (51008, "Order failed. Insufficient USDT margin in account"),
    Reason.DUPLICATE: (51016, "Client order ID already exists."),
    Reason.WOULD_TRIGGER: (51280, "SL trigger price must be less than the last price"),
    Reason.REDUCE_ONLY: (51169, "You don't have any positions in this direction to close."),
    Reason.NO_POSITION: (51169, "You don't have any positions in this direction to close."),
    Reason.NO_SUCH_ORDER: NO_SUCH_ORDER,
    Reason.NOT_OPEN: (
        51400,
        "Cancellation failed as the order has been filled, canceled or does not exist.",
    ),
    Reason.LEVERAGE: (59102, "Leverage exceeds the maximum limit"),
    Reason.POSITION_OPEN: (59000, "Settings failed. Close any open positions or orders first."),
    Reason.ORDERS_OPEN: (59000, "Settings failed. Close any open positions or orders first."),
    Reason.POST_ONLY: (51000, "Parameter ordType error"),
}

TROUBLES: dict[Trouble, tuple[int, str, int]] = {
    Trouble.BAD_KEY: (50111, "Invalid OK-ACCESS-KEY", 401),
    Trouble.BAD_SIGNATURE: (50113, "Invalid Sign", 401),
    Trouble.CLOCK: (50102, "Timestamp request expired.", 401),
    Trouble.RATE_LIMITED: (50011, "Too Many Requests", 429),
    Trouble.BANNED: (50011, "Too Many Requests", 429),
    Trouble.OVERLOADED: (50001, "Service temporarily unavailable. Try again later.", 503),
    Trouble.UNKNOWN_OUTCOME: (
        50004,
        "API endpoint request timeout (does not indicate success or failure of order).",
        400,
    ),
    Trouble.NO_SUCH_PATH: (404, "Not Found", 404),
}


def no(why: Reason | Trouble) -> No:
    """The error for ``why``."""
    if isinstance(why, Trouble):
        return No(*TROUBLES[why])
    return No(*REASONS[why], of_order=True)


def refused(why: Refused) -> No:
    """The error for what the engine refuses."""
    match why.reason, why.detail:
        case Reason.MARGIN, coin if coin:
            text = f"Order failed. Insufficient {coin} balance in account"
            return No(51008, text, of_order=True)
        case Reason.LEVERAGE, "margin" | "isolated":
            return No(59108, "Low leverage and insufficient margin. Please adjust the leverage.")
        case ((Reason.ORDERS_OPEN | Reason.POSITION_OPEN), "mode"):
            return No(59000, REASONS[why.reason][1])
        case _:
            return no(why.reason)


assert set(REASONS) == set(Reason), "every reason has a code"
