"""What ccxt raises, as what it means: rejection is a whitelist, everything else is unknown."""

import pytest
from ccxt.base import errors as ccxt
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.errors import (
    AccessDenied,
    OrderOutcomeUnknown,
    OrderRejected,
    RejectionReason,
    SignalbotError,
    Unavailable,
)
from signalbot.exchange.live.adapters.binance_usdm import BinanceUsdm
from signalbot.exchange.live.transport.error_codes import (
    AddressRateLimited,
    ClockSkewed,
    OrderNotFound,
)
from signalbot.exchange.live.transport.error_mapping import (
    exchange_code_of,
    order_error,
    read_error,
)

CODES = BinanceUsdm.codes


def said(code: int, text: str = "no") -> str:
    """An error text as ccxt writes it for Binance."""
    return f'binanceusdm {{"code":{code},"msg":"{text}"}}'


@pytest.mark.parametrize(
    ("error", "kind", "refusal"),
    [
        # Behind another address than the production one ccxt knows only its most general class.
        (ccxt.ExchangeError(said(-2019)), OrderRejected, RejectionReason.INSUFFICIENT_MARGIN),
        (ccxt.ExchangeError(said(-2021)), OrderRejected, RejectionReason.WOULD_TRIGGER),
        (ccxt.ExchangeError(said(-4164)), OrderRejected, RejectionReason.OTHER),
        (ccxt.ExchangeError(said(-2015)), OrderRejected, RejectionReason.ACCESS_DENIED),
        (ccxt.ExchangeError(said(-4116)), OrderOutcomeUnknown, None),
        (ccxt.InvalidOrder(said(-4116)), OrderOutcomeUnknown, None),
        (ccxt.ExchangeError(said(-1021)), ClockSkewed, None),
        (ccxt.ExchangeError(said(-1003)), AddressRateLimited, None),
        (ccxt.InsufficientFunds("x"), OrderRejected, RejectionReason.INSUFFICIENT_MARGIN),
        (ccxt.AuthenticationError("x"), OrderRejected, RejectionReason.ACCESS_DENIED),
        (ccxt.BadSymbol("x"), OrderRejected, RejectionReason.OTHER),
        (ccxt.InvalidNonce("x"), ClockSkewed, None),
        (ccxt.DDoSProtection("x"), AddressRateLimited, None),
        # Never a rejection: the order may be live.
        (ccxt.ExchangeError("x"), OrderOutcomeUnknown, None),
        (ccxt.ExchangeError(said(-9999)), OrderOutcomeUnknown, None),
        (ccxt.ExchangeError(said(-1008)), OrderOutcomeUnknown, None),
        (ccxt.OperationFailed(said(-1000)), OrderOutcomeUnknown, None),
        (ccxt.RequestTimeout(said(-1007)), OrderOutcomeUnknown, None),
        (ccxt.ExchangeNotAvailable("502"), OrderOutcomeUnknown, None),
        (ccxt.OnMaintenance("x"), OrderOutcomeUnknown, None),
        (ccxt.BadResponse("x"), OrderOutcomeUnknown, None),
        (KeyError("info"), OrderOutcomeUnknown, None),
        (TypeError("x"), OrderOutcomeUnknown, None),
        (TimeoutError(), OrderOutcomeUnknown, None),
    ],
)
def test_an_order_has_three_outcomes(
    error: Exception, kind: type[SignalbotError], refusal: RejectionReason | None
) -> None:
    """Codes first, then classes; a request that was sent is unknown unless refused for sure."""
    found = order_error(error, codes=CODES, was_sent=True)
    assert type(found) is kind
    if isinstance(found, OrderRejected):
        assert found.rejection_reason is refusal


@pytest.mark.parametrize("error", [ccxt.ExchangeNotAvailable("refused"), TimeoutError()])
def test_what_never_left_may_be_sent_again(error: Exception) -> None:
    """Refused connections, names that do not resolve, waiting for a turn in vain."""
    found = order_error(error, codes=CODES, was_sent=False)
    assert type(found) is Unavailable
    assert "never sent" in str(found)


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (ccxt.InvalidOrder("amount must be above 0.001"), RejectionReason.OTHER),
        (ccxt.BadSymbol("does not have market symbol X"), RejectionReason.OTHER),
        (ccxt.AuthenticationError('requires "secret"'), RejectionReason.ACCESS_DENIED),
    ],
)
def test_what_ccxt_refuses_before_sending_is_refused(
    error: Exception, refusal: RejectionReason
) -> None:
    """It would refuse it again: there is nothing to try later."""
    found = order_error(error, codes=CODES, was_sent=False)
    assert isinstance(found, OrderRejected)
    assert found.rejection_reason is refusal


@pytest.mark.parametrize("status", [418, 429])
def test_too_many_requests_are_known_by_their_status(status: int) -> None:
    """Some exchanges' ccxt calls it an outage; it is provably not accepted."""
    error = ccxt.ExchangeNotAvailable("okx POST 429 Too Many Requests")
    assert type(order_error(error, codes=CODES, was_sent=True, status=status)) is AddressRateLimited
    assert type(read_error(error, codes=CODES, status=status)) is AddressRateLimited


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        # The order was accepted; then ccxt could not make sense of the answer.
        (ccxt.BadSymbol("does not have market symbol X"), 200, OrderOutcomeUnknown),
        (ccxt.ArgumentsRequired("x"), 201, OrderOutcomeUnknown),
        # Refused within an answer of success, or by HTTP itself.
        (ccxt.BadSymbol(said(-1121)), 200, OrderRejected),
        (ccxt.InsufficientFunds("failed due to insufficientAvailableFunds"), 200, OrderRejected),
        (ccxt.AuthenticationError("401 Unauthorized"), 401, OrderRejected),
    ],
)
def test_a_yes_that_ccxt_cannot_read_is_no_refusal(
    error: Exception, status: int, kind: type[SignalbotError]
) -> None:
    """A class alone does not turn an answer of success into a refusal."""
    assert type(order_error(error, codes=CODES, was_sent=True, status=status)) is kind


@pytest.mark.parametrize(
    "error",
    [
        ccxt.InvalidOrder(said(-2010, "Duplicate order sent.")),
        ccxt.BadRequest('x {"code":99999,"msg":"OrderLinkedID is duplicate"}'),
        ccxt.DuplicateOrderId("x"),
    ],
)
def test_a_duplicate_is_there(error: Exception) -> None:
    """Whatever class and code it comes under, and where a code means other things too."""
    assert type(order_error(error, codes=CODES, was_sent=True)) is OrderOutcomeUnknown


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ccxt.OrderNotFound(said(-2013)), OrderNotFound),
        (ccxt.ExchangeError(said(-2013)), OrderNotFound),
        (ccxt.ExchangeError(said(-2015)), AccessDenied),
        (ccxt.PermissionDenied("x"), AccessDenied),
        (ccxt.DDoSProtection("x"), AddressRateLimited),
        (ccxt.InsufficientFunds("x"), Unavailable),
        (ccxt.ExchangeError("x"), Unavailable),
        (ValueError("x"), Unavailable),
    ],
)
def test_a_failed_question_proves_nothing(error: Exception, kind: type[SignalbotError]) -> None:
    """But for a key that will never be let in, and an order that this place does not know."""
    assert type(read_error(error, codes=CODES)) is kind


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('binanceusdm {"code":-2019,"msg":"x"}', "-2019"),
        ('bybit {"retCode":110007,"retMsg":"x","result":{}}', "110007"),
        ('okx {"code":"1","data":[{"sCode":"51008","sMsg":"x"}],"msg":""}', "51008"),
        ('bitget {"code":"40786","msg":"x"}', "40786"),
        ('htx {"status":"error","err_code":1067,"err_msg":"x"}', "1067"),
        ('kraken {"error":["EOrder:Insufficient margin"]}', "EOrder:Insufficient margin"),
        (
            'krakenfutures {"result":"success","sendStatus":{"status":"wouldCauseLiquidation"}}',
            "wouldCauseLiquidation",
        ),
        ('krakenfutures {"result":"error","error":"apiLimitExceeded"}', "apiLimitExceeded"),
        (
            "krakenfutures: createOrder failed due to wouldNotReducePosition",
            "wouldNotReducePosition",
        ),
        ('mexc {"success":false,"code":2005,"message":"Balance insufficient"}', "2005"),
        (
            'htx {"status":"error","err-code":"order-limitorder-price-min-error"}',
            "order-limitorder-price-min-error",
        ),
        ('x {"code":-2019,"msg":"x"} and {more', "-2019"),
        ('x {"code":null,"retCode":10001}', "10001"),
        ('x {"code":-2019,"ms', None),
        ("binanceusdm POST https://fapi.binance.com/fapi/v1/order", None),
        ("", None),
    ],
)
def test_the_exchanges_own_code_is_found(text: str, code: str | None) -> None:
    """In whichever of the usual places it stands."""
    assert exchange_code_of(ccxt.ExchangeError(text)) == code


_CLASSES = [
    *(each for each in vars(ccxt).values() if isinstance(each, type)),
    KeyError, TypeError, ValueError, TimeoutError, OSError,
]  # fmt: skip


_KEYS = ("key-5ec2e7", "passphrase-5ec2e7")
_LEAKS = (
    "POST https://fapi.binance.com/fapi/v1/order?symbol=X&timestamp=1&signature=5ec2e7",
    "wss://fstream.binance.com/ws/5ec2e7",
    "symbol=X&signature=5ec2e7",
    "AccessKeyId=5ec2e7&Signature=5ec2e7",
    '{"apiKey": "5ec2e7", "code": -2014}',
    f"API-key {_KEYS[0]} is invalid",
    f'{{"code": -1, "msg": "wrong phrase {_KEYS[1]}"}}',
)


@given(
    st.sampled_from(_CLASSES),
    st.text(max_size=80),
    st.sampled_from(_LEAKS),
    st.booleans(),
    st.sampled_from([None, 200, 400, 401, 429, 502]),
)
def test_whatever_is_raised_becomes_ours_and_tells_no_secret(
    kind: type[Exception], text: str, leak: str, was_sent: bool, status: int | None
) -> None:
    """ccxt puts whole signed addresses into its texts, exchanges what they were sent."""
    error = kind(f"{text} {leak}")
    order = order_error(error, codes=CODES, was_sent=was_sent, status=status, secrets=_KEYS)
    read = read_error(error, codes=CODES, status=status, secrets=_KEYS)
    for found in (order, read):
        assert isinstance(found, SignalbotError)
        assert "5ec2e7" not in str(found)
    assert isinstance(order, OrderRejected | OrderOutcomeUnknown | Unavailable | OrderNotFound)
    assert isinstance(read, Unavailable | OrderNotFound)
