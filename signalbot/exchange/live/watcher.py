"""Watches candles at an exchange: over the websocket, and over REST when that is late or silent."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from ccxt.base.errors import NetworkError

from signalbot.domain.errors import BadCandle, SignalbotError
from signalbot.domain.market import Candle
from signalbot.domain.timeframe import EPOCH, Ms, Timeframe
from signalbot.exchange.live.connection import Connection
from signalbot.exchange.live.history import History
from signalbot.exchange.live.klines import READERS, Kline
from signalbot.exchange.live.outcome import plain
from signalbot.exchange.live.parse import number
from signalbot.exchange.live.sockets import kind_of
from signalbot.exchange.live.ticks import Ticks
from signalbot.ports import Clock, Source
from signalbot.stream import Stream
from signalbot.tasks import backoff_s

log = structlog.get_logger()

_GRACE_MS = 1_500  # an exchange's stream may take this long to tell that a candle has closed
_JITTER_MS = 500
_SILENT_MS = 30_000
_STABLE_MS = 60_000
_CANDLES_KEPT = 1_000
_STREAM_KINDS = ("binance", "binanceusdm", "bybit", "okx", "bitget", "htx", "kraken", "mexc")

Boundary = Callable[[Timeframe], asyncio.Event]
"""An event that is set at every boundary of a timeframe, a moment after the candle's close."""


@dataclass(slots=True)
class Watch:
    """One symbol and timeframe: who reads it, and how far it has come."""

    symbol: str
    timeframe: Timeframe
    out: Stream[Candle]
    last_open_ms: Ms | None = None
    last_high: Any = None
    last_low: Any = None
    forming_ms: Ms | None = None
    via: str = "rest"  #: who told the last candle
    looked_ms: Ms = EPOCH  #: when the stream spoke or REST was asked, whatever came of it
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


def _is_old(watch: Watch, kline: Kline) -> bool:
    """Whether a frame is about a candle that has closed, or one before the one now forming."""
    if watch.last_open_ms is not None and kline.open_ms <= watch.last_open_ms:
        return True
    return watch.forming_ms is not None and kline.open_ms < watch.forming_ms


class CandleWatcher:
    """A candle is yielded only when it has closed: by the exchange's own flag, or by REST.

    The websocket also tells prices. A frame that cannot be read is counted and dropped; a socket
    that tells of no candle for half a minute is closed and dialled again.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        history: History,
        ticks: Ticks,
        now_ms: Callable[[], Ms],
        clock: Clock,
        boundary: Boundary | None = None,
        is_streamed: Callable[[str], bool] = lambda _symbol: True,
    ) -> None:
        """``is_streamed`` tells of a symbol whether the exchange has a stream of its candles."""
        self._is_streamed = is_streamed
        self._is_told = False
        self._connection = connection
        self._history = history
        self._ticks = ticks
        self._now_ms = now_ms
        self._clock = clock
        self._boundary = boundary
        self._read = READERS.get(connection.ccxt_id)
        self._watches: dict[tuple[str, str], Watch] = {}
        self._group: asyncio.TaskGroup | None = None
        self._spoke_ms = EPOCH  #: when a stream last told of a candle: answers to pings say nothing
        self.bad_frames = 0
        self.rest_candles = 0  #: told by REST because the stream had not

    def candles(self, symbol: str, timeframe: Timeframe) -> AsyncIterator[Candle]:
        """Candles that close from now on; a second reader of the same takes over."""
        key = (symbol, timeframe.value)
        watch = self._watches.get(key)
        if watch is None:
            watch = self._watches[key] = Watch(symbol, timeframe, Stream(limit=_CANDLES_KEPT))
            watch.looked_ms = self._clock.now_ms()
            self._start(watch)
        else:
            watch.out = Stream(limit=_CANDLES_KEPT)
        return watch.out

    def source(self, symbol: str, timeframe: Timeframe) -> Source | None:
        """Who tells the candles of one stream; None when nobody reads it."""
        watch = self._watches.get((symbol, timeframe.value))
        return None if watch is None else Source(via=watch.via, looked_ms=watch.looked_ms)

    async def run(self) -> None:
        """Watch until cancelled."""
        self._listen()
        async with asyncio.TaskGroup() as group:
            self._group = group
            for watch in self._watches.values():
                self._start(watch)
            group.create_task(self._watch_silence(), name="stream silence")

    def _start(self, watch: Watch) -> None:
        if self._group is None or watch.tasks:
            return
        name = f"{watch.symbol} {watch.timeframe.value}"
        watch.tasks.append(
            self._group.create_task(self._ask_at_boundaries(watch), name=f"rest {name}")
        )
        if not self._is_streamed(watch.symbol):
            self._tell_no_stream()
        elif self._connection.ccxt_id in _STREAM_KINDS:
            watch.tasks.append(self._group.create_task(self._stream(watch), name=f"ws {name}"))

    def _tell_no_stream(self) -> None:
        """Once, however many symbols."""
        if not self._is_told:
            self._is_told = True
            log.info("stream.not_used", exchange=self._connection.name)

    # --- the websocket --------------------------------------------------------------------

    def _listen(self) -> None:
        """Look at every frame before ccxt does, and let no frame end the socket's reading."""
        client = self._connection.template
        handle = client.handle_message

        def look(socket: Any, message: Any) -> None:
            try:
                self._look(socket, message)
                handle(socket, message)
            except Exception as e:  # noqa: BLE001 - ccxt's reader would end without a word
                self.bad_frames += 1
                log.debug("stream.bad_frame", exchange=self._connection.name, cause=plain(e))

        client.handle_message = look

    def _look(self, socket: Any, message: Any) -> None:
        if self._read is None or not isinstance(message, Mapping):
            return
        try:
            klines = list(self._read(message))
        except (KeyError, ValueError, TypeError, ArithmeticError, IndexError, AttributeError):
            return  # a frame about something else
        kind = kind_of(self._connection.template, socket.url) if klines else ""
        for kline in klines:
            self._spoke_ms = self._clock.now_ms()
            self._take(kline, kind)

    def _take(self, kline: Kline, kind: str) -> None:
        client = self._connection.template
        market = client.safe_market(kline.market_id, None, None, kind)
        names = {interval: name for name, interval in client.timeframes.items()}
        watch = self._watches.get((market["symbol"], names.get(kline.interval, kline.interval)))
        if watch is None:
            return
        watch.looked_ms = self._clock.now_ms()
        if _is_old(watch, kline):
            return
        self._tell_price(watch, kline)
        if kline.is_closed:
            try:
                candle = kline.candle(watch.symbol, watch.timeframe)
            except BadCandle as e:
                self.bad_frames += 1
                log.warning("candle.bad", symbol=watch.symbol, cause=str(e))
                return
            self._put(watch, candle, via="websocket")

    def _tell_price(self, watch: Watch, kline: Kline) -> None:
        is_same = watch.forming_ms == kline.open_ms
        new_high = not is_same or watch.last_high is None or kline.high > watch.last_high
        new_low = not is_same or watch.last_low is None or kline.low < watch.last_low
        watch.forming_ms, watch.last_high, watch.last_low = kline.open_ms, kline.high, kline.low
        self._ticks.tell(
            watch.symbol,
            kline.close,
            high=kline.high if new_high and is_same else None,
            low=kline.low if new_low and is_same else None,
        )

    def _put(self, watch: Watch, candle: Candle, *, via: str) -> None:
        watch.via = via
        if watch.last_open_ms is None or candle.open_ms > watch.last_open_ms:
            watch.last_open_ms = candle.open_ms
        watch.out.put(candle)

    async def _stream(self, watch: Watch) -> None:
        """Keep one subscription alive: every ending is followed by another try."""
        client = self._connection.template
        name, delays = f"{watch.symbol} {watch.timeframe.value}", backoff_s()
        began_ms, is_broken = self._clock.now_ms(), False
        while True:
            try:
                rows = await client.watch_ohlcv(watch.symbol, watch.timeframe.value)
                self._spoke_ms = self._clock.now_ms()
                if rows and self._read is None:
                    self._tell_row(watch, list(rows[-1]))
                if is_broken:
                    is_broken = False
                    log.info("stream.resumed", exchange=self._connection.name, stream=name)
                if self._clock.now_ms() - began_ms > _STABLE_MS:
                    delays = backoff_s()
                continue
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                cause = "the socket was closed"
            except Exception as e:  # noqa: BLE001 - whatever ends a stream, it is begun again
                cause = plain(e)
            delay_s = next(delays)
            self._ticks.doubt(watch.symbol)
            level = logging.DEBUG if is_broken else logging.WARNING
            is_broken = True
            log.log(
                level, "stream.reconnecting", exchange=self._connection.name, stream=name,
                delay_s=round(delay_s, 1), cause=cause,
            )  # fmt: skip
            await self._clock.sleep(delay_s)
            began_ms = self._clock.now_ms()

    def _tell_row(self, watch: Watch, row: list[Any]) -> None:
        close = number(row[4])
        if close is not None:
            self._ticks.tell(watch.symbol, close)

    async def _watch_silence(self) -> None:
        """Close sockets that are open and say nothing; their streams dial again."""
        self._spoke_ms = self._clock.now_ms()
        while True:
            await self._clock.sleep(_SILENT_MS / 4000)
            client = self._connection.template
            now_ms = self._clock.now_ms()
            if not client.clients:
                self._spoke_ms = now_ms  # nobody has dialled: silence is counted from then on
            if now_ms - self._spoke_ms < _SILENT_MS:
                continue
            self._spoke_ms = now_ms
            log.warning("stream.silent", exchange=self._connection.name)
            for socket in list(client.clients.values()):
                socket.reset(NetworkError("nothing was heard for too long"))
                await socket.close()
            client.clients.clear()

    # --- REST -----------------------------------------------------------------------------

    async def _ask_at_boundaries(self, watch: Watch) -> None:
        """After every boundary, see that the candle has come; ask for it if it has not."""
        jitter_s = random.uniform(0, _JITTER_MS) / 1000  # noqa: S311 - spreads the load
        bell = self._boundary(watch.timeframe) if self._boundary is not None else None
        while True:
            if bell is not None:
                await bell.wait()
                bell.clear()
            else:
                await self._clock.sleep_until(self._next_look(watch.timeframe))
            await self._clock.sleep(jitter_s)
            watch.looked_ms = self._clock.now_ms()
            expected_ms = Ms(watch.timeframe.floor(self._now_ms()) - watch.timeframe.ms)
            if watch.last_open_ms is None or watch.last_open_ms < expected_ms:
                await self._ask(watch, expected_ms)

    def _next_look(self, timeframe: Timeframe) -> Ms:
        """In our time, just after the exchange's next boundary."""
        now_ms = self._now_ms()
        return Ms(self._clock.now_ms() + timeframe.next_close(now_ms) - now_ms + _GRACE_MS)

    async def _ask(self, watch: Watch, open_ms: Ms) -> None:
        until_ms = self._now_ms() + watch.timeframe.ms // 2
        for delay_s in backoff_s(first_s=0.5, most_s=5.0):
            watch.looked_ms = self._clock.now_ms()
            if watch.last_open_ms is not None and watch.last_open_ms >= open_ms:
                return  # the stream has told it meanwhile
            try:
                candle = await self._history.closed(watch.symbol, watch.timeframe, open_ms)
            except SignalbotError as e:
                log.debug("candle.not_told", symbol=watch.symbol, cause=str(e))
                candle = None
            if candle is not None:
                self.rest_candles += 1
                log.info(
                    "candle.from_rest", exchange=self._connection.name, symbol=watch.symbol,
                    timeframe=watch.timeframe.value,
                )  # fmt: skip
                self._put(watch, candle, via="rest")
                return
            if self._now_ms() > until_ms:
                return  # nothing was traded; the next candle fills the gap
            await self._clock.sleep(delay_s)
