"""What-if: replays a ledger's signals through one user's rules, unchanged and changed.

The ledger is only read. Fills are simulated as in every replay: market orders at the close of the
newest candle with slippage and fee, stops and targets inside later ones, the stop first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from signalbot.config.settings import Config
from signalbot.domain.market import Candle
from signalbot.domain.signals import Signal, SignalId
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import Mode, UserId
from signalbot.ledger.signal_outcomes import AccountHistory, SignalOutcome, read_signal_outcomes
from signalbot.ledger.views import open_ledger
from signalbot.ports import Advisor
from signalbot.replay.candle_sources import CandleGap, MarketCandles, find_candle_gaps
from signalbot.replay.recorded_history import RecordedAdvisor, RecordedHistory, is_unaffected
from signalbot.replay.scenarios import ScenarioComparison, compare_scenarios
from signalbot.replay.signal_replay import (
    SettingsChange,
    SignalArrival,
    isolate_user,
    replay_signals,
)
from signalbot.tasks import LoopClock

_CENT: Final = Decimal("0.01")

AS_RECORDED, PRESENT_SETTINGS, CHANGED_SETTINGS = (
    "as it was",
    "present settings",
    "changed settings",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    user_id: UserId
    changes: tuple[str, ...]  #: as given
    begin_ms: Ms  #: scenarios begin here, without a position
    since_ms: Ms  #: changed settings hold, and signals are compared, from here on
    until_ms: Ms
    signals: int  #: compared in every scenario
    kept: int  #: of these, skipped whatever the settings
    start_equity: Mapping[str, Decimal]  #: by scenario
    candles: tuple[MarketCandles, ...]
    gaps: tuple[CandleGap, ...]  #: signals omitted for lack of candles
    elsewhere: int
    unfollowed: int
    unasked: int  #: signals that pass without recorded AI advice
    comparison: ScenarioComparison


def what_if(
    history: RecordedHistory,
    user_id: UserId,
    *,
    present: Config,
    changed: Config | None,
    changes: Sequence[str],
    candles: Mapping[str, MarketCandles],
    on_start: Callable[[LoopClock], None] = lambda _: None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> WhatIf:
    """Replay the history with the present settings, and with the changed ones.

    Signals in gaps of ``candles``, by symbol, are omitted from every scenario.
    """
    arrivals = history.arrivals
    gaps = find_candle_gaps(arrivals, candles)
    skipped_ids = {signal_id for gap in gaps for signal_id in gap.signals}
    arrivals = [each for each in arrivals if each.signal.signal_id not in skipped_ids]
    signals = [each for each in history.signals if each.signal_id not in skipped_ids]
    used = _traded_candles(arrivals, candles, history.until_ms)
    all_candles = sorted(
        (candle for each in used for candle in each.candles),
        key=lambda candle: (candle.close_ms, candle.symbol),
    )
    then = _recorded_equity(history, present, user_id)
    advisor_replay = RecordedAdvisor(history.advices)
    kept = {
        signal_id: outcome
        for signal_id, outcome in history.outcomes.items()
        if is_unaffected(outcome) and signal_id not in skipped_ids
    }
    outcomes: dict[str, Mapping[SignalId, SignalOutcome]] = {AS_RECORDED: history.outcomes}
    equity = {AS_RECORDED: then}
    for name, config in ((PRESENT_SETTINGS, present), (CHANGED_SETTINGS, changed)):
        if config is None:
            continue
        equity[name] = _start_equity(config, present, user_id, then)
        run = _ScenarioRun(
            config=_isolate_user(config, present, user_id, equity[name], signals),
            change=_settings_change(config, user_id, history.since_ms)
            if name == CHANGED_SETTINGS
            else None,
        )
        new_outcomes = _run_scenario(
            run, history.before, arrivals, all_candles, user_id, advisor_replay,
            on_start=on_start, on_progress=on_progress,
        )  # fmt: skip
        outcomes[name] = new_outcomes | kept
    compared = [each for each in signals if history.arrival_ms(each) >= history.since_ms]
    return WhatIf(
        user_id=user_id,
        changes=tuple(changes),
        begin_ms=history.begin_ms,
        since_ms=history.since_ms,
        until_ms=history.until_ms,
        signals=len(compared),
        kept=sum(each.signal_id in kept for each in compared),
        start_equity={name: each + history.earned_since for name, each in equity.items()},
        candles=tuple(used),
        gaps=tuple(gaps),
        elsewhere=history.elsewhere,
        unfollowed=history.unfollowed,
        unasked=len(advisor_replay.unasked & {each.signal_id for each in compared}),
        comparison=compare_scenarios(
            compared,
            outcomes,
            start_equity={name: each + history.earned_since for name, each in equity.items()},
            start_ms=history.since_ms,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _ScenarioRun:
    config: Config
    change: SettingsChange | None


def _isolate_user(
    config: Config, present: Config, user_id: UserId, equity: Decimal, signals: Sequence[Signal]
) -> Config:
    """Return the initial state of a scenario: account of ``config``, settings of ``present``."""
    user = config.users[user_id]
    funded = replace(user, account=replace(user.account, paper_balance=equity))
    mixed = replace(config, users={user_id: funded}, subscriptions=present.subscriptions)
    return isolate_user(mixed, user_id, signals)


def _settings_change(config: Config, user_id: UserId, at_ms: Ms) -> SettingsChange:
    mine = tuple(each for each in config.subscriptions if each.user_id == user_id)
    return SettingsChange(at_ms=at_ms, subscriptions=mine)


def _run_scenario(
    run: _ScenarioRun,
    before: AccountHistory,
    arrivals: Sequence[SignalArrival],
    all_candles: Sequence[Candle],
    user_id: UserId,
    advisor: Advisor,
    *,
    on_start: Callable[[LoopClock], None],
    on_progress: Callable[[int], None],
) -> dict[SignalId, SignalOutcome]:
    if not arrivals:
        return {}
    with TemporaryDirectory(prefix="signalbot-whatif-") as folder:
        path = Path(folder) / "whatif.db"
        replay_signals(
            run.config,
            arrivals,
            all_candles,
            ledger=path,
            before=before,
            change=run.change,
            advisor=advisor,
            on_start=on_start,
            on_progress=on_progress,
        )
        with open_ledger(path) as connection:
            return read_signal_outcomes(connection, user_id, since_ms=EPOCH)


def _traded_candles(
    arrivals: Sequence[SignalArrival], candles: Mapping[str, MarketCandles], until_ms: Ms
) -> list[MarketCandles]:
    """Return the candles of every traded market, from just before the first signal."""
    first: dict[str, Ms] = {}
    for each in arrivals:
        first.setdefault(each.signal.symbol, each.at_ms)
    begin_ms = min(first.values(), default=until_ms)
    return [
        of.within(Ms(begin_ms - 10 * of.timeframe.ms), until_ms)
        for symbol, of in sorted(candles.items())
        if symbol in first
    ]


def _recorded_equity(history: RecordedHistory, config: Config, user_id: UserId) -> Decimal:
    """Return the account's recorded equity at the beginning.

    That is the equity recorded with the first approved entry; for a paper account the exact
    balance plus profits, if they agree.
    """
    user = config.users[user_id]
    kept = user.account.paper_balance + history.earned_before
    equities = (
        history.outcomes[each.signal_id].detail.get("equity")
        for each in history.signals
        if each.signal_id in history.outcomes
    )
    recorded = next((Decimal(each) for each in equities if each is not None), None)
    if recorded is None:
        return user.account.paper_balance if user.mode is Mode.LIVE else kept
    return kept if abs(kept - recorded) <= _CENT else recorded


def _start_equity(
    config: Config, present: Config, user_id: UserId, then: Decimal
) -> Decimal:  # fmt: skip
    """Return the recorded equity, unless the changed settings set another balance."""
    configured = config.users[user_id].account.paper_balance
    return then if configured == present.users[user_id].account.paper_balance else configured
