"""Codes, and refusals in answers that ccxt takes for success: they mean the same as if raised."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from ccxt.base import errors as ccxt

from signalbot.domain.errors import SignalbotError
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.codes import Codes
from signalbot.exchange.live.outcome import order_error, read_error

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def codes_in(table: str) -> frozenset[str]:
    """Codes as they stand in a table, separated by blanks."""
    return frozenset(table.split())


class Answer(Exception):
    """What an exchange said was wrong, in an answer of HTTP status 200."""

    def __init__(self, code: object, message: object) -> None:
        super().__init__(json.dumps({"code": str(code), "message": str(message)}))


@contextmanager
def building() -> Iterator[None]:
    """While an order is put together and nothing has been sent.

    Raises:
        OrderRejected: ccxt finds that it cannot be: less than a contract, say.
    """
    try:
        yield
    except ccxt.BaseError as e:
        raise order_error(e, codes=Codes(), was_sent=False) from None


def order_refused(code: object, message: object, *, codes: Codes) -> SignalbotError:
    """What a refusal means for the order it answers; unknown unless the code is listed."""
    return order_error(Answer(code, message), codes=codes, was_sent=True)


def read_refused(code: object, message: object, *, codes: Codes) -> SignalbotError:
    """What a refusal means for a question."""
    return read_error(Answer(code, message), codes=codes)


def instant(text: str) -> Ms | None:
    """The instant that ISO 8601 text tells; None where it tells none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return Ms(round((moment - _EPOCH).total_seconds() * 1000))
