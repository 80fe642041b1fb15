"""The gap between an account and its shadow, by arithmetic."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.executions import DecisionOutcome
from signalbot.domain.positions import Position, PositionStatus
from signalbot.domain.signals import Action, Side
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import Mode
from signalbot.ledger.shadow_comparison import ShadowDifference, difference_row, total_differences
from signalbot.ledger.signal_outcomes import SignalOutcome
from tests.domain.samples import NOW, SIGNAL
from tests.replay.report_fixtures import closed_position

FEE = Decimal("0.0005")


def _outcome(
    entry: str, exit_: str, quantity: str, *, side: Side = Side.LONG, mode: Mode = Mode.LIVE
) -> SignalOutcome:
    """An executed signal and the position it came to, with a fee on both sides."""
    bought, sold, size = Decimal(entry), Decimal(exit_), Decimal(quantity)
    position = replace(
        closed_position(),
        side=side,
        mode=mode,
        entry_price=bought,
        exit_price=sold,
        entry_quantity=size,
        exit_quantity=size,
        realized_pnl=(sold - bought) * size * side.sign,
        fees=(bought + sold) * size * FEE,
    )
    return _with(position)


def _with(position: Position | None, *, execution: str = "executed", **more: int) -> SignalOutcome:
    return SignalOutcome(
        signal_id=SIGNAL.signal_id,
        outcome=DecisionOutcome.EXECUTE,
        code="APPROVED",
        created_at_ms=NOW,
        decided_at_ms=Ms(NOW + 5),
        detail={},
        execution=execution,
        position=position,
        latency_ms=more.get("latency_ms"),
    )


def _gap(
    live: SignalOutcome | None, paper: SignalOutcome | None, *, action: Action = Action.LONG
) -> ShadowDifference:
    return ShadowDifference(
        signal_id=SIGNAL.signal_id,
        at_ms=NOW,
        strategy="trend",
        symbol=SIGNAL.symbol,
        action=action,
        live=live,
        paper=paper,
    )


@given(st.integers(1, 1_000), st.integers(1, 1_000), st.integers(900, 1_100), st.sampled_from(Side))
def test_accounts_of_any_size_that_trade_at_the_same_prices_have_no_gap(
    live: int, paper: int, end: int, side: Side
) -> None:
    """The shadow's profit is scaled to the live quantity."""
    action = Action(side.value)
    gap = _gap(
        _outcome("1000", str(end), str(live), side=side),
        _outcome("1000", str(end), str(paper), side=side, mode=Mode.PAPER),
        action=action,
    )
    assert gap.entry_bps == 0
    assert gap.net_difference is not None
    assert abs(gap.net_difference) < Decimal("0.000001")
    assert gap.live_fees is not None
    assert gap.paper_fees is not None
    assert abs(gap.live_fees - gap.paper_fees) < Decimal("0.000001")


def test_a_worse_price_is_a_gap_above_zero_on_either_side() -> None:
    """Bought dearer or sold cheaper than on paper, in basis points."""
    long = _gap(_outcome("1001", "1100", "1"), _outcome("1000", "1100", "1"))
    short = _gap(
        _outcome("999", "900", "1", side=Side.SHORT),
        _outcome("1000", "900", "1", side=Side.SHORT),
        action=Action.SHORT,
    )
    assert long.entry_bps == short.entry_bps == 10
    assert long.net_difference == Decimal(-1) - FEE
    assert short.net_difference == Decimal(-1) + FEE


def test_totals_keep_apart_what_only_one_of_them_traded() -> None:
    """And what is still open has no result yet."""
    both = _gap(_outcome("1000", "1100", "2"), _outcome("1000", "1110", "1", mode=Mode.PAPER))
    alone = _gap(_outcome("1000", "1050", "1"), None)
    paper = _gap(_with(None, execution="failed"), _outcome("1000", "900", "3", mode=Mode.PAPER))
    held = replace(
        closed_position(), status=PositionStatus.OPEN, closed_at_ms=None, exit_price=None,
        entry_price=Decimal(1000), entry_quantity=Decimal(1),
    )  # fmt: skip
    still = _gap(_with(held, latency_ms=30), _with(held, latency_ms=10))
    totals = total_differences([both, alone, paper, still])
    assert (totals.signals, totals.both, totals.only_live, totals.only_paper) == (4, 2, 1, 1)
    assert totals.live_net == Decimal(200) - Decimal(4200) * FEE
    assert totals.paper_net == Decimal(220) - Decimal(4220) * FEE
    assert totals.only_live_net == Decimal(50) - Decimal(2050) * FEE
    assert totals.only_paper_net == Decimal(-300) - Decimal(5700) * FEE
    assert (totals.average_live_latency_ms, totals.average_paper_latency_ms) == (30, 10)
    assert difference_row(still)["net_gap"] is None
    assert difference_row(paper)["live"] == "failed"
    assert difference_row(alone)["paper"] is None
