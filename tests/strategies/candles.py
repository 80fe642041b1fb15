"""Candles made of bare prices, and the ways a strategy is shown them."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from signalbot.domain.market import Candle
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.strategies import build_strategy
from signalbot.strategies.base import CandleWindow, LocalStrategy, SignalProposal

Told = list[SignalProposal | None]
"""What a strategy said, candle by candle."""


def candles_of(
    closes: Iterable[float], timeframe: Timeframe = Timeframe.M5, *, volume: float = 10.0
) -> list[Candle]:
    """Candles from the epoch on, each opening where the one before closed, without wicks."""
    prices = [Decimal(str(round(close, 4))) for close in closes]
    return [
        Candle(
            symbol="BTC/USDT:USDT",
            timeframe=timeframe,
            open_ms=Ms(index * timeframe.ms),
            open=before,
            high=max(before, close),
            low=min(before, close),
            close=close,
            volume=Decimal(str(volume)),
        )
        for index, (before, close) in enumerate(zip([prices[0], *prices], prices, strict=False))
    ]


def mirrored(closes: Iterable[float], *, around: float = 1000.0) -> list[float]:
    """The same way upside down."""
    return [2 * around - close for close in closes]


def random_walk(
    seed: int, count: int, timeframe: Timeframe = Timeframe.M5, *, volatility: float = 0.002
) -> list[Candle]:
    """``count`` candles with wicks and volume; ``volatility`` is a candle's mean relative move."""
    moves = np.random.default_rng(seed).normal(0, volatility / 2, (count, 4))
    ends = 1000 * np.exp(np.cumsum(moves)).reshape(count, 4)
    starts = np.concatenate(([1000.0], ends[:-1, -1]))
    paths = np.column_stack((starts, ends)).round(6)
    volumes = np.random.default_rng(seed).gamma(4, 2.5, count).round(3)
    return [
        Candle(
            symbol="BTC/USDT:USDT",
            timeframe=timeframe,
            open_ms=Ms(index * timeframe.ms),
            open=_decimal(path[0]),
            high=_decimal(max(path)),
            low=_decimal(min(path)),
            close=_decimal(path[-1]),
            volume=_decimal(volume),
        )
        for index, (path, volume) in enumerate(zip(paths.tolist(), volumes.tolist(), strict=True))
    ]


def joined(candles: Sequence[Candle], timeframe: Timeframe) -> list[Candle]:
    """The complete candles of a longer ``timeframe`` that ``candles`` make up."""
    size = timeframe.ms // candles[0].timeframe.ms
    chunks = (candles[at : at + size] for at in range(0, len(candles) - size + 1, size))
    return [
        Candle(
            symbol=chunk[0].symbol,
            timeframe=timeframe,
            open_ms=chunk[0].open_ms,
            open=chunk[0].open,
            high=max(candle.high for candle in chunk),
            low=min(candle.low for candle in chunk),
            close=chunk[-1].close,
            volume=sum((candle.volume for candle in chunk), Decimal(0)),
        )
        for chunk in chunks
    ]


def market(strategy: LocalStrategy, candles: Sequence[Candle]) -> dict[Timeframe, list[Candle]]:
    """``candles`` in every timeframe ``strategy`` looks at."""
    return {timeframe: joined(candles, timeframe) for timeframe in strategy.warm_up}


def run(kind: str, closes: Iterable[float], **params: Any) -> dict[int, SignalProposal]:
    """Return the proposals of a 5-minute strategy for these closes, by candle index."""
    told = feed(build_strategy(kind, timeframe=Timeframe.M5, params=params), candles_of(closes))
    return {at: idea for at, idea in enumerate(told) if idea is not None}


def feed(strategy: LocalStrategy, candles: Sequence[Candle], *, length: int = 1) -> Told:
    """Show ``candles`` as they close, one by one, in windows ``length`` times the warm-up."""
    windows = {
        timeframe: CandleWindow(count * length) for timeframe, count in strategy.warm_up.items()
    }
    waiting = {
        timeframe: iter(longer)
        for timeframe, longer in market(strategy, candles).items()
        if timeframe is not strategy.timeframe
    }
    told: Told = []
    for candle in candles:
        windows[strategy.timeframe].append(candle)
        for timeframe, longer in waiting.items():
            if timeframe.is_boundary(candle.close_ms):
                windows[timeframe].append(next(longer))
        told.append(strategy.on_candle(windows))
    return told


def look_at(
    strategy: LocalStrategy,
    whole: Mapping[Timeframe, Sequence[Candle]],
    *,
    now_ms: Ms,
    short: Timeframe | None = None,
) -> SignalProposal | None:
    """Show the windows that end at ``now_ms``, cut out of a history that goes on after it.

    The window of the timeframe ``short`` lacks its oldest candle.
    """
    windows = {}
    for timeframe, count in strategy.warm_up.items():
        closed = now_ms // timeframe.ms  # the history starts at the epoch, without a gap
        windows[timeframe] = CandleWindow(count)
        oldest = max(closed - count, 0) + (timeframe is short)
        for candle in whole[timeframe][oldest:closed]:
            windows[timeframe].append(candle)
    return strategy.on_candle(windows)


def spoken(told: Told) -> dict[int, str]:
    """Return the action at each candle with a proposal."""
    return {at: idea.action.value for at, idea in enumerate(told) if idea is not None}


def _decimal(value: float) -> Decimal:
    return Decimal(f"{value:.6f}")
