"""Chart data of the report page: downsampled curves and candles, and the trades.

Prices and equity become floats here, for they are only drawn; the tables keep their decimals.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape
from itertools import groupby, pairwise
from textwrap import wrap
from typing import Any, Final

from signalbot.domain.market import Candle
from signalbot.domain.positions import Position
from signalbot.domain.signals import SignalId
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import UserId
from signalbot.replay.report import formatting
from signalbot.replay.report.equity import Curve, drawdown_percents, full_curve
from signalbot.replay.report.summary import Summary, UserReport

MAX_BARS: Final = 60_000  #: stored in the page, which draws those that fit
MAX_CURVES: Final = 50
MAX_POINTS: Final = 1_500  #: per curve
MAX_TRADES: Final = 10_000

COLUMNS: Final = (
    "Opened", "User", "Strategy", "Side", "Quantity", "Entry", "Exit", "Net PnL", "Fees", "Held",
    "Closed by", "Reason",
)  # fmt: skip

_HOVER_WIDTH: Final = 60
_HOVER_LINES: Final = 6

JsonObject = dict[str, Any]
"""JSON types only."""


def draw_curves(summary: Summary, equity: Mapping[UserId, Curve]) -> list[JsonObject]:
    """Return equity and drawdown of the users with the largest change, in summary order."""
    sampled = [user for user in summary.users if equity.get(user.user_id) and user.start_equity > 0]
    chosen = {user.user_id for user in sorted(sampled, key=_change, reverse=True)[:MAX_CURVES]}
    return [
        _curve(user, equity[user.user_id], summary.coverage.start_ms)
        for user in sampled
        if user.user_id in chosen
    ]


def draw_bars(candles: Sequence[Candle]) -> JsonObject:
    """Return candles (at least one) as columns, merged only beyond ``MAX_BARS``.

    ``i`` counts from ``start_ms`` in steps of ``step_ms``; ``steps`` are the timeframes that the
    page may merge them to. Unlike a traded candle, a bar may be incomplete.
    """
    timeframe = bar_timeframe(candles)
    start_ms = timeframe.floor(candles[0].open_ms)
    bars = [
        (open_ms, list(parts))
        for open_ms, parts in groupby(candles, key=lambda each: timeframe.floor(each.open_ms))
    ]
    return {
        "start_ms": start_ms,
        "step_ms": timeframe.ms,
        "steps": [[each.value, each.ms] for each in Timeframe if each.ms % timeframe.ms == 0],
        "i": [(open_ms - start_ms) // timeframe.ms for open_ms, _ in bars],
        "o": [_short_number(parts[0].open) for _, parts in bars],
        "h": [_short_number(max(part.high for part in parts)) for _, parts in bars],
        "l": [_short_number(min(part.low for part in parts)) for _, parts in bars],
        "c": [_short_number(parts[-1].close) for _, parts in bars],
    }


def bar_timeframe(candles: Sequence[Candle]) -> Timeframe:
    """Return the shortest timeframe, of whole candles, with at most ``MAX_BARS`` bars."""
    base, span_ms = candles[0].timeframe, candles[-1].close_ms - candles[0].open_ms
    coarser = [each for each in Timeframe if each.ms % base.ms == 0]
    fitting = (each for each in coarser if span_ms <= MAX_BARS * each.ms)
    return next(fitting, coarser[-1])


def draw_trades(positions: Sequence[Position], reasons: Mapping[SignalId, str]) -> list[JsonObject]:
    """Return cells, sort keys and markers of the newest ``MAX_TRADES`` positions, oldest first."""
    ordered = sorted(positions, key=lambda each: (each.opened_at_ms, each.position_id))
    return [_trade_row(each, reasons.get(each.signal_id, "")) for each in ordered[-MAX_TRADES:]]


def downsample(
    curve: Sequence[tuple[int, float, float]], limit: int
) -> list[tuple[int, float, float]]:
    """Reduce to at most ``limit`` (>= 4) points: both ends, and the extremes of each section."""
    if len(curve) <= limit:
        return list(curve)
    sections = (limit - 2) // 2
    inner = curve[1:-1]
    bounds = [round(index * len(inner) / sections) for index in range(sections + 1)]
    kept = {0, len(curve) - 1}
    for first, last in pairwise(bounds):
        section = range(first + 1, last + 1)
        kept.add(min(section, key=lambda index: curve[index][1]))
        kept.add(max(section, key=lambda index: curve[index][1]))
    return [curve[index] for index in sorted(kept)]


def _change(user: UserReport) -> Decimal:
    return abs(user.end_equity - user.start_equity)


def _curve(user: UserReport, samples: Curve, start_ms: Ms) -> JsonObject:
    curve = full_curve(samples, start_equity=user.start_equity, start_ms=start_ms)
    points = [
        (at_ms, float(equity), drawdown)
        for (at_ms, equity), drawdown in zip(curve, drawdown_percents(curve), strict=True)
    ]
    kept = downsample(points, MAX_POINTS)
    return {
        "user": user.user_id,
        "start": float(user.start_equity),
        "t": [at_ms for at_ms, _, _ in kept],
        "equity": [round(each, 8) for _, each, _ in kept],
        "drawdown": [round(-drawdown, 4) for _, _, drawdown in kept],
    }


def _trade_row(position: Position, reason: str) -> JsonObject:
    net = None if position.is_open else position.net_pnl
    closed_ms, exit_price = position.closed_at_ms, position.exit_price
    ended = "still open" if position.is_open else str(position.close_reason)
    columns = _trade_cells(position, net, ended, reason)
    return {
        "user": position.user_id,
        "result": "open" if net is None else "won" if net > 0 else "lost",
        "side": position.side.value,
        "entry": [position.opened_at_ms, float(position.entry_price)],
        "exit": None if closed_ms is None or exit_price is None else [closed_ms, float(exit_price)],
        "cells": [cell for cell, _ in columns],
        "keys": [key for _, key in columns],
        "hover": _hover_text(position, net, ended),
        "why": "<br>".join(map(_escape_markup, wrap(reason, _HOVER_WIDTH, max_lines=_HOVER_LINES))),
    }


def _trade_cells(
    position: Position, net: Decimal | None, ended: str, reason: str
) -> list[tuple[str, str | float | None]]:
    """Return text and sort key of each of ``COLUMNS``."""
    closed_ms, opened_ms = position.closed_at_ms, position.opened_at_ms
    held_ms = None if closed_ms is None else closed_ms - opened_ms
    return [
        (formatting.format_minute(opened_ms), opened_ms),
        (position.user_id, position.user_id),
        (position.strategy, position.strategy),
        (position.side.value, position.side.value),
        (formatting.format_price(position.entry_quantity), float(position.entry_quantity)),
        (formatting.format_price(position.entry_price), float(position.entry_price)),
        (formatting.format_price(position.exit_price), _sort_key(position.exit_price)),
        (formatting.format_profit(net), _sort_key(net)),
        (formatting.format_money(position.fees), float(position.fees)),
        (formatting.format_duration(held_ms), held_ms),
        (ended, ended),
        (reason, reason),
    ]


def _sort_key(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _short_number(price: Decimal) -> float | int:
    """Shorten a number for JSON: ``46319`` for ``46319.0``."""
    return int(price) if price == price.to_integral_value() else float(price)


def _hover_text(position: Position, net: Decimal | None, ended: str) -> str:
    """Return the hover text of both markers of a trade."""
    summary = (
        f"{position.user_id}: {position.side} {formatting.format_price(position.entry_quantity)}"
    )
    entry = formatting.format_price(position.entry_price)
    prices = f"{entry} → {formatting.format_price(position.exit_price)}"
    result = ended if net is None else f"{formatting.format_profit(net)}, {ended}"
    return f"<b>{_escape_markup(summary)}</b><br>{_escape_markup(f'{prices}  {result}')}"


def _escape_markup(text: str) -> str:
    """Escape text for the HTML subset that Plotly renders."""
    return escape(text, quote=False)
