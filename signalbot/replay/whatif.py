"""What if: a ledger's signals through one user's rules once more, as they are or might be.

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
from signalbot.domain.advice import Advice, Verdict
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.executions import DecisionOutcome
from signalbot.domain.market import Candle
from signalbot.domain.money import ZERO
from signalbot.domain.settings import AiRules
from signalbot.domain.signals import Signal, SignalId
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import Mode, UserId
from signalbot.ledger.ai_advice import read_ai_advice
from signalbot.ledger.signal_outcomes import (
    AccountHistory,
    HoldingPeriod,
    SignalOutcome,
    read_account_history,
    read_decision_order,
    read_holding_periods,
    read_signal_outcomes,
    read_signals,
)
from signalbot.ledger.views import Connection, open_ledger
from signalbot.ports import Advisor
from signalbot.replay.candle_sources import CandleGap, MarketCandles, find_candle_gaps
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

UNAFFECTED_BY_SETTINGS: Final = frozenset(
    {
        DecisionCode.SIGNAL_NOT_ACTIVE,
        DecisionCode.ALREADY_EXECUTED,
        DecisionCode.TRADING_HALTED,
        DecisionCode.DISK_LOW,
        DecisionCode.USER_PAUSED,
        DecisionCode.SUBSCRIPTION_NOT_ACTIVE,
        DecisionCode.INBOX_FULL,
        DecisionCode.INTERNAL_ERROR,
        DecisionCode.EXCHANGE_HALTED,
        DecisionCode.ACCOUNT_NOT_READY,
        DecisionCode.SYMBOL_IN_DOUBT,
    }
)
"""Refusals that no setting would have prevented: they stay as they were on every course."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedHistory:
    """What the ledger knows of one user's signals.

    It begins when the account was last without a position before ``since_ms``, so that the courses
    hold at ``since_ms`` what was held then. Only signals from then on are compared.
    """

    signals: Sequence[Signal]  #: of strategies and markets the user could trade, in their order
    outcomes: Mapping[SignalId, SignalOutcome]  #: as they were
    advices: Mapping[SignalId, Advice]  #: what the AI said then
    begin_ms: Ms
    since_ms: Ms
    until_ms: Ms  #: the last instant the ledger speaks of
    before: AccountHistory  #: what counted against the limits when it began
    earned_before: Decimal  #: what all positions had kept when it began
    earned_since: Decimal  #: what those have kept that were opened from then to ``since_ms``
    elsewhere: int  #: signals left out: of an exchange that is not the account's
    unfollowed: int  #: signals left out: decided on then, of a strategy not followed now

    @property
    def arrivals(self) -> list[SignalArrival]:
        """Those to be decided anew, when they were decided then, else when they were made."""
        return [
            SignalArrival(signal=signal, at_ms=self.arrival_ms(signal))
            for signal in self.signals
            if not _is_settled(self.outcomes.get(signal.signal_id))
        ]

    def arrival_ms(self, signal: Signal) -> Ms:
        """When the signal reached the user's decision."""
        return _arrival_ms(signal, self.outcomes.get(signal.signal_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    user_id: UserId
    changes: tuple[str, ...]  #: as they were given
    begin_ms: Ms  #: the courses begin here, without a position
    since_ms: Ms  #: changed settings hold, and signals are compared, from here on
    until_ms: Ms
    signals: int  #: compared, on every course
    kept: int  #: of these, refused by circumstances and not by settings
    start_equity: Mapping[str, Decimal]  #: by course
    candles: tuple[MarketCandles, ...]
    gaps: tuple[CandleGap, ...]  #: signals left out for want of candles
    elsewhere: int
    unfollowed: int
    unasked: int  #: signals that pass, since no AI was asked about them then
    comparison: ScenarioComparison


def read_recorded_history(
    connection: Connection, configs: Sequence[Config], user_id: UserId, *, since_ms: Ms,
    until_ms: Ms,
) -> RecordedHistory:  # fmt: skip
    """The signals of every strategy that the user follows in one of ``configs``, and what was.

    Raises:
        LedgerError: the ledger, or an archive that is needed, cannot be read.
    """
    followed = {
        each.strategy
        for config in configs
        for each in config.subscriptions
        if each.user_id == user_id
    }
    exchange = configs[0].users[user_id].account.exchange
    held = read_holding_periods(connection, user_id)
    begin_ms = _last_flat_ms(held, since_ms)
    order = read_decision_order(connection, user_id)
    outcomes = read_signal_outcomes(connection, user_id, since_ms=begin_ms)
    first_ms = min((each.created_at_ms for each in outcomes.values()), default=begin_ms)
    followed_signals = [
        each
        for each in read_signals(connection, since_ms=min(first_ms, begin_ms), until_ms=until_ms)
        if each.strategy in followed and _arrival_ms(each, outcomes.get(each.signal_id)) >= begin_ms
    ]
    signals = sorted(
        (each for each in followed_signals if each.exchange == exchange),
        key=lambda each: (
            _arrival_ms(each, outcomes.get(each.signal_id)),
            order.get(each.signal_id, 0),
            each.signal_id,
        ),
    )
    return RecordedHistory(
        signals=signals,
        outcomes=outcomes,
        advices=read_ai_advice(connection, outcomes.values()),
        begin_ms=begin_ms,
        since_ms=since_ms,
        until_ms=until_ms,
        before=read_account_history(
            connection, user_id, begin_ms, cooldown_ms=_cooldown_ms(configs)
        ),
        earned_before=sum((each.net_pnl for each in held if each.from_ms < begin_ms), ZERO),
        earned_since=sum(
            (each.net_pnl for each in held if begin_ms <= each.from_ms < since_ms), ZERO
        ),
        elsewhere=len(followed_signals) - len(signals),
        unfollowed=len(outcomes.keys() - {each.signal_id for each in followed_signals}),
    )


def _last_flat_ms(held: Sequence[HoldingPeriod], at_ms: Ms) -> Ms:
    """The last instant up to ``at_ms`` before which every position was closed or not yet begun."""
    for each in reversed(held):
        if each.from_ms < at_ms and (each.until_ms is None or each.until_ms >= at_ms):
            return _last_flat_ms(held, each.from_ms)
    return at_ms


def _cooldown_ms(configs: Sequence[Config]) -> int:
    every = (each.settings for config in configs for each in config.subscriptions)
    return max((settings.risk.cooldown_ms for settings in every), default=0)


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
    """Live through the past once with the present settings, and once with the changed ones.

    A signal that came where ``candles``, by symbol, have a hole is left out of every course.
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
        if _is_settled(outcome) and signal_id not in skipped_ids
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


class RecordedAdvisor:
    """Implements ``Advisor``: what was said about a signal then is said again."""

    def __init__(self, advices: Mapping[SignalId, Advice]) -> None:
        self._advices = advices
        self.unasked: set[SignalId] = set()  #: asked about for the first time now

    async def advise(self, signal: Signal, rules: AiRules) -> Advice:
        """The advice of then, whatever the rules ask now; what had none passes as it is."""
        recorded = self._advices.get(signal.signal_id)
        if recorded is not None:
            return recorded
        self.unasked.add(signal.signal_id)
        return Advice(verdict=Verdict.APPROVE, confidence=1.0, reason="nobody asked it then")


@dataclass(frozen=True, slots=True, kw_only=True)
class _ScenarioRun:
    config: Config
    change: SettingsChange | None


def _isolate_user(
    config: Config, present: Config, user_id: UserId, equity: Decimal, signals: Sequence[Signal]
) -> Config:
    """What the course begins with: the account of ``config`` and the settings of ``present``."""
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
    """The candles of every market that is traded, from just before its first signal on."""
    first: dict[str, Ms] = {}
    for each in arrivals:
        first.setdefault(each.signal.symbol, each.at_ms)
    begin_ms = min(first.values(), default=until_ms)
    return [
        of.within(Ms(begin_ms - 10 * of.timeframe.ms), until_ms)
        for symbol, of in sorted(candles.items())
        if symbol in first
    ]


def _arrival_ms(signal: Signal, outcome: SignalOutcome | None) -> Ms:
    return signal.created_at_ms if outcome is None else outcome.decided_at_ms


def _is_settled(outcome: SignalOutcome | None) -> bool:
    return (
        outcome is not None
        and outcome.outcome is DecisionOutcome.SKIP
        and outcome.code in UNAFFECTED_BY_SETTINGS
    )


def _recorded_equity(history: RecordedHistory, config: Config, user_id: UserId) -> Decimal:
    """What the account held at the beginning, as far as the ledger tells.

    That is the equity behind the first entry that was approved; for a paper account to the last
    digit what it began with and has kept since, if that is the same.
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
    """What was there then, unless another balance is what is tried out."""
    configured = config.users[user_id].account.paper_balance
    return then if configured == present.users[user_id].account.paper_balance else configured
