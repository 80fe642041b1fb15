"""Errors inside responses that ccxt takes for success, as if ccxt had raised them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from ccxt.base import errors as ccxt

from signalbot.domain.errors import SignalbotError
from signalbot.exchange.live.transport.error_codes import ErrorCodes
from signalbot.exchange.live.transport.error_mapping import order_error, read_error


class ErrorResponse(Exception):
    """An error in a response of HTTP status 200."""

    def __init__(self, code: object, message: object) -> None:
        super().__init__(json.dumps({"code": str(code), "message": str(message)}))


@contextmanager
def while_building() -> Iterator[None]:
    """Maps errors of ccxt while an order is built and nothing has been sent.

    Raises:
        OrderRejected: ccxt rejects the order: less than one contract, for example.
    """
    try:
        yield
    except ccxt.BaseError as e:
        raise order_error(e, codes=ErrorCodes(), was_sent=False) from None


def rejected_order_error(code: object, message: object, *, codes: ErrorCodes) -> SignalbotError:
    """The error of an order that the response rejects; unknown unless the code is listed."""
    return order_error(ErrorResponse(code, message), codes=codes, was_sent=True)


def failed_read_error(code: object, message: object, *, codes: ErrorCodes) -> SignalbotError:
    """The error of a read that the response rejects."""
    return read_error(ErrorResponse(code, message), codes=codes)
