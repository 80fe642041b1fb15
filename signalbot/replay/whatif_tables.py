"""Renders a what-if as notes, tables and JSON."""

from collections.abc import Iterator
from typing import Any, Final

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.money import text
from signalbot.ledger.signal_outcomes import SignalOutcome
from signalbot.replay.candle_sources import CandleGap
from signalbot.replay.report import formatting
from signalbot.replay.report.summary import ReportTable, to_plain
from signalbot.replay.scenarios import Scenario, SignalDifference
from signalbot.replay.whatif import AS_RECORDED, CHANGED_SETTINGS, PRESENT_SETTINGS, WhatIf

_SCENARIO_HEADINGS: Final = {
    AS_RECORDED: "Recorded",
    PRESENT_SETTINGS: "Present",
    CHANGED_SETTINGS: "Changed",
}
_MAX_LISTED: Final = 5
_REASONS: Final = {code.value: code for code in DecisionCode}


def title(found: WhatIf) -> str:
    """Return user, period, number of signals and the changed settings."""
    changes = f"; with {', '.join(found.changes)}" if found.changes else ""
    first = found.candles[0].candles[0].open_ms if found.candles else found.until_ms
    begin = found.since_ms or first
    return (
        f"{found.user_id}: {found.signals:,} signals from {formatting.format_minute(begin)} to "
        f"{formatting.format_minute(found.until_ms)} UTC{changes}"
    )


def notes(found: WhatIf) -> Iterator[str]:
    """Yield notes about data sources and omitted signals."""
    for each in found.candles:
        yield (
            f"{each.symbol} {each.timeframe}: {len(each.candles):,} candles of {each.source} to "
            f"{formatting.format_minute(each.candles[-1].close_ms)}, {each.missing:,} missing"
        )
    for gap in found.gaps:
        yield gap_text(gap)
    if found.kept:
        yield (
            f"{found.kept} signals stay skipped in every scenario: paused, halted or late, which "
            "no setting changes"
        )
    if found.begin_ms < found.since_ms:
        yield (
            f"scenarios begin at {formatting.format_minute(found.begin_ms)}, the last time before "
            "without a position"
        )
    if found.unasked:
        yield f"{found.unasked} signals have no recorded AI advice and pass unchanged"
    if found.unfollowed:
        yield f"{found.unfollowed} signals of strategies no longer followed are omitted"
    if found.elsewhere:
        yield f"{found.elsewhere} signals of other exchanges are omitted"


def gap_text(gap: CandleGap) -> str:
    """Describe a gap and its omitted signals."""
    count, listed = len(gap.signals), gap.signals[:_MAX_LISTED]
    start = "the start" if gap.from_ms is None else f"{formatting.format_minute(gap.from_ms)}"
    end = "the end" if gap.until_ms is None else f"{formatting.format_minute(gap.until_ms)}"
    return (
        f"{gap.symbol}: no candles from {start} to {end}: {count} "
        f"signal{'s' if count > 1 else ''} omitted: {', '.join(listed)}"
        + (f" and {count - _MAX_LISTED} more" if count > _MAX_LISTED else "")
    )


def tables(found: WhatIf, *, limit: int) -> list[ReportTable]:
    """Return scenarios side by side, skipped signals by code, and differing signals."""
    scenarios = found.comparison.scenarios
    result = [
        _scenarios_table(scenarios),
        _skips_table(scenarios),
        _differences_table(found, scenarios, limit),
    ]
    return [table for table in result if table.rows]


def to_json(found: WhatIf) -> dict[str, Any]:
    """Convert to JSON types: decimals as plain text, times in ``_ms``."""
    scenarios = found.comparison.scenarios
    return {
        "user_id": found.user_id,
        "changes": list(found.changes),
        "begin_ms": found.begin_ms,
        "since_ms": found.since_ms,
        "until_ms": found.until_ms,
        "signals": found.signals,
        "kept": found.kept,
        "elsewhere": found.elsewhere,
        "unfollowed": found.unfollowed,
        "unasked": found.unasked,
        "candles": [
            {
                "symbol": each.symbol,
                "timeframe": each.timeframe.value,
                "source": each.source,
                "candles": len(each.candles),
                "missing": each.missing,
                "from_ms": each.candles[0].open_ms,
                "until_ms": each.candles[-1].close_ms,
            }
            for each in found.candles
        ],
        "left_out": to_plain(found.gaps),
        "courses": [
            to_plain(each) | {"start_equity": text(found.start_equity[each.name])}
            for each in scenarios
        ],
        "differences": [_difference_json(each, scenarios) for each in found.comparison.differences],
    }


def _scenarios_table(scenarios: tuple[Scenario, ...]) -> ReportTable:
    header = [
        "Scenario", "Trades", "Wins", "Win %", "Net PnL", "Fees", "Max DD", "Max DD %", "Open",
        "Failed", "Skipped",
    ]  # fmt: skip
    return ReportTable("Scenarios", header, [_scenario_row(each) for each in scenarios])


def _scenario_row(scenario: Scenario) -> list[str]:
    fall = scenario.max_drawdown
    return [
        scenario.name,
        str(scenario.trades),
        str(scenario.wins),
        formatting.format_share(scenario.win_rate),
        formatting.format_profit(scenario.net_pnl),
        formatting.format_money(scenario.fees),
        formatting.format_money(fall.quote if fall else None),
        formatting.format_ratio(fall.percent if fall else None),
        str(scenario.open_positions),
        str(scenario.failed),
        str(scenario.refused),
    ]


def _skips_table(scenarios: tuple[Scenario, ...]) -> ReportTable:
    codes = dict.fromkeys(code for scenario in scenarios for code in scenario.refusals)
    rows = [
        [
            code,
            *(str(scenario.refusals.get(code, 0)) for scenario in scenarios),
            _REASONS[code].cause if code in _REASONS else "code of another version",
        ]
        for code in codes
    ]
    return ReportTable(
        "Skipped signals",
        ["Code", *(_SCENARIO_HEADINGS[each.name] for each in scenarios), "Reason"],
        rows,
    )


def _differences_table(found: WhatIf, scenarios: tuple[Scenario, ...], limit: int) -> ReportTable:
    every = found.comparison.differences
    listed = every[:limit] if limit else every
    heads = [_SCENARIO_HEADINGS[each.name] for each in scenarios]
    more = (
        f", first {limit} shown; for more: --limit N, 0 for all" if len(listed) < len(every) else ""
    )
    return ReportTable(
        f"Signals with different outcomes: {len(every):,}{more}",
        ["Signal", "Time", "Symbol", "Action", *heads, *(f"PnL {each.lower()}" for each in heads)],
        [
            [
                each.signal_id,
                formatting.format_minute(each.at_ms),
                each.symbol,
                each.action.value,
                *(
                    formatting.NO_VALUE if outcome is None else outcome.result_code
                    for outcome in each.outcomes
                ),
                *(
                    formatting.format_profit(outcome.net_pnl if outcome else None)
                    for outcome in each.outcomes
                ),
            ]
            for each in listed
        ],
    )


def _difference_json(each: SignalDifference, scenarios: tuple[Scenario, ...]) -> dict[str, Any]:
    return {
        "signal_id": each.signal_id,
        "at_ms": each.at_ms,
        "strategy": each.strategy,
        "symbol": each.symbol,
        "action": each.action.value,
        "courses": {
            scenario.name: None if outcome is None else _outcome_json(outcome)
            for scenario, outcome in zip(scenarios, each.outcomes, strict=True)
        },
    }


def _outcome_json(outcome: SignalOutcome) -> dict[str, Any]:
    position = outcome.position
    return {
        "outcome": outcome.outcome.value,
        "code": outcome.code,
        "execution": outcome.execution,
        "failure": outcome.failure,
        "decided_at_ms": outcome.decided_at_ms,
        "entry_price": None if position is None else text(position.entry_price),
        "quantity": None if position is None else text(position.entry_quantity),
        "close_reason": None
        if position is None or position.close_reason is None
        else position.close_reason.value,
        "net_pnl": None if outcome.net_pnl is None else text(outcome.net_pnl),
    }
