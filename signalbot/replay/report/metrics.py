"""Measures a user's closed positions and equity curve. Pure.

Money is in quote units. An undefined number, such as the win rate of no trades, is None.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from signalbot.domain.money import HUNDRED, ZERO, average
from signalbot.domain.positions import CloseReason, Position
from signalbot.domain.timeframe import Ms
from signalbot.replay.report.equity import (
    Curve,
    Drawdown,
    daily_returns,
    full_curve,
    max_drawdown,
    sharpe,
    sortino,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitStatistics:
    """Positions that were closed for one reason."""

    reason: CloseReason
    trades: int
    wins: int
    net_pnl: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeMetrics:
    """Trade statistics. A trade is a closed position, won or lost by net PnL, neither at zero."""

    trades: int
    wins: int
    losses: int
    win_rate: float | None  #: 0 to 1, of all trades
    gross_pnl: Decimal  #: before fees and funding
    fees: Decimal
    funding: Decimal  #: received is positive
    net_pnl: Decimal  #: of all trades, without open positions
    net_percent: float | None  #: ``net_pnl`` of the starting equity
    max_drawdown: Drawdown | None  #: of the equity, open positions included
    sharpe: float | None  #: annual, see ``equity.sharpe``
    sortino: float | None  #: annual, see ``equity.sortino``
    profit_factor: float | None  #: net of all wins by net of all losses
    expectancy: Decimal | None  #: net PnL per trade
    average_hold_ms: int | None
    exposure: float | None  #: 0 to 1, share of the time with a position
    best: Decimal | None  #: net PnL
    worst: Decimal | None  #: net PnL
    max_consecutive_losses: int  #: in the order of closing; a trade at zero ends the streak
    exits: tuple[ExitStatistics, ...]  #: most frequent reason first


def measure_trades(
    positions: Iterable[Position],
    *,
    start_equity: Decimal,
    equity: Curve,
    start_ms: Ms,
    end_ms: Ms,
) -> TradeMetrics:
    """Return the metrics of one user from ``start_ms`` to ``end_ms`` (exclusive).

    ``positions`` may include open ones, which count for exposure only. ``equity`` is completed
    by ``equity.full_curve``.
    """
    positions = list(positions)
    trades = closed_positions(positions)
    pnls = [trade.net_pnl for trade in trades]
    net = sum(pnls, ZERO)
    curve = full_curve(equity, start_equity=start_equity, start_ms=start_ms)
    returns = daily_returns(curve)
    wins = sum(pnl > 0 for pnl in pnls)
    return TradeMetrics(
        trades=len(trades),
        wins=wins,
        losses=sum(pnl < 0 for pnl in pnls),
        win_rate=wins / len(trades) if trades else None,
        gross_pnl=sum((trade.realized_pnl for trade in trades), ZERO),
        fees=sum((trade.fees for trade in trades), ZERO),
        funding=sum((trade.funding for trade in trades), ZERO),
        net_pnl=net,
        net_percent=float(net / start_equity * HUNDRED) if start_equity > 0 else None,
        max_drawdown=max_drawdown(curve),
        sharpe=sharpe(returns),
        sortino=sortino(returns),
        profit_factor=profit_factor(pnls),
        expectancy=average(net, Decimal(len(trades))) if trades else None,
        average_hold_ms=_average_hold_ms(trades),
        exposure=exposure(positions, start_ms=start_ms, end_ms=end_ms),
        best=max(pnls, default=None),
        worst=min(pnls, default=None),
        max_consecutive_losses=longest_losing_streak(pnls),
        exits=_exits(trades),
    )


def closed_positions(positions: Iterable[Position]) -> list[Position]:
    """Return the closed positions, in order of closing."""
    done = [each for each in positions if each.closed_at_ms is not None]
    return sorted(done, key=lambda each: (each.closed_at_ms, each.position_id))


def profit_factor(pnls: Iterable[Decimal]) -> float | None:
    """Return gross profit by gross loss; None without losses."""
    won = lost = ZERO
    for pnl in pnls:
        if pnl > 0:
            won += pnl
        else:
            lost -= pnl
    return float(won / lost) if lost else None


def longest_losing_streak(pnls: Iterable[Decimal]) -> int:
    longest = streak = 0
    for pnl in pnls:
        streak = streak + 1 if pnl < 0 else 0
        longest = max(longest, streak)
    return longest


def exposure(positions: Iterable[Position], *, start_ms: Ms, end_ms: Ms) -> float | None:
    """Return the fraction of time with at least one position; None for an empty period."""
    if end_ms <= start_ms:
        return None
    spans = sorted(
        (each.opened_at_ms, end_ms if each.closed_at_ms is None else each.closed_at_ms)
        for each in positions
    )
    held_ms, until_ms = 0, int(start_ms)
    for opened_ms, closed_ms in spans:
        held_ms += max(0, min(closed_ms, end_ms) - max(opened_ms, until_ms))
        until_ms = max(until_ms, closed_ms)
    return held_ms / (end_ms - start_ms)


def _average_hold_ms(trades: Sequence[Position]) -> int | None:
    held = [
        trade.closed_at_ms - trade.opened_at_ms
        for trade in trades
        if trade.closed_at_ms is not None
    ]
    return sum(held) // len(held) if held else None


def _exits(trades: Iterable[Position]) -> tuple[ExitStatistics, ...]:
    groups: dict[CloseReason, list[Decimal]] = {}
    for trade in trades:
        reason = trade.close_reason or CloseReason.EXTERNAL
        groups.setdefault(reason, []).append(trade.net_pnl)
    statistics = [
        ExitStatistics(
            reason=reason,
            trades=len(pnls),
            wins=sum(pnl > 0 for pnl in pnls),
            net_pnl=sum(pnls, ZERO),
        )
        for reason, pnls in groups.items()
    ]
    return tuple(sorted(statistics, key=lambda each: (-each.trades, each.reason)))
