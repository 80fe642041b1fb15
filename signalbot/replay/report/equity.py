"""Measures equity curves: drawdown, daily returns, Sharpe and Sortino ratios.

A curve is a sequence of ``(at_ms, equity)`` samples, oldest first. Between two samples the equity
is that of the earlier one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import sqrt
from statistics import fmean, stdev
from typing import Final

from signalbot.domain.money import HUNDRED, ZERO
from signalbot.domain.timeframe import DAY_MS, Ms

Curve = Sequence[tuple[Ms, Decimal]]

_DAYS_A_YEAR: Final = 365  # crypto trades on all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdown:
    """A fall from a peak to the lowest point before the peak is reached again."""

    quote: Decimal  #: peak minus trough, >= 0
    percent: float  #: of the peak; above 100 when equity turned negative
    peak_ms: Ms
    trough_ms: Ms
    recovered_ms: Ms | None  #: when the peak was reached again; None: never within the curve


def full_curve(curve: Curve, *, start_equity: Decimal, start_ms: Ms) -> Curve:
    """Return the curve from ``start_ms``, with ``start_equity`` until its first sample.

    A curve without samples stays empty: the account was never observed.
    """
    if not curve or curve[0][0] <= start_ms:
        return curve
    return [(start_ms, start_equity), *curve]


def drawdown_percents(curve: Curve) -> list[float]:
    """Return the drawdown from the highest equity so far, in percent, at each sample."""
    peak = ZERO
    percents = []
    for _, equity in curve:
        peak = max(peak, equity)
        percents.append(float(_drawdown_share(equity, peak) * HUNDRED))
    return percents


def max_drawdown(curve: Curve) -> Drawdown | None:
    """Return the largest relative drawdown; the first of several equal ones.

    None without samples. A curve that never falls has a drawdown of zero, at its first sample.
    """
    if not curve:
        return None
    top = peak_at = trough_at = 0
    share = ZERO
    for index, (_, equity) in enumerate(curve):
        if equity >= curve[top][1]:
            top = index
        elif (fallen := _drawdown_share(equity, curve[top][1])) > share:
            share, peak_at, trough_at = fallen, top, index
    peak_ms, peak = curve[peak_at]
    trough_ms, trough = curve[trough_at]
    return Drawdown(
        quote=peak - trough,
        percent=float(share * HUNDRED),
        peak_ms=peak_ms,
        trough_ms=trough_ms,
        recovered_ms=next((at_ms for at_ms, each in curve[trough_at:] if each >= peak), None),
    )


def daily_returns(curve: Curve) -> list[float]:
    """Relative change of equity over each UTC day that the curve covers from midnight to midnight.

    Partial days at either end are excluded. Empty when the equity was zero or below at the start of
    any day: the return is undefined.
    """
    if not curve:
        return []
    first, last = -(-curve[0][0] // DAY_MS), curve[-1][0] // DAY_MS
    at_end = {-(-at_ms // DAY_MS): equity for at_ms, equity in curve}
    equities, equity = [], curve[0][1]
    for day in range(first, last + 1):
        equity = at_end.get(day, equity)
        equities.append(equity)
    if any(equity <= 0 for equity in equities[:-1]):
        return []
    return [float(after / before - 1) for before, after in pairwise(equities)]


def sharpe(returns: Sequence[float]) -> float | None:
    """Annualized Sharpe ratio: mean daily return by standard deviation, times the root of 365.

    The risk-free rate is zero, the deviation is that of a sample (n - 1). None for fewer
    than two returns or no deviation. W. F. Sharpe, "The Sharpe Ratio", Journal of Portfolio
    Management 21(1), 1994.
    """
    if len(returns) < 2:  # noqa: PLR2004 - minimum for a deviation
        return None
    deviation = stdev(returns)
    return fmean(returns) / deviation * sqrt(_DAYS_A_YEAR) if deviation else None


def sortino(returns: Sequence[float]) -> float | None:
    """Annualized Sortino ratio: mean daily return by downside deviation, times the root of 365.

    The downside deviation is the root of the mean of ``min(return, 0) ** 2`` over all returns: the
    target is zero. None for fewer than two returns or none below zero. F. A. Sortino and
    L. N. Price, "Performance Measurement in a Downside Risk Framework", Journal of Investing 3(3),
    1994.
    """
    if len(returns) < 2:  # noqa: PLR2004 - as for the Sharpe ratio
        return None
    downside = sqrt(fmean(min(each, 0.0) ** 2 for each in returns))
    return fmean(returns) / downside * sqrt(_DAYS_A_YEAR) if downside else None


def _drawdown_share(equity: Decimal, peak: Decimal) -> Decimal:
    """Return the fraction lost of ``peak``; zero if the peak is not above zero."""
    return (peak - equity) / peak if peak > 0 else ZERO
