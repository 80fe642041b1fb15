"""Reads the recorded signals, outcomes and AI advice of one user from a ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from signalbot.config.settings import Config
from signalbot.domain.advice import Advice, Verdict
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.executions import DecisionOutcome
from signalbot.domain.money import ZERO
from signalbot.domain.settings import AiRules
from signalbot.domain.signals import Signal, SignalId
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
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
from signalbot.ledger.views import Connection
from signalbot.replay.signal_replay import SignalArrival

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
"""Codes of skips that no setting prevents: they stay in every scenario."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedHistory:
    """Recorded signals and outcomes of one user.

    The history begins when the account was last without a position before ``since_ms``, so that
    scenarios hold the same position at ``since_ms``. Only signals from then on are compared.
    """

    signals: Sequence[Signal]  #: of strategies and markets the user could trade, in order
    outcomes: Mapping[SignalId, SignalOutcome]  #: as recorded
    advices: Mapping[SignalId, Advice]  #: recorded AI advice
    begin_ms: Ms
    since_ms: Ms
    until_ms: Ms  #: end of the ledger
    before: AccountHistory  #: counts towards the limits at the beginning
    earned_before: Decimal  #: profit of all positions until the beginning
    earned_since: Decimal  #: profit of positions opened from then to ``since_ms``
    elsewhere: int  #: signals omitted: of another exchange
    unfollowed: int  #: signals omitted: of strategies no longer followed

    @property
    def arrivals(self) -> list[SignalArrival]:
        """Signals to decide again, at their recorded decision time, else their creation."""
        return [
            SignalArrival(signal=signal, at_ms=self.arrival_ms(signal))
            for signal in self.signals
            if not is_unaffected(self.outcomes.get(signal.signal_id))
        ]

    def arrival_ms(self, signal: Signal) -> Ms:
        """Return the time the signal reached the user's decision."""
        return arrival_ms(signal, self.outcomes.get(signal.signal_id))


def read_recorded_history(
    connection: Connection, configs: Sequence[Config], user_id: UserId, *, since_ms: Ms,
    until_ms: Ms,
) -> RecordedHistory:  # fmt: skip
    """Read signals of all strategies that the user follows in one of ``configs``.

    Raises:
        LedgerError: the ledger or a required archive is unreadable.
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
        if each.strategy in followed and arrival_ms(each, outcomes.get(each.signal_id)) >= begin_ms
    ]
    signals = sorted(
        (each for each in followed_signals if each.exchange == exchange),
        key=lambda each: (
            arrival_ms(each, outcomes.get(each.signal_id)),
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
    """Return the last instant up to ``at_ms`` at which no position was open."""
    for each in reversed(held):
        if each.from_ms < at_ms and (each.until_ms is None or each.until_ms >= at_ms):
            return _last_flat_ms(held, each.from_ms)
    return at_ms


def _cooldown_ms(configs: Sequence[Config]) -> int:
    every = (each.settings for config in configs for each in config.subscriptions)
    return max((settings.risk.cooldown_ms for settings in every), default=0)


class RecordedAdvisor:
    """Implements ``Advisor``: returns the recorded advice on a signal."""

    def __init__(self, advices: Mapping[SignalId, Advice]) -> None:
        self._advices = advices
        self.unasked: set[SignalId] = set()  #: signals without recorded advice

    async def advise(self, signal: Signal, rules: AiRules) -> Advice:
        """Return the recorded advice, whatever the rules; approve signals without one."""
        recorded = self._advices.get(signal.signal_id)
        if recorded is not None:
            return recorded
        self.unasked.add(signal.signal_id)
        return Advice(verdict=Verdict.APPROVE, confidence=1.0, reason="no recorded advice")


def arrival_ms(signal: Signal, outcome: SignalOutcome | None) -> Ms:
    """Return the decision time of a signal, else its creation."""
    return signal.created_at_ms if outcome is None else outcome.decided_at_ms


def is_unaffected(outcome: SignalOutcome | None) -> bool:
    """Whether an outcome is a skip that no setting prevents."""
    return (
        outcome is not None
        and outcome.outcome is DecisionOutcome.SKIP
        and outcome.code in UNAFFECTED_BY_SETTINGS
    )
