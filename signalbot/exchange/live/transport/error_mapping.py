"""Maps errors of ccxt to their meaning for an order: rejected, unknown, or never accepted.

Rejection is an allow-list, of codes first and then of classes: ccxt knows many codes only under an
exchange's production address, and raises its most general class for a truncated response, too.
Everything that is not on the list is unknown.
"""

import json
import re
from collections.abc import Callable, Collection
from typing import Any

from ccxt.base import errors as ccxt

from signalbot.domain.errors import (
    AccessDenied,
    OrderOutcomeUnknown,
    OrderRejected,
    RejectionReason,
    SignalbotError,
    Unavailable,
)
from signalbot.exchange.live.transport.error_codes import (
    AccountRateLimited,
    AddressRateLimited,
    ClockSkewed,
    ErrorCodes,
    OrderNotFound,
)

_CODE_KEYS = ("code", "retCode", "sCode", "err_code", "err-code", "error_code", "errorCode")
_SUCCESS = frozenset(("0", "1", "00000", "200", "OK", "success", ""))
_JSON = json.JSONDecoder()
_WORDED_CODE = re.compile(r"(?<![A-Za-z])E[A-Z][A-Za-z]+:[A-Za-z ]+[a-z]")
_STATUS = re.compile(r'"(?:sendStatus|status|error)"\s*:\s*(?:\{\s*"status"\s*:\s*)?"([A-Za-z_]+)"')
_DUE_TO = re.compile(r"failed due to (\w+)")  # how ccxt quotes a status
_SECRET = re.compile(
    r"(?i)(?:https?|wss?|socks\w*)://\S+"
    r"|\b(?:signature|sign|api-?_?key|access-?_?key(?:id)?|secret|passphrase|password|listenkey"
    r"|timestamp|nonce)[\"']?\s*[=:]\s*[\"']?[^\s&\"',}]+"
)
_DUPLICATE = re.compile(r"(?i)duplicat")
_TOO_MANY = (418, 429)
_FORBIDDEN = 403
_TOO_FREQUENT = re.compile(r"(?i)access too frequent")  # how a gateway words its ban
_FIRST_ERROR_STATUS = 300
_MAX_TEXT = 300
_MIN_SECRET = 4

# Classes that mean a rejection when the exchange's codes are not listed.
_REJECTIONS = (
    ccxt.InsufficientFunds,
    ccxt.BadSymbol,
    ccxt.BadRequest,
    ccxt.ArgumentsRequired,
    ccxt.NotSupported,
    ccxt.InvalidOrder,
    ccxt.OperationRejected,
    ccxt.AuthenticationError,
)

_NOT_FOUND_ERRORS = (ccxt.OrderNotFound, ccxt.OrderNotCached)


def exchange_code_of(error: BaseException) -> str | None:
    """The exchange's code in an error's text; the innermost of several."""
    text = str(error)
    start = text.find("{")
    if start >= 0:
        try:
            code = _innermost_code(_JSON.raw_decode(text, start)[0])
        except (ValueError, RecursionError):
            code = None
        if code is not None:
            return code
    for pattern in (_WORDED_CODE, _STATUS, _DUE_TO):
        match = pattern.search(text)
        if match is not None:
            return match.group(match.lastindex or 0)
    return None


def _innermost_code(body: Any) -> str | None:
    """The code of a part counts first: that of the whole may only mean that some failed."""
    inner = body.values() if isinstance(body, dict) else body if isinstance(body, list) else ()
    for part in inner:
        if isinstance(part, dict | list):
            code = _innermost_code(part)
            if code is not None:
                return code
    if isinstance(body, dict):
        for key in _CODE_KEYS:
            code = body.get(key)
            if isinstance(code, str | int) and str(code) not in _SUCCESS:
                return str(code)
    return None


def order_error(
    error: BaseException,
    *,
    codes: ErrorCodes,
    was_sent: bool,
    status: int | None = None,
    secrets: Collection[str] = (),
) -> SignalbotError:
    """The meaning of an exception for the order that was being sent.

    ``status`` is the HTTP status, where a response began; ``secrets`` are removed from the text.

    An order that was not sent is rejected only where ccxt itself has rejected it. A response of
    success without a code is no rejection: ccxt failed to parse it.
    """
    if isinstance(error, SignalbotError):
        return error
    text = redacted_text(error, secrets=secrets)
    if not was_sent:
        return _not_sent_error(error, text)
    code = exchange_code_of(error)
    found = _by_code(code, text, codes)
    if found is None and _is_ban(status, error):
        found = AddressRateLimited(text)
    found = found or _by_class(error, text)
    is_rejected = isinstance(found, OrderRejected)
    if is_rejected and _DUPLICATE.search(str(error)):
        return _duplicate_error(text)
    if is_rejected and code is None and status is not None and status < _FIRST_ERROR_STATUS:
        return OrderOutcomeUnknown(f"accepted, but the response was not understood: {text}")
    return found


def _is_ban(status: int | None, error: BaseException) -> bool:
    """Whether the address is banned; a 403 alone has many causes."""
    if status in _TOO_MANY:
        return True
    return status == _FORBIDDEN and _TOO_FREQUENT.search(str(error)) is not None


def _not_sent_error(error: BaseException, text: str) -> SignalbotError:
    if isinstance(error, _REJECTIONS) and not isinstance(error, _NOT_FOUND_ERRORS):
        return OrderRejected(text, rejection_reason=_rejection_reason_of(error))
    return Unavailable(f"never sent: {text}")


def _by_code(code: str | None, text: str, codes: ErrorCodes) -> SignalbotError | None:
    """The meaning of an exchange's code, which takes precedence over ccxt's class."""
    if code is None:
        return None
    meanings: tuple[tuple[frozenset[str], Callable[[], SignalbotError]], ...] = (
        (codes.duplicate, lambda: _duplicate_error(text)),
        (codes.unknown, lambda: OrderOutcomeUnknown(text)),
        (
            codes.would_trigger,
            lambda: OrderRejected(text, rejection_reason=RejectionReason.WOULD_TRIGGER),
        ),
        (
            codes.no_margin,
            lambda: OrderRejected(text, rejection_reason=RejectionReason.INSUFFICIENT_MARGIN),
        ),
        (
            codes.access_denied,
            lambda: OrderRejected(text, rejection_reason=RejectionReason.ACCESS_DENIED),
        ),
        (codes.clock, lambda: ClockSkewed(text)),
        (codes.limited, lambda: AddressRateLimited(text)),
        (codes.account_limited, lambda: AccountRateLimited(text)),
        (codes.not_found, lambda: OrderNotFound(text)),
        (codes.rejected, lambda: OrderRejected(text)),
    )
    for code_sets, mean in meanings:
        if any(_matches_with_text(each, code, text) for each in code_sets):
            return mean()
    return next((mean() for code_sets, mean in meanings if code in code_sets), None)


def _matches_with_text(listed: str, code: str, text: str) -> bool:
    """Whether an entry of a table is this code with a part of the text."""
    number, separator, part = listed.partition("|")
    return bool(separator) and number == code and part in text.lower()


def _by_class(error: BaseException, text: str) -> SignalbotError:
    """The meaning of ccxt's class; the first match counts, others are unknown."""
    meanings: tuple[tuple[tuple[type[BaseException], ...], Callable[[], SignalbotError]], ...] = (
        ((ccxt.InvalidNonce,), lambda: ClockSkewed(text)),
        ((ccxt.DDoSProtection, ccxt.RateLimitExceeded), lambda: AddressRateLimited(text)),
        (_NOT_FOUND_ERRORS, lambda: OrderNotFound(text)),
        ((ccxt.DuplicateOrderId,), lambda: _duplicate_error(text)),
        (_REJECTIONS, lambda: OrderRejected(text, rejection_reason=_rejection_reason_of(error))),
    )
    found = (mean() for kinds, mean in meanings if isinstance(error, kinds))
    return next(found, None) or OrderOutcomeUnknown(text)


def _duplicate_error(text: str) -> OrderOutcomeUnknown:
    return OrderOutcomeUnknown(f"an order with this id exists: look it up ({text})")


def _rejection_reason_of(error: BaseException) -> RejectionReason:
    if isinstance(error, ccxt.InsufficientFunds):
        return RejectionReason.INSUFFICIENT_MARGIN
    if isinstance(error, ccxt.AuthenticationError):
        return RejectionReason.ACCESS_DENIED
    if isinstance(error, ccxt.OrderImmediatelyFillable):
        return RejectionReason.WOULD_TRIGGER
    return RejectionReason.OTHER


def read_error(
    error: BaseException,
    *,
    codes: ErrorCodes,
    status: int | None = None,
    secrets: Collection[str] = (),
) -> SignalbotError:
    """The meaning of an exception for a read: nothing may be concluded from it."""
    found = order_error(error, codes=codes, was_sent=True, status=status, secrets=secrets)
    match found:
        case Unavailable() | OrderNotFound():
            return found
        case OrderRejected(rejection_reason=RejectionReason.ACCESS_DENIED):
            return AccessDenied(str(found))
        case _:
            return Unavailable(str(found))


def is_already_set(error: BaseException, *, codes: ErrorCodes) -> bool:
    """Whether a setting was rejected only because it has that value already."""
    return isinstance(error, ccxt.NoChange) or exchange_code_of(error) in codes.already_set


def redacted_text(error: BaseException, *, secrets: Collection[str] = ()) -> str:
    """An error's text without addresses, signatures and keys, cut to a maximum length."""
    message = str(error)
    for secret in secrets:
        if len(secret) >= _MIN_SECRET:
            message = message.replace(secret, "…")
    message = _SECRET.sub("…", message)
    name = type(error).__name__
    return (f"{name}: {message}" if message else name)[:_MAX_TEXT]
