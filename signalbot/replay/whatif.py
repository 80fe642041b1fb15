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
from signalbot.domain.market import Candle
from signalbot.domain.reasons import Reason
from signalbot.domain.signals import Outcome, Signal, SignalId
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import Mode, UserId
from signalbot.ledger.fates import Fate, read_fates, read_order, read_signals
from signalbot.ledger.views import Connection, Selection, open_ledger, positions
from signalbot.replay.courses import Comparison, compare
from signalbot.replay.prices import Candles, Hole, holes
from signalbot.replay.stored import Arrival, alone, relive
from signalbot.tasks import LoopClock

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
    """What the ledger knows of one user's signals."""

    signals: Sequence[Signal]  #: of strategies and markets the user could trade, in their order
    fates: Mapping[SignalId, Fate]  #: as they were
    since_ms: Ms  #: where it begins
    until_ms: Ms  #: the last instant the ledger speaks of
    open_before: int  #: positions that were open when it began
    traded_before: bool  #: whether there was any before
    elsewhere: int  #: signals left out: of an exchange that is not the account's

    @property
    def arrivals(self) -> list[Arrival]:
        """Those to be decided anew, when they were decided then, else when they were made."""
        return [
            Arrival(signal=signal, at_ms=_arrival_ms(signal, self.fates.get(signal.signal_id)))
            for signal in self.signals
            if not _is_settled(self.fates.get(signal.signal_id))
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    user_id: UserId
    changes: tuple[str, ...]  #: as they were given
    since_ms: Ms
    until_ms: Ms
    signals: int  #: on every course
    kept: int  #: of these, refused by circumstances and not by settings
    start_equity: Mapping[str, Decimal]  #: by course
    candles: tuple[Candles, ...]
    holes: tuple[Hole, ...]  #: signals left out for want of candles
    open_before: int
    elsewhere: int
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
    order = read_order(connection, user_id)
    fates = read_fates(connection, user_id, since_ms=since_ms)
    heard = [
        each
        for each in read_signals(connection, since_ms=since_ms, until_ms=until_ms)
        if each.strategy in followed
    ]
    signals = sorted(
        (each for each in heard if each.exchange == exchange),
        key=lambda each: (
            _arrival_ms(each, fates.get(each.signal_id)),
            order.get(each.signal_id, 0),
            each.signal_id,
        ),
    )
    before = [
        row
        for row in positions(connection, Selection(user=user_id, until_ms=since_ms))
        if since_ms > EPOCH
    ]
    return Past(
        signals=signals,
        fates=fates,
        since_ms=since_ms,
        until_ms=until_ms,
        open_before=sum(
            row["closed_at_ms"] is None or row["closed_at_ms"] >= since_ms for row in before
        ),
        traded_before=bool(before),
        elsewhere=len(heard) - len(signals),
    )


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
    kept = {each.signal_id for each in signals} - {each.signal.signal_id for each in arrivals}
    fates: dict[str, Mapping[SignalId, Fate]] = {WAS: past.fates}
    equity = {WAS: _equity_then(past, present, user_id)}
    for name, config in ((PRESENT, present), (CHANGED, changed)):
        if config is None:
            continue
        equity[name] = _start_equity(config, present, user_id, equity[WAS])
        own = alone(_funded(config, user_id, equity[name]), user_id, signals)
        lived = _live(
            own, arrivals, tape, user_id, on_start=on_start, on_progress=on_progress
        )  # fmt: skip
        fates[name] = lived | {each: past.fates[each] for each in kept}
    return WhatIf(
        user_id=user_id,
        changes=tuple(changes),
        since_ms=past.since_ms,
        until_ms=past.until_ms,
        signals=len(signals),
        kept=len(kept),
        start_equity=equity,
        candles=tuple(used),
        holes=tuple(gaps),
        open_before=past.open_before,
        elsewhere=past.elsewhere,
        comparison=compare(signals, fates, start_equity=equity, start_ms=past.since_ms),
    )


def _live(
    config: Config,
    arrivals: Sequence[Arrival],
    tape: Sequence[Candle],
    user_id: UserId,
    *,
    on_start: Callable[[LoopClock], None],
    on_progress: Callable[[int], None],
) -> dict[SignalId, Fate]:
    if not arrivals:
        return {}
    with TemporaryDirectory(prefix="signalbot-whatif-") as folder:
        path = Path(folder) / "whatif.db"
        relive(config, arrivals, tape, ledger=path, on_start=on_start, on_progress=on_progress)
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

    That is what a paper account starts with, if it had not traded before; else the equity behind
    the first entry that was approved.
    """
    user = config.users[user_id]
    if user.mode is not Mode.LIVE and not past.traded_before:
        return user.account.paper_balance
    told = (
        past.fates[each.signal_id].detail.get("equity")
        for each in past.signals
        if each.signal_id in past.fates
    )
    return next((Decimal(each) for each in told if each is not None), user.account.paper_balance)


def _start_equity(
    config: Config, present: Config, user_id: UserId, then: Decimal
) -> Decimal:  # fmt: skip
    """What was there then, unless another balance is what is tried out."""
    wished = config.users[user_id].account.paper_balance
    return then if wished == present.users[user_id].account.paper_balance else wished


def _funded(config: Config, user_id: UserId, equity: Decimal) -> Config:
    user = config.users[user_id]
    account = replace(user.account, paper_balance=equity)
    return replace(config, users={user_id: replace(user, account=account)})
