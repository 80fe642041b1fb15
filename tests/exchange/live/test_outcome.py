"""What ccxt raises, as what it means: rejection is a whitelist, everything else is unknown."""

import pytest
from ccxt.base import errors as ccxt
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.errors import (
    AccessDenied,
    OrderOutcomeUnknown,
    OrderRejected,
    Refusal,
    SignalbotError,
    Unavailable,
)
from signalbot.exchange.live.codes import ClockOff, Limited, OrderNotFound
from signalbot.exchange.live.dialects.binance_usdm import BinanceUsdm
from signalbot.exchange.live.outcome import code_of, order_error, read_error

CODES = BinanceUsdm.codes


def said(code: int, text: str = "no") -> str:
    """An error text as ccxt writes it for Binance."""
    return f'binanceusdm {{"code":{code},"msg":"{text}"}}'


@pytest.mark.parametrize(
    ("error", "kind", "refusal"),
    [
        # Behind another address than the production one ccxt knows only its most general class.
        (ccxt.ExchangeError(said(-2019)), OrderRejected, Refusal.INSUFFICIENT_MARGIN),
        (ccxt.ExchangeError(said(-2021)), OrderRejected, Refusal.WOULD_TRIGGER),
        (ccxt.ExchangeError(said(-4164)), OrderRejected, Refusal.OTHER),
        (ccxt.ExchangeError(said(-2015)), OrderRejected, Refusal.ACCESS_DENIED),
        (ccxt.ExchangeError(said(-4116)), OrderOutcomeUnknown, None),
        (ccxt.InvalidOrder(said(-4116)), OrderOutcomeUnknown, None),
        (ccxt.ExchangeError(said(-1021)), ClockOff, None),
        (ccxt.ExchangeError(said(-1003)), Limited, None),
        (ccxt.InsufficientFunds("x"), OrderRejected, Refusal.INSUFFICIENT_MARGIN),
        (ccxt.AuthenticationError("x"), OrderRejected, Refusal.ACCESS_DENIED),
        (ccxt.BadSymbol("x"), OrderRejected, Refusal.OTHER),
        (ccxt.InvalidNonce("x"), ClockOff, None),
        (ccxt.DDoSProtection("x"), Limited, None),
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
    error: Exception, kind: type[SignalbotError], refusal: Refusal | None
) -> None:
    """Codes first, then classes; a request that was sent is unknown unless refused for sure."""
    found = order_error(error, codes=CODES, was_sent=True)
    assert type(found) is kind
    if isinstance(found, OrderRejected):
        assert found.refusal is refusal


@pytest.mark.parametrize("error", [ccxt.ExchangeNotAvailable("refused"), TimeoutError()])
def test_what_never_left_may_be_sent_again(error: Exception) -> None:
    """Refused connections, names that do not resolve, waiting for a turn in vain."""
    found = order_error(error, codes=CODES, was_sent=False)
    assert type(found) is Unavailable
    assert "never sent" in str(found)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ccxt.OrderNotFound(said(-2013)), OrderNotFound),
        (ccxt.ExchangeError(said(-2013)), OrderNotFound),
        (ccxt.ExchangeError(said(-2015)), AccessDenied),
        (ccxt.PermissionDenied("x"), AccessDenied),
        (ccxt.DDoSProtection("x"), Limited),
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
        ("binanceusdm POST https://fapi.binance.com/fapi/v1/order", None),
        ("", None),
    ],
)
def test_the_exchanges_own_code_is_found(text: str, code: str | None) -> None:
    """In whichever of the usual places it stands."""
    assert code_of(ccxt.ExchangeError(text)) == code


_CLASSES = [each for each in vars(ccxt).values() if isinstance(each, type)]


@given(st.sampled_from(_CLASSES), st.text(max_size=80), st.booleans())
def test_whatever_is_raised_becomes_ours_and_tells_no_secret(
    kind: type[Exception], text: str, was_sent: bool
) -> None:
    """ccxt puts whole signed addresses into some of its texts."""
    url = "https://fapi.binance.com/fapi/v1/order?symbol=X&timestamp=1&signature=5ec2e7"
    error = kind(f"{text} POST {url}")
    for found in (
        order_error(error, codes=CODES, was_sent=was_sent),
        read_error(error, codes=CODES),
    ):
        assert isinstance(found, SignalbotError)
        assert "5ec2e7" not in str(found)
