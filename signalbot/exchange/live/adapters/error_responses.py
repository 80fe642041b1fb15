"""Codes, and refusals in answers that ccxt takes for success: they mean the same as if raised."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from ccxt.base import errors as ccxt

from signalbot.domain.errors import SignalbotError
from signalbot.exchange.live.transport.error_codes import ErrorCodes
from signalbot.exchange.live.transport.error_mapping import order_error, read_error


def codes_in(table: str) -> frozenset[str]:
    """Codes as they stand in a table, separated by blanks."""
    return frozenset(table.split())


class ErrorResponse(Exception):
    """What an exchange said was wrong, in an answer of HTTP status 200."""

    def __init__(self, code: object, message: object) -> None:
        super().__init__(json.dumps({"code": str(code), "message": str(message)}))


@contextmanager
def while_building() -> Iterator[None]:
    """While an order is put together and nothing has been sent.

    Raises:
        OrderRejected: ccxt finds that it cannot be: less than a contract, say.
    """
    try:
        yield
    except ccxt.BaseError as e:
        raise order_error(e, codes=ErrorCodes(), was_sent=False) from None


def rejected_order_error(code: object, message: object, *, codes: ErrorCodes) -> SignalbotError:
    """What a refusal means for the order it answers; unknown unless the code is listed."""
    return order_error(ErrorResponse(code, message), codes=codes, was_sent=True)


def failed_read_error(code: object, message: object, *, codes: ErrorCodes) -> SignalbotError:
    """What a refusal means for a question."""
    return read_error(ErrorResponse(code, message), codes=codes)
