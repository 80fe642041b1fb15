"""What HTX answers when it refuses: codes of v5 and of the old contract API, words of spot.

Codes and texts are those of the tables "Details of Each Error Code" (USDT-M) and "Error Code"
(spot, trading). Texts of v5 come in ``message``; unknown orders have three codes: 1017 for a
look-up, 1061, 1063 or 1071 for a cancel.
"""

from enum import StrEnum

from tests.venue.http_wire import Answer, Trouble, told
from tests.venue.model import Reason


class Family(StrEnum):
    """The four shapes of an error."""

    V5 = "v5"
    CONTRACT = "contract"
    SPOT = "spot"
    SPOT_V2 = "spot v2"


class No(Exception):
    """An error answer, raised where it is found."""

    def __init__(self, code: int | str, text: str, status: int = 200) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status

    def answer(self, family: Family, now_ms: int) -> Answer:
        match family:
            case Family.V5:
                body = {"code": self.code, "message": self.text, "data": None, "args": None,
                        "ts": now_ms, "unknownException": False}  # fmt: skip
            case Family.CONTRACT:
                body = {"status": "error", "err_code": self.code, "err_msg": self.text,
                        "ts": now_ms}  # fmt: skip
            case Family.SPOT:
                body = {"status": "error", "err-code": self.code, "err-msg": self.text,
                        "data": None}  # fmt: skip
            case Family.SPOT_V2:
                body = {"code": self.code, "message": self.text}
        return told(body, self.status)


def illegal(name: str) -> No:
    """A parameter of the contract API that cannot be."""
    return No(1067, f"Illegal parameter {name}.")


def missing(name: str) -> No:
    """A parameter of the contract API that must be there."""
    return No(1066, f"{name} cannot be empty.")


def bad_format(name: str) -> No:
    """A parameter of the spot API that cannot be."""
    return No("validation-format-error", f"Format Error: {name}.")


ORDER_UNKNOWN = (1017, "Order doesn't exist.")
CANCEL_UNKNOWN = (1061, "This order doesn't exist.")
ALREADY_FILLED = (1063, "The order has been executed.")
ALREADY_CANCELED = (1071, "Repeated cancellation. Your order has been canceled.")
OTHER_API = (6023, "The account does not support this interface.")

CONTRACT_REASONS: dict[Reason, tuple[int, str]] = {
    Reason.UNKNOWN_SYMBOL: (1014, "This contract doesn't exist."),
    Reason.QUANTITY_TOO_SMALL: (1040, "Invalid amount, please modify and order again."),
    Reason.QUANTITY_TOO_LARGE: (1041, "The order amount exceeds the limit."),
    Reason.QUANTITY_STEP: (1040, "Invalid amount, please modify and order again."),
    Reason.PRICE_STEP: (1038, "The order price exceeds the precision limit."),
    Reason.NOTIONAL: (1040, "Invalid amount, please modify and order again."),
    Reason.MARGIN: (1047, "Insufficient margin available."),
    Reason.DUPLICATE: (1050, "Customer's order number is repeated. Please try again later."),
    Reason.WOULD_TRIGGER: (1407, "The stop-loss price shall not be beyond the last price"),
    Reason.REDUCE_ONLY: (
        1492,
        "Amount of Reduce Only order exceeds the amount available to close.",
    ),
    Reason.NO_POSITION: (1048, "Insufficient close amount available."),
    Reason.NO_SUCH_ORDER: ORDER_UNKNOWN,
    Reason.NOT_OPEN: CANCEL_UNKNOWN,
    Reason.LEVERAGE: (1037, "The leverage is invalid. Please contact the customer service."),
    Reason.POSITION_OPEN: (1421, "There are open orders or positions of the current contract."),
    Reason.ORDERS_OPEN: (1045, "Unable to switch leverage due to open orders."),
    Reason.POST_ONLY: (1069, "The price is not reasonable."),
}

SPOT_REASONS: dict[Reason, tuple[str, str]] = {
    Reason.UNKNOWN_SYMBOL: ("base-symbol-error", "The symbol is invalid"),
    Reason.QUANTITY_TOO_SMALL: ("order-limitorder-amount-min-error", "limit order amount error"),
    Reason.QUANTITY_TOO_LARGE: ("order-limitorder-amount-max-error", "limit order amount error"),
    Reason.QUANTITY_STEP: ("order-orderamount-precision-error", "order amount precision error"),
    Reason.PRICE_STEP: ("order-orderprice-precision-error", "order price precision error"),
    Reason.NOTIONAL: ("order-value-min-error", "Order total cannot be lower than: 10 USDT"),
    Reason.MARGIN: (
        "account-frozen-balance-insufficient-error",
        "trade account balance is not enough",
    ),
    Reason.DUPLICATE: ("invalid-client-order-id", "client order id is duplicated"),
    Reason.WOULD_TRIGGER: (
        "order-stop-order-hit-trigger",
        "Orders that are triggered immediately are not supported.",
    ),
    Reason.REDUCE_ONLY: (
        "account-frozen-balance-insufficient-error",
        "trade account balance is not enough",
    ),
    Reason.NO_POSITION: (
        "account-frozen-balance-insufficient-error",
        "trade account balance is not enough",
    ),
    Reason.NO_SUCH_ORDER: ("base-record-invalid", "record invalid"),
    Reason.NOT_OPEN: ("order-orderstate-error", "Incorrect order state"),
    Reason.LEVERAGE: ("base-operation-forbidden", "The operation is forbidden"),
    Reason.POSITION_OPEN: ("base-operation-forbidden", "The operation is forbidden"),
    Reason.ORDERS_OPEN: ("base-operation-forbidden", "The operation is forbidden"),
    Reason.POST_ONLY: ("order-invalid-price", "invalid price"),
}

CONTRACT_TROUBLES: dict[Trouble, tuple[int, str, int]] = {
    Trouble.BAD_KEY: (403, "Incorrect Access key [Access key错误]", 200),
    Trouble.BAD_SIGNATURE: (1003, "invalid signature", 200),
    Trouble.CLOCK: (403, "Abnormal timestamp [时间戳错误]", 200),
    Trouble.RATE_LIMITED: (1032, "The number of access exceeded the limit.", 429),
    Trouble.BANNED: (1084, "Your contract API is disabled, please try again after", 200),
    Trouble.OVERLOADED: (1004, "System busy. Please try again later.", 200),
    Trouble.UNKNOWN_OUTCOME: (1000, "System error.", 200),
    Trouble.NO_SUCH_PATH: (404, "Not Found", 404),
}

SPOT_TROUBLES: dict[Trouble, tuple[str, str, int]] = {
    Trouble.BAD_KEY: (
        "api-signature-not-valid",
        "Signature not valid: Incorrect Access key [Access key错误]",
        200,
    ),
    Trouble.BAD_SIGNATURE: (
        "api-signature-not-valid",
        "Signature not valid: Verification failure [校验失败]",
        200,
    ),
    Trouble.CLOCK: (
        "api-signature-not-valid",
        "Signature not valid: Invalid submission time [提交时间错误]",
        200,
    ),
    Trouble.RATE_LIMITED: ("rate-too-many-requests", "exceeded rate limit", 429),
    Trouble.BANNED: ("rate-too-many-requests", "exceeded rate limit", 429),
    Trouble.OVERLOADED: ("base-system-error", "System internal error.", 200),
    Trouble.UNKNOWN_OUTCOME: ("timeout", "Request Timeout", 200),
    Trouble.NO_SUCH_PATH: ("invalid-path", "Not Found", 404),
}


def no(why: Reason | Trouble, family: Family) -> No:
    """The error for ``why``."""
    if family in (Family.V5, Family.CONTRACT):
        found = CONTRACT_TROUBLES[why] if isinstance(why, Trouble) else CONTRACT_REASONS[why]
        return No(*found)
    return No(*(SPOT_TROUBLES[why] if isinstance(why, Trouble) else SPOT_REASONS[why]))


assert set(CONTRACT_REASONS) == set(SPOT_REASONS) == set(Reason), "every reason has a code"
