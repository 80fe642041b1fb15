"""An exchange is away when nobody gets an answer for seconds, and back with the first answer."""

import pytest
from ccxt.base.errors import BadRequest, ExchangeNotAvailable, NetworkError

from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.transport.connectivity import Connectivity
from signalbot.exchange.live.transport.request_trace import RequestTrace
from tests.domain.samples import NOW

ASKED = RequestTrace(is_started=True, is_sent=True)


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at_ms = int(NOW)

    def now_ms(self) -> Ms:
        return Ms(self.at_ms)

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody waits here, least of all {seconds} s")

    async def sleep_until(self, at_ms: Ms) -> None:
        raise AssertionError(f"nobody waits here, least of all until {at_ms}")


def _fail(
    reach: Connectivity, clock: Hands, error: BaseException, state: RequestTrace, *, times: int = 10
) -> None:
    for _ in range(times):
        reach.record_failure(error, state)
        clock.at_ms += 1_000


def _away(reach: Connectivity) -> list[Ms]:
    """Since when it is away, if it is."""
    return [] if reach.outage_since_ms is None else [reach.outage_since_ms]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (NetworkError("refused"), RequestTrace(is_started=True)),
        (TimeoutError("no answer"), ASKED),
        (ExchangeNotAvailable("502"), RequestTrace(is_started=True, is_sent=True, status=502)),
    ],
)
def test_nothing_but_silence_for_seconds_is_an_absence(
    error: Exception, state: RequestTrace
) -> None:
    """Refused, silent, or a gateway with nobody behind it; it began with the first of them."""
    clock = Hands()
    reach = Connectivity(clock)
    began_ms = clock.now_ms()
    _fail(reach, clock, error, state, times=3)
    assert not _away(reach)
    _fail(reach, clock, error, state, times=1)
    assert _away(reach) == [began_ms]
    assert reach.cause
    reach.record_response()
    _fail(reach, clock, error, state, times=2)
    assert not _away(reach)


def test_a_thousand_failures_of_one_moment_are_none() -> None:
    """A signal goes to everybody in the very second in which a gateway hiccups."""
    clock = Hands()
    reach = Connectivity(clock)
    for _ in range(1_000):
        reach.record_failure(NetworkError("reset"), ASKED)
    assert not _away(reach)


def test_one_answer_among_failures_says_that_it_is_there() -> None:
    """Also a refusal: a key that is wrong is wrong at an exchange that answers."""
    clock = Hands()
    reach = Connectivity(clock)
    for _ in range(5):
        _fail(reach, clock, NetworkError("reset"), ASKED, times=2)
        reach.record_failure(
            NetworkError("busy"), RequestTrace(is_started=True, is_sent=True, status=429)
        )
    assert not _away(reach)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (TimeoutError("its turn"), RequestTrace()),
        (BadRequest("no such symbol"), RequestTrace(is_started=True)),
    ],
)
def test_what_never_went_out_says_nothing(error: Exception, state: RequestTrace) -> None:
    """A request that waited for its turn in vain, or that ccxt itself refused."""
    clock = Hands()
    reach = Connectivity(clock)
    _fail(reach, clock, error, state)
    assert not _away(reach)
