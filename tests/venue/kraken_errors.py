"""What Kraken answers when it refuses: texts in a list, with HTTP 200.

Texts are those of "Spot Error Messages" in Kraken's documents. That an id of an open order is
used again is ``cl_ord_id not unique``, as clients have seen it; it is no documented text.
"""

from tests.venue.http_wire import Answer, Trouble, told
from tests.venue.model import Reason


class No(Exception):
    """An error answer, raised where it is found."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def answer(self) -> Answer:
        return told({"error": [self.text]})


def wrong(name: str = "") -> No:
    """A parameter that is missing, malformed or ambiguous."""
    return No("EGeneral:Invalid arguments" + (f":{name}" if name else ""))


REASONS: dict[Reason, str] = {
    Reason.UNKNOWN_SYMBOL: "EQuery:Unknown asset pair",
    Reason.QUANTITY_TOO_SMALL: "EOrder:Order minimum not met",
    Reason.QUANTITY_TOO_LARGE: "EGeneral:Invalid arguments:volume",
    Reason.QUANTITY_STEP: "EGeneral:Invalid arguments:volume",
    Reason.PRICE_STEP: "EOrder:Tick size check failed",
    Reason.NOTIONAL: "EOrder:Cost minimum not met",
    Reason.MARGIN: "EOrder:Insufficient funds",
    Reason.DUPLICATE: "EGeneral:Invalid arguments:cl_ord_id not unique",
    Reason.WOULD_TRIGGER: "EOrder:Invalid price",
    Reason.REDUCE_ONLY: "EOrder:Insufficient funds",
    Reason.NO_POSITION: "EOrder:Reduce only:No position exists",
    Reason.NO_SUCH_ORDER: "EOrder:Unknown order",
    Reason.NOT_OPEN: "EOrder:Unknown order",
    Reason.LEVERAGE: "EOrder:Margin allowance exceeded",
    Reason.POSITION_OPEN: "EOrder:Cannot open opposing position",
    Reason.ORDERS_OPEN: "EOrder:Orders limit exceeded",
    Reason.POST_ONLY: "EOrder:Post only order",
}

TROUBLES: dict[Trouble, str] = {
    Trouble.BAD_KEY: "EAPI:Invalid key",
    Trouble.BAD_SIGNATURE: "EAPI:Invalid signature",
    Trouble.CLOCK: "EAPI:Invalid nonce",
    Trouble.RATE_LIMITED: "EAPI:Rate limit exceeded",
    Trouble.BANNED: "EGeneral:Temporary lockout",
    Trouble.OVERLOADED: "EService:Busy",
    Trouble.UNKNOWN_OUTCOME: "EService:Timeout",
    Trouble.NO_SUCH_PATH: "EGeneral:Unknown method",
}


def no(why: Reason | Trouble) -> No:
    """The error for ``why``."""
    return No(TROUBLES[why] if isinstance(why, Trouble) else REASONS[why])


assert set(REASONS) == set(Reason), "every reason has a text"
