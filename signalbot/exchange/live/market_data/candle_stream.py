"""Closed candles from the websocket, or over REST when it is late or silent."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from ccxt.base.errors import NetworkError

from signalbot.domain.errors import InvalidCandle, SignalbotError
from signalbot.domain.market import Candle
from signalbot.domain.timeframe import EPOCH, Ms, Timeframe
from signalbot.exchange.live.adapters.klines import Kline
from signalbot.exchange.live.market_data.candle_history import CandleHistory
from signalbot.exchange.live.market_data.prices import PriceFeed
from signalbot.exchange.live.parsing import parse_decimal
from signalbot.exchange.live.registry import exchange_row
from signalbot.exchange.live.transport.ccxt_internals import (
    FrameHandler,
    install_frame_handler,
    market_kind_of,
)
from signalbot.exchange.live.transport.connection import Connection
from signalbot.exchange.live.transport.error_mapping import redacted_text
from signalbot.ports import CandleSource, Clock
from signalbot.stream import Stream
from signalbot.tasks import backoff_s

log = structlog.get_logger()

_GRACE_MS = 1_500  # how late a stream may report that a candle has closed
_JITTER_MS = 500
_STREAM_TIMEOUT_MS = 30_000
_STABLE_MS = 60_000
_MAX_QUEUED_CANDLES = 1_000

Boundary = Callable[[Timeframe], asyncio.Event]
"""An event that is set at every boundary of a timeframe, a moment after the candle's close."""


@dataclass(slots=True)
class CandleSubscription:
    """One symbol and timeframe: its reader and its last candle."""

    symbol: str
    timeframe: Timeframe
    stream: Stream[Candle]
    last_open_ms: Ms | None = None
    last_high: Any = None
    last_low: Any = None
    forming_ms: Ms | None = None
    via: str = "rest"  #: source of the last candle
    checked_at_ms: Ms = EPOCH  #: of the last message or REST request
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


def _is_old(subscription: CandleSubscription, kline: Kline) -> bool:
    """Whether a frame is about a candle that has closed, or is older than the forming one."""
    if subscription.last_open_ms is not None and kline.open_ms <= subscription.last_open_ms:
        return True
    return subscription.forming_ms is not None and kline.open_ms < subscription.forming_ms


class CandleWatcher:
    """Yields a candle only when it has closed: by the exchange's flag, or over REST.

    The websocket also provides prices. An invalid frame is counted and dropped; sockets without a
    candle for half a minute are closed and reconnected.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        history: CandleHistory,
        price_feed: PriceFeed,
        now_ms: Callable[[], Ms],
        clock: Clock,
        boundary: Boundary | None = None,
        is_streamed: Callable[[str], bool] = lambda _symbol: True,
    ) -> None:
        """``is_streamed``: whether the exchange streams the candles of a symbol."""
        self._is_streamed = is_streamed
        self._is_no_stream_logged = False
        self._connection = connection
        self._history = history
        self._price_feed = price_feed
        self._now_ms = now_ms
        self._clock = clock
        self._boundary = boundary
        self._read = exchange_row(connection.ccxt_id).kline_reader
        self._subscriptions: dict[tuple[str, str], CandleSubscription] = {}
        self._group: asyncio.TaskGroup | None = None
        self._last_message_ms = EPOCH  #: when a stream last reported a candle; pings do not count
        self.invalid_frames = 0
        self.rest_candles = 0  #: read over REST because the stream was late

    def candles(self, symbol: str, timeframe: Timeframe) -> AsyncIterator[Candle]:
        """Candles that close from now on; a second reader replaces the first."""
        key = (symbol, timeframe.value)
        subscription = self._subscriptions.get(key)
        if subscription is None:
            subscription = self._subscriptions[key] = CandleSubscription(
                symbol, timeframe, Stream(limit=_MAX_QUEUED_CANDLES)
            )
            subscription.checked_at_ms = self._clock.now_ms()
            self._start(subscription)
        else:
            subscription.stream = Stream(limit=_MAX_QUEUED_CANDLES)
        return subscription.stream

    def source(self, symbol: str, timeframe: Timeframe) -> CandleSource | None:
        """The source of a stream's candles; None while the stream has no reader."""
        subscription = self._subscriptions.get((symbol, timeframe.value))
        return (
            None
            if subscription is None
            else CandleSource(via=subscription.via, checked_at_ms=subscription.checked_at_ms)
        )

    async def run(self) -> None:
        """Stream until cancelled."""
        install_frame_handler(self._connection.template, self._handle_message)
        async with asyncio.TaskGroup() as group:
            self._group = group
            for subscription in self._subscriptions.values():
                self._start(subscription)
            group.create_task(self._reset_silent_sockets(), name="stream silence")

    def _start(self, subscription: CandleSubscription) -> None:
        if self._group is None or subscription.tasks:
            return
        name = f"{subscription.symbol} {subscription.timeframe.value}"
        subscription.tasks.append(
            self._group.create_task(self._fetch_at_boundaries(subscription), name=f"rest {name}")
        )
        if not self._is_streamed(subscription.symbol):
            self._log_no_stream()
        else:
            subscription.tasks.append(
                self._group.create_task(self._stream(subscription), name=f"ws {name}")
            )

    def _log_no_stream(self) -> None:
        """Log once, however many symbols."""
        if not self._is_no_stream_logged:
            self._is_no_stream_logged = True
            log.info("stream.unsupported", exchange=self._connection.name)

    # --- the websocket --------------------------------------------------------------------

    def _handle_message(self, original: FrameHandler, socket: Any, message: Any) -> None:
        """Read a frame before ccxt does; no error may end ccxt's reader of the socket."""
        try:
            self._handle_frame(socket, message)
            original(socket, message)
        except Exception as e:  # noqa: BLE001 - ccxt's reader would end without an error
            self.invalid_frames += 1
            log.debug(
                "stream.frame_invalid", exchange=self._connection.name, cause=redacted_text(e)
            )

    def _handle_frame(self, socket: Any, message: Any) -> None:
        if self._read is None or not isinstance(message, Mapping):
            return
        try:
            klines = list(self._read(message))
        except (KeyError, ValueError, TypeError, ArithmeticError, IndexError, AttributeError):
            return  # not a frame of candles
        kind = market_kind_of(self._connection.template, socket.url) if klines else ""
        for kline in klines:
            self._last_message_ms = self._clock.now_ms()
            self._handle_kline(kline, kind)

    def _handle_kline(self, kline: Kline, kind: str) -> None:
        client = self._connection.template
        market = client.safe_market(kline.market_id, None, None, kind)
        names = {interval: name for name, interval in client.timeframes.items()}
        subscription = self._subscriptions.get(
            (market["symbol"], names.get(kline.interval, kline.interval))
        )
        if subscription is None:
            return
        subscription.checked_at_ms = self._clock.now_ms()
        if _is_old(subscription, kline):
            return
        self._publish_price(subscription, kline)
        if kline.is_closed:
            try:
                candle = kline.candle(subscription.symbol, subscription.timeframe)
            except InvalidCandle as e:
                self.invalid_frames += 1
                log.warning("candle.invalid", symbol=subscription.symbol, cause=str(e))
                return
            self._emit(subscription, candle, via="websocket")

    def _publish_price(self, subscription: CandleSubscription, kline: Kline) -> None:
        is_same = subscription.forming_ms == kline.open_ms
        new_high = (
            not is_same or subscription.last_high is None or kline.high > subscription.last_high
        )
        new_low = not is_same or subscription.last_low is None or kline.low < subscription.last_low
        subscription.forming_ms, subscription.last_high, subscription.last_low = (
            kline.open_ms,
            kline.high,
            kline.low,
        )
        self._price_feed.publish(
            subscription.symbol,
            kline.close,
            high=kline.high if new_high and is_same else None,
            low=kline.low if new_low and is_same else None,
        )

    def _emit(self, subscription: CandleSubscription, candle: Candle, *, via: str) -> None:
        subscription.via = via
        if subscription.last_open_ms is None or candle.open_ms > subscription.last_open_ms:
            subscription.last_open_ms = candle.open_ms
        subscription.stream.put(candle)

    async def _stream(self, subscription: CandleSubscription) -> None:
        """Keep one subscription open: after it ends it is reopened."""
        client = self._connection.template
        name, delays = f"{subscription.symbol} {subscription.timeframe.value}", backoff_s()
        began_ms, is_broken = self._clock.now_ms(), False
        while True:
            try:
                rows = await client.watch_ohlcv(subscription.symbol, subscription.timeframe.value)
                self._last_message_ms = self._clock.now_ms()
                if rows and self._read is None:
                    self._publish_row_price(subscription, list(rows[-1]))
                if is_broken:
                    is_broken = False
                    log.info("stream.reconnected", exchange=self._connection.name, stream=name)
                if self._clock.now_ms() - began_ms > _STABLE_MS:
                    delays = backoff_s()
                continue
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                cause = "the socket was closed"
            except Exception as e:  # noqa: BLE001 - a stream is reopened after any error
                cause = redacted_text(e)
            delay_s = next(delays)
            self._price_feed.mark_stale(subscription.symbol)
            level = logging.DEBUG if is_broken else logging.WARNING
            is_broken = True
            log.log(
                level, "stream.reconnecting", exchange=self._connection.name, stream=name,
                delay_s=round(delay_s, 1), cause=cause,
            )  # fmt: skip
            await self._clock.sleep(delay_s)
            began_ms = self._clock.now_ms()

    def _publish_row_price(self, subscription: CandleSubscription, row: list[Any]) -> None:
        close = parse_decimal(row[4])
        if close is not None:
            self._price_feed.publish(subscription.symbol, close)

    async def _reset_silent_sockets(self) -> None:
        """Close sockets without messages; their streams reconnect."""
        self._last_message_ms = self._clock.now_ms()
        while True:
            await self._clock.sleep(_STREAM_TIMEOUT_MS / 4000)
            client = self._connection.template
            now_ms = self._clock.now_ms()
            if not client.clients:
                self._last_message_ms = now_ms  # no socket is open: silence counts from its opening
            if now_ms - self._last_message_ms < _STREAM_TIMEOUT_MS:
                continue
            self._last_message_ms = now_ms
            log.warning("stream.timed_out", exchange=self._connection.name)
            for socket in list(client.clients.values()):
                socket.reset(NetworkError("no message for too long"))
                await socket.close()
            client.clients.clear()

    # --- REST -----------------------------------------------------------------------------

    async def _fetch_at_boundaries(self, subscription: CandleSubscription) -> None:
        """After every boundary, read the candle over REST if the stream has not reported it."""
        jitter_s = random.uniform(0, _JITTER_MS) / 1000  # noqa: S311 - spreads the load
        boundary_event = (
            self._boundary(subscription.timeframe) if self._boundary is not None else None
        )
        while True:
            if boundary_event is not None:
                await boundary_event.wait()
                boundary_event.clear()
            else:
                await self._clock.sleep_until(self._next_fetch_ms(subscription.timeframe))
            await self._clock.sleep(jitter_s)
            subscription.checked_at_ms = self._clock.now_ms()
            expected_ms = Ms(
                subscription.timeframe.floor(self._now_ms()) - subscription.timeframe.ms
            )
            if subscription.last_open_ms is None or subscription.last_open_ms < expected_ms:
                await self._fetch_candle(subscription, expected_ms)

    def _next_fetch_ms(self, timeframe: Timeframe) -> Ms:
        """Just after the exchange's next boundary, in our time."""
        now_ms = self._now_ms()
        return Ms(self._clock.now_ms() + timeframe.next_close(now_ms) - now_ms + _GRACE_MS)

    async def _fetch_candle(self, subscription: CandleSubscription, open_ms: Ms) -> None:
        until_ms = self._now_ms() + subscription.timeframe.ms // 2
        for delay_s in backoff_s(initial_s=0.5, max_s=5.0):
            subscription.checked_at_ms = self._clock.now_ms()
            if subscription.last_open_ms is not None and subscription.last_open_ms >= open_ms:
                return  # the stream has reported it meanwhile
            try:
                candle = await self._history.fetch_closed(
                    subscription.symbol, subscription.timeframe, open_ms
                )
            except SignalbotError as e:
                log.debug("candle.fetch_failed", symbol=subscription.symbol, cause=str(e))
                candle = None
            if candle is not None:
                self.rest_candles += 1
                log.info(
                    "candle.fetched", exchange=self._connection.name, symbol=subscription.symbol,
                    timeframe=subscription.timeframe.value,
                )  # fmt: skip
                self._emit(subscription, candle, via="rest")
                return
            if self._now_ms() > until_ms:
                return  # nothing was traded; the next candle fills the gap
            await self._clock.sleep(delay_s)
