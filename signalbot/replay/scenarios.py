"""Compares scenarios: one user's recorded or simulated trading of the same signals."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from signalbot.domain.executions import DecisionOutcome
from signalbot.domain.money import ZERO
from signalbot.domain.positions import Position
from signalbot.domain.signals import Action, Signal, SignalId
from signalbot.domain.timeframe import Ms
from signalbot.ledger.signal_outcomes import SignalOutcome
from signalbot.replay.report.equity import Drawdown, max_drawdown
from signalbot.replay.report.metrics import closed_positions


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Results of the same signals in one scenario; money in quote units."""

    name: str
    decided: int  #: signals the user decided on
    trades: int  #: closed positions opened by these signals
    wins: int
    losses: int
    win_rate: float | None  #: 0 to 1
    net_pnl: Decimal  #: of the trades
    fees: Decimal
    funding: Decimal
    max_drawdown: Drawdown | None  #: of the starting equity and the trades as they closed
    open_positions: int  #: at the end
    failed: int  #: failed executions
    refused: int  #: signals skipped
    refusals: Mapping[str, int]  #: the same by code, most frequent first


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalDifference:
    """A signal with different outcomes between scenarios."""

    signal_id: SignalId
    at_ms: Ms  #: time of the signal
    strategy: str
    symbol: str
    action: Action
    outcomes: tuple[SignalOutcome | None, ...]  #: one per scenario; None: never decided


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioComparison:
    scenarios: tuple[Scenario, ...]
    differences: tuple[SignalDifference, ...]  #: in order of time


def compare_scenarios(
    signals: Sequence[Signal],
    outcomes: Mapping[str, Mapping[SignalId, SignalOutcome]],
    *,
    start_equity: Mapping[str, Decimal],
    start_ms: Ms,
) -> ScenarioComparison:
    """Measure every scenario by name, and find the signals with different outcomes.

    Outcomes differ by code, execution result or profit. Real fills never equal simulated ones
    exactly, so recorded profit is compared only if there is a single simulated scenario.
    """
    scenarios = tuple(
        _measure_scenario(name, [of[each.signal_id] for each in signals if each.signal_id in of],
                start_equity=start_equity[name], start_ms=start_ms)
        for name, of in outcomes.items()
    )  # fmt: skip
    differences = []
    for signal in signals:
        each = tuple(of.get(signal.signal_id) for of in outcomes.values())
        earned = [outcome.net_pnl if outcome else None for outcome in each[-2:]]
        if (
            len({outcome.result_code if outcome else None for outcome in each}) > 1
            or len(set(earned)) > 1
        ):
            differences.append(
                SignalDifference(
                    signal_id=signal.signal_id,
                    at_ms=signal.created_at_ms,
                    strategy=signal.strategy,
                    symbol=signal.symbol,
                    action=signal.action,
                    outcomes=each,
                )
            )
    return ScenarioComparison(scenarios=scenarios, differences=tuple(differences))


def _measure_scenario(
    name: str, outcomes: Sequence[SignalOutcome], *, start_equity: Decimal, start_ms: Ms
) -> Scenario:  # fmt: skip
    positions = [each.position for each in outcomes if each.position is not None]
    trades = closed_positions(positions)
    pnls = [trade.net_pnl for trade in trades]
    wins = sum(pnl > 0 for pnl in pnls)
    skips = Counter(each.code for each in outcomes if each.outcome is DecisionOutcome.SKIP)
    return Scenario(
        name=name,
        decided=len(outcomes),
        trades=len(trades),
        wins=wins,
        losses=sum(pnl < 0 for pnl in pnls),
        win_rate=wins / len(trades) if trades else None,
        net_pnl=sum(pnls, ZERO),
        fees=sum((trade.fees for trade in trades), ZERO),
        funding=sum((trade.funding for trade in trades), ZERO),
        max_drawdown=max_drawdown(_equity_curve(trades, start_equity, start_ms)),
        open_positions=sum(each.is_open for each in positions),
        failed=sum(each.execution == "failed" for each in outcomes),
        refused=skips.total(),
        refusals=dict(sorted(skips.items(), key=lambda item: (-item[1], item[0]))),
    )


def _equity_curve(
    trades: Iterable[Position], start_equity: Decimal, start_ms: Ms
) -> list[tuple[Ms, Decimal]]:
    """Return the equity after every trade."""
    equity = start_equity
    curve = [(start_ms, equity)]
    for trade in trades:
        equity += trade.net_pnl
        curve.append((trade.closed_at_ms or start_ms, equity))
    return curve
