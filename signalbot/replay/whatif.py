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

from signalbot.config.terms import Config
from signalbot.domain.advice import Advice, Verdict
from signalbot.domain.market import Candle
from signalbot.domain.money import ZERO
from signalbot.domain.reasons import Reason
from signalbot.domain.settings import AiRules
from signalbot.domain.signals import Outcome, Signal, SignalId
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import Mode, UserId
from signalbot.ledger.advices import read_advices
from signalbot.ledger.fates import (
    Before,
    Fate,
    Held,
    read_before,
    read_fates,
    read_held,
    read_order,
    read_signals,
)
from signalbot.ledger.views import Connection, open_ledger
from signalbot.ports import Advisor
from signalbot.replay.courses import Comparison, compare
from signalbot.replay.prices import Candles, Hole, holes
from signalbot.replay.stored import Arrival, Turn, alone, relive
from signalbot.tasks import LoopClock

_CENT: Final = Decimal("0.01")

WAS, PRESENT, CHANGED = "as it was", "present settings", "changed settings"

NOT_OF_THE_SETTINGS: Final = frozenset(
    {
        Reason.SIGNAL_NOT_ACTIVE, Reason.ALREADY_EXECUTED, Reason.TRADING_HALTED, Reason.DISK_LOW,
        Reason.USER_PAUSED, Reason.SUBSCRIPTION_NOT_ACTIVE, Reason.INBOX_FULL,
        Reason.INTERNAL_ERROR, Reason.EXCHANGE_HALTED, Reason.ACCOUNT_NOT_READY,
        Reason.SYMBOL_IN_DOUBT,
    }
)  # fmt: skip
"""Refusals that no setting would have prevented: they stay as they were on every course."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the ledger knows of one user's signals.

    It begins when the account was last without a position before ``since_ms``, so that the courses
    hold at ``since_ms`` what was held then. Only signals from then on are compared.
    """

    signals: Sequence[Signal]  #: of strategies and markets the user could trade, in their order
    fates: Mapping[SignalId, Fate]  #: as they were
    advices: Mapping[SignalId, Advice]  #: what the AI said then
    begin_ms: Ms
    since_ms: Ms
    until_ms: Ms  #: the last instant the ledger speaks of
    before: Before  #: what counted against the limits when it began
    earned: Decimal  #: what all positions had kept when it began
    earned_since: Decimal  #: what those have kept that were opened from then to ``since_ms``
    elsewhere: int  #: signals left out: of an exchange that is not the account's
    unfollowed: int  #: signals left out: decided on then, of a strategy not followed now

    @property
    def arrivals(self) -> list[Arrival]:
        """Those to be decided anew, when they were decided then, else when they were made."""
        return [
            Arrival(signal=signal, at_ms=self.arrival_ms(signal))
            for signal in self.signals
            if not _is_settled(self.fates.get(signal.signal_id))
        ]

    def arrival_ms(self, signal: Signal) -> Ms:
        """When the signal reached the user's decision."""
        return _arrival_ms(signal, self.fates.get(signal.signal_id))


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
    candles: tuple[Candles, ...]
    holes: tuple[Hole, ...]  #: signals left out for want of candles
    elsewhere: int
    unfollowed: int
    unasked: int  #: signals that pass, since no AI was asked about them then
    comparison: Comparison


def read_past(
    connection: Connection, configs: Sequence[Config], user_id: UserId, *, since_ms: Ms,
    until_ms: Ms,
) -> Past:  # fmt: skip
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
    held = read_held(connection, user_id)
    begin_ms = _flat_ms(held, since_ms)
    order = read_order(connection, user_id)
    fates = read_fates(connection, user_id, since_ms=begin_ms)
    first_ms = min((each.created_at_ms for each in fates.values()), default=begin_ms)
    heard = [
        each
        for each in read_signals(connection, since_ms=min(first_ms, begin_ms), until_ms=until_ms)
        if each.strategy in followed and _arrival_ms(each, fates.get(each.signal_id)) >= begin_ms
    ]
    signals = sorted(
        (each for each in heard if each.exchange == exchange),
        key=lambda each: (
            _arrival_ms(each, fates.get(each.signal_id)),
            order.get(each.signal_id, 0),
            each.signal_id,
        ),
    )
    return Past(
        signals=signals,
        fates=fates,
        advices=read_advices(connection, fates.values()),
        begin_ms=begin_ms,
        since_ms=since_ms,
        until_ms=until_ms,
        before=read_before(connection, user_id, begin_ms, cooldown_ms=_cooldown_ms(configs)),
        earned=sum((each.net_pnl for each in held if each.from_ms < begin_ms), ZERO),
        earned_since=sum(
            (each.net_pnl for each in held if begin_ms <= each.from_ms < since_ms), ZERO
        ),
        elsewhere=len(heard) - len(signals),
        unfollowed=len(fates.keys() - {each.signal_id for each in heard}),
    )


def _flat_ms(held: Sequence[Held], at_ms: Ms) -> Ms:
    """The last instant up to ``at_ms`` before which every position was closed or not yet begun."""
    for each in reversed(held):
        if each.from_ms < at_ms and (each.until_ms is None or each.until_ms >= at_ms):
            return _flat_ms(held, each.from_ms)
    return at_ms


def _cooldown_ms(configs: Sequence[Config]) -> int:
    every = (each.settings for config in configs for each in config.subscriptions)
    return max((settings.risk.cooldown_ms for settings in every), default=0)


def what_if(
    past: Past,
    user_id: UserId,
    *,
    present: Config,
    changed: Config | None,
    changes: Sequence[str],
    candles: Mapping[str, Candles],
    on_start: Callable[[LoopClock], None] = lambda _: None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> WhatIf:
    """Live through the past once with the present settings, and once with the changed ones.

    A signal that came where ``candles``, by symbol, have a hole is left out of every course.
    """
    arrivals = past.arrivals
    gaps = holes(arrivals, candles)
    left_out = {signal_id for hole in gaps for signal_id in hole.signals}
    arrivals = [each for each in arrivals if each.signal.signal_id not in left_out]
    signals = [each for each in past.signals if each.signal_id not in left_out]
    used = _used(arrivals, candles, past.until_ms)
    tape = sorted(
        (candle for each in used for candle in each.candles),
        key=lambda candle: (candle.close_ms, candle.symbol),
    )
    then = _equity_then(past, present, user_id)
    remembered = Remembered(past.advices)
    kept = {
        signal_id: fate
        for signal_id, fate in past.fates.items()
        if _is_settled(fate) and signal_id not in left_out
    }
    fates: dict[str, Mapping[SignalId, Fate]] = {WAS: past.fates}
    equity = {WAS: then}
    for name, config in ((PRESENT, present), (CHANGED, changed)):
        if config is None:
            continue
        equity[name] = _start_equity(config, present, user_id, then)
        course = _Course(
            config=_alone(config, present, user_id, equity[name], signals),
            turn=_turn(config, user_id, past.since_ms) if name == CHANGED else None,
        )
        lived = _live(
            course, past.before, arrivals, tape, user_id, remembered,
            on_start=on_start, on_progress=on_progress,
        )  # fmt: skip
        fates[name] = lived | kept
    compared = [each for each in signals if past.arrival_ms(each) >= past.since_ms]
    return WhatIf(
        user_id=user_id,
        changes=tuple(changes),
        begin_ms=past.begin_ms,
        since_ms=past.since_ms,
        until_ms=past.until_ms,
        signals=len(compared),
        kept=sum(each.signal_id in kept for each in compared),
        start_equity={name: each + past.earned_since for name, each in equity.items()},
        candles=tuple(used),
        holes=tuple(gaps),
        elsewhere=past.elsewhere,
        unfollowed=past.unfollowed,
        unasked=len(remembered.unasked & {each.signal_id for each in compared}),
        comparison=compare(
            compared,
            fates,
            start_equity={name: each + past.earned_since for name, each in equity.items()},
            start_ms=past.since_ms,
        ),
    )


class Remembered:
    """Implements ``Advisor``: what was said about a signal then is said again."""

    def __init__(self, advices: Mapping[SignalId, Advice]) -> None:
        self._advices = advices
        self.unasked: set[SignalId] = set()  #: asked about for the first time now

    async def advise(self, signal: Signal, rules: AiRules) -> Advice:
        """The advice of then, whatever the rules ask now; what had none passes as it is."""
        known = self._advices.get(signal.signal_id)
        if known is not None:
            return known
        self.unasked.add(signal.signal_id)
        return Advice(verdict=Verdict.APPROVE, confidence=1.0, reason="nobody asked it then")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    config: Config
    turn: Turn | None


def _alone(
    config: Config, present: Config, user_id: UserId, equity: Decimal, signals: Sequence[Signal]
) -> Config:
    """What the course begins with: the account of ``config`` and the settings of ``present``."""
    user = config.users[user_id]
    funded = replace(user, account=replace(user.account, paper_balance=equity))
    mixed = replace(config, users={user_id: funded}, subscriptions=present.subscriptions)
    return alone(mixed, user_id, signals)


def _turn(config: Config, user_id: UserId, at_ms: Ms) -> Turn:
    mine = tuple(each for each in config.subscriptions if each.user_id == user_id)
    return Turn(at_ms=at_ms, subscriptions=mine)


def _live(
    course: _Course,
    before: Before,
    arrivals: Sequence[Arrival],
    tape: Sequence[Candle],
    user_id: UserId,
    advisor: Advisor,
    *,
    on_start: Callable[[LoopClock], None],
    on_progress: Callable[[int], None],
) -> dict[SignalId, Fate]:
    if not arrivals:
        return {}
    with TemporaryDirectory(prefix="signalbot-whatif-") as folder:
        path = Path(folder) / "whatif.db"
        relive(
            course.config,
            arrivals,
            tape,
            ledger=path,
            before=before,
            turn=course.turn,
            advisor=advisor,
            on_start=on_start,
            on_progress=on_progress,
        )
        with open_ledger(path) as connection:
            return read_fates(connection, user_id, since_ms=EPOCH)


def _used(
    arrivals: Sequence[Arrival], candles: Mapping[str, Candles], until_ms: Ms
) -> list[Candles]:
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


def _arrival_ms(signal: Signal, fate: Fate | None) -> Ms:
    return signal.created_at_ms if fate is None else fate.decided_at_ms


def _is_settled(fate: Fate | None) -> bool:
    return fate is not None and fate.outcome is Outcome.SKIP and fate.code in NOT_OF_THE_SETTINGS


def _equity_then(past: Past, config: Config, user_id: UserId) -> Decimal:
    """What the account held at the beginning, as far as the ledger tells.

    That is the equity behind the first entry that was approved; for a paper account to the last
    digit what it began with and has kept since, if that is the same.
    """
    user = config.users[user_id]
    kept = user.account.paper_balance + past.earned
    told = (
        past.fates[each.signal_id].detail.get("equity")
        for each in past.signals
        if each.signal_id in past.fates
    )
    known = next((Decimal(each) for each in told if each is not None), None)
    if known is None:
        return user.account.paper_balance if user.mode is Mode.LIVE else kept
    return kept if abs(kept - known) <= _CENT else known


def _start_equity(
    config: Config, present: Config, user_id: UserId, then: Decimal
) -> Decimal:  # fmt: skip
    """What was there then, unless another balance is what is tried out."""
    wished = config.users[user_id].account.paper_balance
    return then if wished == present.users[user_id].account.paper_balance else wished
