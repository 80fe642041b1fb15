"""Every way an answer can fail to come, through real ccxt: once out, never called rejected."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from signalbot.domain.errors import (
    AccessDenied,
    OrderOutcomeUnknown,
    OrderRejected,
    RejectionReason,
    SignalbotError,
    Unavailable,
)
from signalbot.exchange.live.adapters.binance_usdm import BinanceUsdm
from signalbot.exchange.live.transport.client_profile import ClientProfile
from signalbot.exchange.live.transport.connection import Connection
from signalbot.exchange.live.transport.error_codes import (
    AddressRateLimited,
    ClockSkewed,
    OrderNotFound,
)
from signalbot.exchange.live.transport.exchange_api import RequestPriority
from signalbot.exchange.live.transport.rate_limiter import RateLimiter
from signalbot.exchange.live.transport.request_executor import RequestExecutor
from signalbot.tasks import SystemClock
from tests.venue.faults import Action, Cut, Drop, Hang, Reply, Rule
from tests.venue.server import Venue, venue

SYMBOL = "BTC/USDT:USDT"
KEY = "canary-key-5ec2e7"
SECRET = f"{KEY}-secret"


@dataclass
class Setup:
    """One account behind one budget, at a loopback Binance."""

    venue: Venue
    caller: RequestExecutor
    budget: RateLimiter
    clock_faults: list[None] = field(default_factory=list)

    async def buy(self, *, amount: str = "0.002", deadline_s: float = 5.0) -> Any:
        params = {"clientOrderId": "e" * 32}
        return await self.caller.execute(
            "create_order", SYMBOL, "market", "buy", amount, None, params,
            priority=RequestPriority.ENTRY, deadline_s=deadline_s,
        )  # fmt: skip

    async def ask(self, method: str = "fetch_open_orders", *args: Any) -> Any:
        return await self.caller.read(method, *args, priority=RequestPriority.POLL, deadline_s=5.0)

    def goes_wrong(self, does: Action, *, path: str = "/order$") -> None:
        self.venue.faults.add(Rule(path=path, does=(does,), times=-1))

    def says(
        self, code: int, text: str = "no", *, status: int = 400,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:  # fmt: skip
        """Refuse orders the way Binance does."""
        body = json.dumps({"code": code, "msg": text})
        self.goes_wrong(Reply(status=status, body=body, headers=headers))

    @property
    def orders(self) -> int:
        """How many orders were sent."""
        return self.venue.counts.of("POST", "/fapi/v1/order")

    @property
    def requests(self) -> int:
        return self.venue.counts.calls.total()


@asynccontextmanager
async def setup(*, in_flight: int = 64) -> AsyncIterator[Setup]:
    async with venue("binance", accounts=[KEY]) as it:
        connection = Connection(
            "x", ClientProfile("binanceusdm", shapes=BinanceUsdm.shapes), config=it.ccxt_config()
        )
        await connection.open()
        try:
            await connection.load_markets()
            rates = BinanceUsdm.capabilities.rates
            budget = RateLimiter("x", rates=rates, in_flight=in_flight, clock=SystemClock())
            clock_faults: list[None] = []
            caller = RequestExecutor(
                connection.client({"apiKey": KEY, "secret": SECRET}),
                rate_limiter=budget,
                codes=BinanceUsdm.codes,
                on_clock_skew=lambda: clock_faults.append(None),
            )
            yield Setup(it, caller, budget, clock_faults)
        finally:
            await connection.close()


async def test_a_good_order_comes_back_with_its_ids() -> None:
    """Without a fault: theirs and ours."""
    async with setup() as at:
        placed = await at.buy()
        assert placed["id"]
        assert placed["clientOrderId"] == "e" * 32


@pytest.mark.parametrize(
    "wire",
    [
        Drop(before=True),
        Drop(),
        Hang(),
        Reply(status=502, body="<html>bad gateway</html>"),
        Reply(status=403, body="<html>who are you</html>"),
        Reply(status=524, body='{"code":-1000,"msg":"x"}'),
        Reply(status=504, body='{"code":-1007,"msg":"Timeout waiting for response"}'),
        Reply(status=400, body='{"code":-1006,"msg":"UNEXPECTED_RESP"}'),
        Reply(status=503, body='{"code":-1000,"msg":"UNKNOWN"}'),
        Reply(status=503, body='{"code":-1008,"msg":"Server is overloaded"}'),
        Reply(status=200, body='{"code":-1000,"msg":"UNKNOWN"}'),
        Reply(status=400, body='{"code":-999999,"msg":"never heard of"}'),
        Reply(status=400, body='{"code":-4116,"msg":"ClientOrderId is duplicated."}'),
        Reply(status=400, body='{"code":-2010,"msg":"Duplicate order sent."}'),
        Cut(keep=25),
    ],
    ids=lambda wire: str(wire)[:60],
)
async def test_what_may_have_arrived_is_unknown(wire: Action) -> None:
    """The exchange may have the order, whatever ccxt calls what came back."""
    async with setup() as at:
        at.goes_wrong(wire)
        with pytest.raises(OrderOutcomeUnknown):
            await at.buy(deadline_s=0.7)
        assert at.orders == 1


@pytest.mark.parametrize("body", ["{}", "", "<html>fine</html>", '{"orderId":7,'])
async def test_a_yes_that_names_no_order_is_no_answer(body: str) -> None:
    """ccxt would make an order without an id of it; whether one exists has to be looked up."""
    async with setup() as at:
        at.goes_wrong(Reply(body=body))
        with pytest.raises(OrderOutcomeUnknown, match="POST /fapi/v1/order"):
            await at.buy()
        assert at.orders == 1


@pytest.mark.parametrize(
    ("code", "status", "refusal"),
    [
        (-2019, 400, RejectionReason.INSUFFICIENT_MARGIN),
        (-2021, 400, RejectionReason.WOULD_TRIGGER),
        (-2015, 401, RejectionReason.ACCESS_DENIED),
        (-4164, 400, RejectionReason.OTHER),
        (-1111, 400, RejectionReason.OTHER),
    ],
)
async def test_a_refusal_by_code_is_final(code: int, status: int, refusal: RejectionReason) -> None:
    """Under an address where ccxt does not know most of the codes."""
    async with setup() as at:
        at.says(code, status=status)
        with pytest.raises(OrderRejected) as raised:
            await at.buy()
        assert raised.value.rejection_reason is refusal


async def test_a_refused_connection_was_never_sent() -> None:
    """ccxt raises what it also raises for a lost answer; the wire knows better."""
    async with setup() as at:
        client = at.caller.client
        client.urls = copy.deepcopy(client.urls)
        client.urls["api"]["fapiPrivate"] = "http://127.0.0.1:9/fapi/v1"
        with pytest.raises(Unavailable, match="never sent"):
            await at.buy()


@pytest.mark.parametrize("amount", ["0", "0.0000001"])
async def test_what_ccxt_refuses_itself_is_refused(amount: str) -> None:
    """It would refuse it again: nothing to try later, and nothing was sent."""
    async with setup() as at:
        with pytest.raises(OrderRejected):
            await at.buy(amount=amount)
        assert at.orders == 0


async def test_a_wrong_clock_is_told_and_nothing_was_accepted() -> None:
    """The order may be sent again under the same id once the clock is measured."""
    async with setup() as at:
        at.says(-1021, "Timestamp for this request is outside of the recvWindow.")
        with pytest.raises(ClockSkewed):
            await at.buy()
        assert len(at.clock_faults) == 1


@pytest.mark.parametrize(
    ("status", "headers", "for_s"),
    [
        (429, (("Retry-After", "7"),), 7),
        (418, (("Retry-After", "300"),), 300),
        (429, (), 60),
        (418, (), 120),
        (429, (("Retry-After", "nan"),), 60),
    ],
)
async def test_too_many_requests_silence_the_whole_address(
    status: int, headers: tuple[tuple[str, str], ...], for_s: int
) -> None:
    """For as long as the exchange says, or ever longer; not one request goes out meanwhile."""
    async with setup() as at:
        at.says(-1003, "Too many requests.", status=status, headers=headers)
        with pytest.raises(AddressRateLimited):
            await at.buy()
        left_s = (at.budget.banned_until_ms - SystemClock().now_ms()) / 1000
        assert for_s - 2 < left_s <= for_s
        asked, until_ms = at.requests, at.budget.banned_until_ms
        for call in (at.buy, at.ask):
            with pytest.raises(AddressRateLimited, match="no requests"):
                await call()
        assert at.requests == asked
        assert at.budget.banned_until_ms == until_ms


async def test_too_many_requests_count_by_their_status_alone() -> None:
    """A proxy's 429 carries no code, and some exchanges' ccxt calls it an outage."""
    async with setup() as at:
        at.goes_wrong(
            Reply(status=429, body="<html>slow down</html>", headers=(("Retry-After", "9"),))
        )
        with pytest.raises(AddressRateLimited):
            await at.buy()
        assert at.budget.banned_until_ms > SystemClock().now_ms() + 7_000


@pytest.mark.parametrize(
    ("wire", "kind"),
    [
        (Reply(status=502, body="<html></html>"), Unavailable),
        (Drop(before=True), Unavailable),
        (Reply(status=400, body='{"code":-2013,"msg":"Order does not exist."}'), OrderNotFound),
        (Reply(status=401, body='{"code":-2015,"msg":"Invalid API-key"}'), AccessDenied),
        (Reply(status=400, body='{"code":-1021,"msg":"recvWindow"}'), ClockSkewed),
        (Reply(status=400, body='{"code":-1100,"msg":"Illegal characters"}'), Unavailable),
    ],
)
async def test_a_question_without_an_answer(wire: Action, kind: type[SignalbotError]) -> None:
    """Only "there is no such order" and "you may not" say anything."""
    async with setup() as at:
        at.goes_wrong(wire)
        with pytest.raises(SignalbotError) as raised:
            await at.ask("fetch_order", "", SYMBOL, {"clientOrderId": "e" * 32})
        assert type(raised.value) is kind


async def test_what_already_is_so_counts_as_done() -> None:
    """Setting the margin mode it has is refused by Binance; asked for and true all the same."""
    async with setup() as at:
        for _ in range(2):
            await at.caller.execute(
                "set_margin_mode", "isolated", SYMBOL, priority=RequestPriority.POLL
            )
        assert at.venue.counts.of("POST", "/marginType") == 2


async def test_no_text_tells_a_key() -> None:
    """Not even where the exchange repeats it in its answer."""
    async with setup() as at:
        at.says(-2014, f"API-key {KEY} with secret {SECRET} is bad")
        with pytest.raises(OrderRejected) as raised:
            await at.buy()
        assert "5ec2e7" not in str(raised.value)
        at.venue.faults.clear()
        at.goes_wrong(Drop(before=True))
        with pytest.raises(OrderOutcomeUnknown) as lost:
            await at.buy()
        assert "signature" not in str(lost.value)


async def test_waiting_for_a_turn_counts_and_was_never_sent() -> None:
    """A full budget is no reason to look an order up."""
    async with setup() as at:
        narrow = RateLimiter("x", rates=(), in_flight=1, clock=SystemClock())
        caller = RequestExecutor(
            at.caller.client,
            rate_limiter=narrow,
            codes=BinanceUsdm.codes,
            on_clock_skew=lambda: None,
        )
        async with narrow.slot(RequestPriority.ENTRY):
            with pytest.raises(Unavailable, match=r"never sent.* a slot"):
                await caller.execute(
                    "create_order", priority=RequestPriority.ENTRY, deadline_s=0.05
                )
        assert narrow.queued == 0


async def test_a_cancelled_caller_is_cancelled() -> None:
    """Shutting down is no outcome of an order; its slot is free again."""
    async with setup(in_flight=1) as at:
        at.goes_wrong(Hang())
        async with asyncio.TaskGroup() as group:
            task = group.create_task(at.buy())
            while not at.orders:  # noqa: ASYNC110 - a server counts
                await asyncio.sleep(0.01)
            task.cancel()
        assert task.cancelled()
        at.venue.faults.clear()
        async with asyncio.timeout(1):
            await at.ask("fetch_open_orders", SYMBOL)


class Closing:
    """A ccxt client whose request is cancelled from inside, as when its socket is closed."""

    async def create_order(self) -> None:
        raise asyncio.CancelledError


async def test_a_cancellation_nobody_asked_for_is_a_failure() -> None:
    """It must not end the task that was only trading."""
    caller = RequestExecutor(
        Closing(),
        rate_limiter=RateLimiter("x", rates=(), clock=SystemClock()),
        codes=BinanceUsdm.codes,
        on_clock_skew=lambda: None,
    )
    with pytest.raises(Unavailable):
        await caller.execute("create_order", priority=RequestPriority.ENTRY)


class Slow:
    """A ccxt client that notes who is under way."""

    def __init__(self) -> None:
        self.execute: list[str] = []
        self.most_at_once = 0
        self._now = 0

    async def ask(self, name: str) -> None:
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        self.execute.append(name)
        await asyncio.sleep(0.01)
        self._now -= 1


@pytest.mark.parametrize(
    ("serial", "at_once"), [(True, lambda most: most == 1), (False, lambda most: most == 4)]
)
async def test_a_rising_nonce_is_kept_by_going_one_by_one(
    serial: bool, at_once: Callable[[int], bool]
) -> None:
    """By lane all the same: a stop does not queue behind the account's own polls."""
    client = Slow()
    caller = RequestExecutor(
        client,
        rate_limiter=RateLimiter("x", rates=(), clock=SystemClock()),
        codes=BinanceUsdm.codes,
        on_clock_skew=lambda: None,
        serial=serial,
    )
    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(caller.read("ask", f"poll {number}", priority=RequestPriority.POLL))
        await asyncio.sleep(0)
        group.create_task(caller.execute("ask", "stop", priority=RequestPriority.PROTECT))
    assert at_once(client.most_at_once)
    if serial:
        assert client.execute == ["poll 0", "stop", "poll 1", "poll 2"]
