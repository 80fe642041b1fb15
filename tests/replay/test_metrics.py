"""Metrics of closed positions, against hand-computed cases and plain definitions."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.positions import CloseReason, Position
from signalbot.domain.timeframe import Ms
from signalbot.replay.report.equity import Curve
from signalbot.replay.report.metrics import (
    TradeMetrics,
    exposure,
    longest_losing_streak,
    measure_trades,
    profit_factor,
)
from tests.replay.report_fixtures import (
    DAY,
    HOUR,
    START,
    closed_position,
    curve_of,
    decimals,
    open_position,
)

PNLS = st.lists(st.decimals(min_value=-1000, max_value=1000, places=2, allow_nan=False))


def metrics_of(*positions: Position, equity: Curve = (), days: int = 10) -> TradeMetrics:
    """Of an account that started with 10,000."""
    return measure_trades(
        positions,
        start_equity=Decimal(10_000),
        equity=equity,
        start_ms=START,
        end_ms=Ms(START + days * DAY),
    )


def row_of(*nets: str) -> list[Position]:
    """Positions with these results, one after the other."""
    return [closed_position(net, opened_at_ms=Ms(START + at * DAY)) for at, net in enumerate(nets)]


def test_a_hand_computed_account() -> None:
    """Four trades: +30, -10, -20 and +50 after a fee of 1 each."""
    metrics = metrics_of(*row_of("30", "-10", "-20", "50"))
    assert (metrics.trades, metrics.wins, metrics.losses, metrics.win_rate) == (4, 2, 2, 0.5)
    assert (metrics.gross_pnl, metrics.fees, metrics.net_pnl) == decimals(54, 4, 50)
    assert metrics.net_percent == 0.5
    assert metrics.profit_factor == pytest.approx(80 / 30)
    assert metrics.expectancy == Decimal("12.5")
    assert (metrics.best, metrics.worst) == decimals(50, -20)
    assert metrics.max_consecutive_losses == 2
    assert metrics.average_hold_ms == HOUR
    assert metrics.exposure == pytest.approx(4 / 240)


def test_no_trades_have_no_ratios() -> None:
    """What has no meaning is None; what was counted is zero."""
    metrics = metrics_of()
    assert (metrics.net_pnl, metrics.gross_pnl, metrics.fees) == decimals(0, 0, 0)
    assert (metrics.trades, metrics.net_percent, metrics.exposure) == (0, 0.0, 0.0)
    assert metrics.exits == ()
    for undefined in (
        metrics.win_rate, metrics.profit_factor, metrics.expectancy, metrics.average_hold_ms,
        metrics.best, metrics.worst, metrics.max_drawdown, metrics.sharpe, metrics.sortino,
    ):  # fmt: skip
        assert undefined is None


def test_funding_is_part_of_what_is_kept() -> None:
    """Net is gross less fees plus funding."""
    metrics = metrics_of(closed_position("10", funding=Decimal(-3)))
    assert (metrics.gross_pnl, metrics.fees, metrics.funding) == decimals(11, 1, -3)
    assert metrics.net_pnl == 7


def test_a_trade_at_zero_is_neither_won_nor_lost() -> None:
    """It counts as a trade and ends a streak."""
    metrics = metrics_of(*row_of("-1", "-1", "0", "-1"))
    assert (metrics.trades, metrics.wins, metrics.losses) == (4, 0, 3)
    assert metrics.max_consecutive_losses == 2


def test_open_positions_count_for_exposure_alone() -> None:
    """Their result is not known yet."""
    held = open_position(opened_at_ms=Ms(START + 5 * DAY))
    metrics = metrics_of(*row_of("30"), held)
    assert (metrics.net_pnl, metrics.fees) == decimals(30, 1)
    assert metrics.trades == 1
    assert metrics.exposure == pytest.approx((1 + 5 * 24) / 240)


def test_streaks_follow_the_order_of_closing() -> None:
    """Not that of opening."""
    first_opened = closed_position("5", closed_at_ms=Ms(START + 9 * DAY))
    losses = [closed_position("-1", opened_at_ms=Ms(START + at * DAY)) for at in (1, 2)]
    assert metrics_of(losses[0], first_opened, losses[1]).max_consecutive_losses == 2


def test_exits_are_counted_by_reason() -> None:
    """The commonest first, with what they brought."""
    stops = [
        closed_position(net, opened_at_ms=Ms(START + at), close_reason=CloseReason.STOP_LOSS)
        for at, net in enumerate(("-5", "-6"))
    ]
    exits = metrics_of(closed_position("20"), *stops).exits
    assert [(each.reason, each.trades, each.wins, each.net_pnl) for each in exits] == [
        (CloseReason.STOP_LOSS, 2, 0, Decimal(-11)),
        (CloseReason.TAKE_PROFIT, 1, 1, Decimal(20)),
    ]


def test_the_curve_begins_with_the_starting_equity() -> None:
    """A first sample that is already lower shows as a drawdown."""
    metrics = metrics_of(equity=curve_of([9_000, 9_500], start_ms=Ms(START + HOUR)))
    assert metrics.max_drawdown is not None
    assert metrics.max_drawdown.quote == 1_000
    assert metrics.max_drawdown.peak_ms == START


def test_daily_ratios_come_from_the_curve() -> None:
    """Not from the trades, of which there are none."""
    metrics = metrics_of(equity=curve_of([10_000, 11_000, 9_900, 10_890]))
    assert metrics.sharpe == pytest.approx(5.5151, abs=1e-4)
    assert metrics.sortino == pytest.approx(11.0303, abs=1e-4)


@given(PNLS)
def test_the_profit_factor_is_wins_by_losses(pnls: list[Decimal]) -> None:
    """Compared with summing the two apart; undefined without a loss."""
    won = sum(pnl for pnl in pnls if pnl > 0)
    lost = -sum(pnl for pnl in pnls if pnl < 0)
    expected = None if lost == 0 else pytest.approx(float(won) / float(lost))
    assert profit_factor(pnls) == expected


@given(PNLS)
def test_no_longer_streak_of_losses_exists(pnls: list[Decimal]) -> None:
    """Compared with the text of the results, cut at whatever is no loss."""
    runs = "".join("-" if pnl < 0 else "+" for pnl in pnls).split("+")
    assert longest_losing_streak(pnls) == max(map(len, runs))


@given(st.lists(st.tuples(st.integers(-5, 25), st.integers(0, 12)), max_size=8))
def test_exposure_counts_every_moment_once(spans: list[tuple[int, int]]) -> None:
    """Compared with asking at every minute of a period of twenty whether something was held."""
    positions = [
        closed_position(opened_at_ms=Ms(START + at), closed_at_ms=Ms(START + at + length))
        for at, length in spans
    ]
    held = sum(any(at <= minute < at + length for at, length in spans) for minute in range(20))
    found = exposure(positions, start_ms=START, end_ms=Ms(START + 20))
    assert found == pytest.approx(held / 20)


def test_no_time_has_no_exposure() -> None:
    """There is nothing to take a share of."""
    assert exposure([closed_position()], start_ms=START, end_ms=START) is None
