"""A thousand accounts are set up and compared within what the exchanges publish as their limits.

Time is virtual and the far side answers from memory: what is looked at is when which request goes
out. Weights are the exchanges' own, independent of what the code believes them to be.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from signalbot.domain.market import Instrument
from signalbot.domain.users import AccountSettings, Mode, User, UserId
from signalbot.exchange.live.account_markets import AccountMarkets
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.binance_usdm import BinanceUsdm
from signalbot.exchange.live.adapters.bybit_swap import BybitSwap
from signalbot.exchange.live.broker import LiveBroker
from signalbot.exchange.live.transport.client_profile import ClientProfile
from signalbot.exchange.live.transport.connection import Connection
from signalbot.exchange.live.transport.exchange_api import RequestPriority
from signalbot.exchange.live.transport.rate_limiter import RateLimiter
from signalbot.exchange.live.transport.request_executor import RequestExecutor
from signalbot.exchange.simulated.market import SimulatedMarket
from signalbot.replay import virtual_time
from signalbot.tasks import LoopClock, SystemClock
from tests.domain.samples import INSTRUMENT
from tests.exchange.live.wire_fixtures import NOW, SWAP
from tests.venue.server import venue

ACCOUNTS, AT_ONCE = 1_000, 32
ANSWER_S = 0.08

# https://developers.binance.com/docs/derivatives/usds-margined-futures: the weight of each request
BINANCE: Mapping[str, tuple[int, Any]] = {
    "fapiPrivateGetAccountConfig": (5, {"dualSidePosition": False}),
    "fapiPrivateGetSymbolConfig": (
        5, [{"symbol": "BTCUSDT", "leverage": 5, "marginType": "ISOLATED"}],
    ),
    "fetch_balance": (5, {"USDT": {"total": "1000", "free": "1000"}}),
    "fetch_open_orders": (1, []),
    "fetch_positions": (5, []),
}  # fmt: skip
# https://bybit-exchange.github.io/docs/v5/rate-limit: every request counts as one
_WALLET = {"totalAvailableBalance": "1000", "coin": [{"coin": "USDT", "equity": "1000"}]}
BYBIT: Mapping[str, tuple[int, Any]] = {
    "fetch_positions": (1, [{"leverage": "5", "hedged": False, "contracts": "0"}]),
    "fetch_margin_mode": (1, {"marginMode": "isolated"}),
    "fetch_balance": (1, {"info": {"result": {"list": [_WALLET]}}}),
    "fetch_open_orders": (1, []),
}


class Far:
    """An exchange's side of ccxt: answers everything at once, and remembers when it was asked."""

    def __init__(self, answers: Mapping[str, tuple[int, Any]], clock: LoopClock) -> None:
        self._answers = answers
        self._clock = clock
        self.asked: list[tuple[int, int]] = []  #: when, and what it weighed
        self.calls: Counter[str] = Counter()

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method not in self._answers:
            raise AttributeError(method)
        weight, answer = self._answers[method]

        async def ask(*_args: Any) -> Any:
            await asyncio.sleep(ANSWER_S / 2)
            self.asked.append((self._clock.now_ms(), weight))
            self.calls[method] += 1
            await asyncio.sleep(ANSWER_S / 2)
            return answer

        return ask

    def market(self, symbol: str) -> Mapping[str, str]:
        return {"id": "BTCUSDT", "symbol": symbol, "settle": "USDT"}

    def most_in(self, per_ms: int) -> int:
        """The heaviest window of this length, wherever it begins."""
        window: deque[tuple[int, int]] = deque()
        used = most = 0
        for at_ms, weight in self.asked:
            window.append((at_ms, weight))
            used += weight
            while window[0][0] <= at_ms - per_ms:
                used -= window.popleft()[1]
            most = max(most, used)
        return most


def _account(name: str, dialect: ExchangeAdapter, api: RequestExecutor, clock: Any) -> LiveBroker:
    def instrument(_symbol: str) -> Instrument:
        return INSTRUMENT

    return LiveBroker(
        User(
            user_id=UserId(name),
            mode=Mode.LIVE,
            account=AccountSettings(exchange="x", leverage=5),
        ),
        api=api,
        markets=AccountMarkets(
            {dialect.capabilities.kind: dialect},
            SimulatedMarket(instrument=instrument, history=lambda *_: ()),
            [SWAP],
        ),
        clock=clock,
    )


async def _bring_in_step(broker: LiveBroker) -> None:
    """What reconciliation asks about an account that has nothing open."""
    assert await broker.open_orders() == []
    assert await broker.holdings({}) == []


@pytest.mark.parametrize(
    ("dialect", "answers", "limit", "per_ms", "most_s"),
    [
        (BinanceUsdm(), BINANCE, 2_400, 60_000, 1_100),
        (BybitSwap(), BYBIT, 600, 5_000, 100),
    ],
    ids=["binanceusdm", "bybit"],
)
def test_a_thousand_accounts_start_within_the_published_limit(
    dialect: ExchangeAdapter, answers: Mapping[str, Any], limit: int, per_ms: int, most_s: int
) -> None:
    """No window of the exchange's, wherever it begins, holds more than it allows."""

    async def story() -> None:
        clock = LoopClock(NOW)
        far, began_ms = Far(answers, clock), clock.now_ms()
        budget = RateLimiter("x", rates=dialect.capabilities.rates, clock=clock)
        waiting = [
            _account(
                f"user{number}",
                dialect,
                RequestExecutor(
                    far, rate_limiter=budget, codes=dialect.codes, on_clock_skew=lambda: None
                ),
                clock,
            )
            for number in range(ACCOUNTS)
        ]

        async def take_turns() -> None:
            while waiting:
                broker = waiting.pop()
                await _bring_in_step(broker)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(take_turns())
        assert far.most_in(per_ms) <= limit
        assert (clock.now_ms() - began_ms) / 1000 <= most_s
        asked = sum(weight for _, weight in far.asked)
        spent = limit * (clock.now_ms() - began_ms) / per_ms
        assert asked >= spent * RequestPriority.RECOVER.share * 0.9, "the limit is not made use of"

    virtual_time.run_virtual(story())


async def test_no_request_weighs_more_than_it_is_reckoned_with() -> None:
    """Binance's own count of an account's start, and ours: the brackets are never asked for."""
    async with venue("binance", accounts=["anna"]) as it:
        connection = Connection(
            "x", ClientProfile("binanceusdm", options=BinanceUsdm.options), config=it.ccxt_config()
        )
        await connection.open()
        await connection.load_markets()
        it.counts.weights.clear()
        clock, dialect = SystemClock(), BinanceUsdm()
        budget = RateLimiter("x", rates=dialect.capabilities.rates, clock=clock)
        caller = RequestExecutor(
            connection.client(it.credentials("anna")),
            rate_limiter=budget, codes=dialect.codes, on_clock_skew=lambda: None,
        )  # fmt: skip
        await _bring_in_step(_account("anna", dialect, caller, clock))
        reckoned = round((1 - budget.free_share()) * it.dialect.weight_per_minute)
        assert sum(it.counts.weights.values()) <= reckoned
        assert it.counts.of(path="leverageBracket") == 0
        await connection.close()
