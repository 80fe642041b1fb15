"""The far side of a candle stream, in virtual time: what it says, when, and what it leaves out.

It stands where ccxt's client stands. Everything from the frame to the feed's sink is the product.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from ccxt.base.errors import NetworkError

from signalbot.domain.market import Candle
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.exchange.live.adapters.binance_usdm import BinanceUsdm
from signalbot.exchange.live.market_data.candle_history import CandleHistory
from signalbot.exchange.live.market_data.candle_stream import CandleWatcher
from signalbot.exchange.live.market_data.market import LiveMarket
from signalbot.exchange.live.market_data.prices import PriceFeed
from signalbot.exchange.live.registry import adapters_of
from signalbot.exchange.live.transport.client_profile import ClientProfile
from signalbot.exchange.live.transport.connection import Connection
from signalbot.exchange.live.transport.rate_limiter import RateLimiter
from signalbot.exchange.live.transport.request_executor import RequestExecutor
from signalbot.pipeline.signals.candle_feed import CandleFeed, CandleKey
from signalbot.replay import virtual_time
from signalbot.tasks import LoopClock, supervise

SYMBOL = "BTC/USDT:USDT"
KEY = CandleKey("far", SYMBOL, Timeframe.M1)
MINUTE_MS = Timeframe.M1.ms
START = Ms(1_700_000_040_000)  # a minute boundary
WARM_UP = 3
LAG_S = 1.0  # REST shows a candle as it closed this long after that


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One thing the stream says: at a time of its own, about a candle as it claims it to be."""

    at_s: float  #: since the start
    number: int  #: of the candle
    close: int  #: its close, if this is to be believed
    is_closed: bool


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when, in seconds since the start."""

    from_s: float
    until_s: float

    def holds(self, at_s: float) -> bool:
        return self.from_s <= at_s < self.until_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What becomes of a stream of ``candles`` minutes."""

    candles: int
    frames: Sequence[Frame]
    mute: Sequence[Span] = ()  #: connected, and nothing comes
    down: Sequence[Span] = ()  #: the connection is cut, and cannot be had
    no_rest: Sequence[Span] = ()  #: REST answers with an error


@dataclass(slots=True)
class Heard:
    """One event that came out, and when."""

    candle: Candle
    at_s: float

    @property
    def late_s(self) -> float:
        """Since the candle has closed."""
        return self.at_s - (self.candle.close_ms - START) / 1000


@dataclass(slots=True)
class Run:
    """What came of a schedule."""

    heard: list[Heard] = field(default_factory=list)
    dialled_s: list[float] = field(default_factory=list)
    asked_s: list[float] = field(default_factory=list)  #: REST, for candles

    @property
    def values(self) -> list[tuple[int, Decimal]]:
        return [(number_of(each.candle), each.candle.close) for each in self.heard]

    @property
    def live(self) -> list[Heard]:
        """Without those that had closed before."""
        return [each for each in self.heard if number_of(each.candle) >= 0]


def number_of(candle: Candle) -> int:
    return (candle.open_ms - START) // MINUTE_MS


def true_close(number: int) -> int:
    """What a candle's close really is; each has its own."""
    return 50_000 + 7 * number


def in_time(candles: int) -> list[Frame]:
    """Every candle forming, and closed at its end: an undisturbed stream."""
    return [
        Frame(
            at_s=60 * number + part + 0.1, number=number, is_closed=part == 60,
            close=true_close(number) if part == 60 else 49_000 + part,
        )
        for number in range(candles)
        for part in range(10, 70, 10)
    ]  # fmt: skip


class Socket:
    """An open connection, until somebody has had enough of it."""

    url = "wss://stream.invalid"

    def __init__(self) -> None:
        self.cause: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    def reset(self, error: Exception) -> None:
        if not self.cause.done():
            self.cause.set_result(error)

    async def close(self) -> None:
        self.reset(NetworkError("closed"))


class Far:
    """Stands for ccxt's client."""

    id = "binanceusdm"
    urls: ClassVar[dict[str, Any]] = {"api": {"ws": {"linear": Socket.url}}}
    timeframes: dict[str, str] = {"1m": "1m"}  # noqa: RUF012 - as ccxt has it

    def __init__(self, schedule: Schedule, clock: LoopClock, run: Run) -> None:
        self._schedule = schedule
        self._clock = clock
        self._run = run
        self.clients: dict[str, Socket] = {}

    @property
    def now_s(self) -> float:
        return (self._clock.now_ms() - START) / 1000

    def handle_message(self, socket: Socket, message: object) -> None:
        """Where ccxt looks at a frame; the product looks first."""

    def implode_hostname(self, url: str) -> str:
        return url

    def safe_market(self, *_: object) -> dict[str, str]:
        return {"symbol": SYMBOL}

    async def watch_ohlcv(self, *_: object) -> list[list[object]]:
        """Wait on the one connection until it ends; dial when there is none."""
        if any(span.holds(self.now_s) for span in self._schedule.down):
            raise NetworkError("cannot be reached")
        if "ws" not in self.clients:
            self.clients["ws"] = Socket()
            self._run.dialled_s.append(self.now_s)
        raise await self.clients["ws"].cause

    async def fetch_ohlcv(
        self, _symbol: str, _timeframe: str, since_ms: int, limit: int
    ) -> list[list[object]]:
        """Candles from ``since_ms`` on, the one now forming last; the newest with some lag."""
        self._run.asked_s.append(self.now_s)
        await asyncio.sleep(0.05)
        if any(span.holds(self.now_s) for span in self._schedule.no_rest):
            raise NetworkError("503")
        first = -(-(since_ms - START) // MINUTE_MS)
        return [self._row(number) for number in range(first, first + limit)
                if number <= self.now_s // 60]  # fmt: skip

    def _row(self, number: int) -> list[object]:
        is_final = self.now_s >= 60 * (number + 1) + LAG_S
        close = true_close(number) if is_final else 49_500
        return [START + number * MINUTE_MS, *_prices(close), "1"]

    async def talk(self) -> None:
        """Say what the schedule has to say, as far as anybody can hear it."""
        for frame in sorted(self._schedule.frames, key=lambda each: each.at_s):
            await self._clock.sleep_until(Ms(START + round(frame.at_s * 1000)))
            socket = self.clients.get("ws")
            if socket is not None and not any(s.holds(self.now_s) for s in self._schedule.mute):
                self.handle_message(socket, _kline(frame))

    async def fall(self) -> None:
        """Cut the connection whenever the schedule says so."""
        for span in sorted(self._schedule.down, key=lambda each: each.from_s):
            await self._clock.sleep_until(Ms(START + round(span.from_s * 1000)))
            socket = self.clients.pop("ws", None)
            if socket is not None:
                socket.reset(NetworkError("reset by peer"))


def _prices(close: int) -> list[str]:
    return [str(each) for each in (close, close + 10, close - 10, close)]


def _kline(frame: Frame) -> dict[str, Any]:
    o, h, l, c = _prices(frame.close)  # noqa: E741 - as Binance calls them
    k = {
        "s": "BTCUSDT", "i": "1m", "t": START + frame.number * MINUTE_MS, "o": o, "h": h, "l": l,
        "c": c, "v": "1", "x": frame.is_closed,
    }  # fmt: skip
    return {"e": "kline", "k": k}


def played(schedule: Schedule, *, more_s: float = 60.0) -> Run:
    """Follow the stream through its schedule, and ``more_s`` longer."""
    return virtual_time.run_virtual(_played(schedule, more_s))


async def _played(schedule: Schedule, more_s: float) -> Run:
    clock, run, dialect = LoopClock(START), Run(), BinanceUsdm()
    far = Far(schedule, clock, run)
    connection = Connection("far", ClientProfile(far.id), config={})
    connection.template = far
    caller = RequestExecutor(
        far,
        rate_limiter=RateLimiter("far", rates=(), clock=clock),
        codes=dialect.codes,
        on_clock_skew=lambda: None,
    )
    history = CandleHistory(
        caller, adapters=adapters_of("binanceusdm"), now_ms=clock.now_ms, clock=clock
    )
    ticks = PriceFeed(caller, clock=clock)
    watcher = CandleWatcher(
        connection, history=history, price_feed=ticks, now_ms=clock.now_ms, clock=clock
    )
    market = LiveMarket(connection, history=history, watcher=watcher, price_feed=ticks, clock=clock)
    market.open()

    async def sink(key: CandleKey, candle: Candle, *, is_history: bool) -> None:
        assert key == KEY
        run.heard.append(Heard(candle, far.now_s))

    feed = CandleFeed({"far": market}, clock)
    feed.watch(KEY, history=WARM_UP)
    async with asyncio.TaskGroup() as group:
        working = [
            group.create_task(supervise("candles", watcher.run, clock)),
            group.create_task(feed.run(sink)),
            group.create_task(far.talk()),
            group.create_task(far.fall()),
        ]
        await clock.sleep(60 * schedule.candles + more_s)
        for each in working:
            each.cancel()
    return run
