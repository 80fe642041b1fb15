"""A situation in which everything is allowed; a test changes what it is about."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from hypothesis import strategies as st

from signalbot.decision.decision_input import DecisionInput
from signalbot.domain.account_snapshot import AccountSnapshot, Balance, DayRecord
from signalbot.domain.market import Instrument
from signalbot.domain.money import ZERO
from signalbot.domain.positions import Position
from signalbot.domain.settings import (
    EntryRules,
    Filters,
    Protection,
    RiskLimits,
    Settings,
    Sizing,
    SizingMode,
    StopSource,
    TakeProfitRule,
    TargetSource,
)
from signalbot.domain.signals import Action, Side, Signal
from signalbot.domain.timeframe import Ms, day_start
from signalbot.domain.users import AccountSettings, Mode, Subscription, User
from tests.domain.samples import ANNA, INSTRUMENT, NOW, SIGNAL, decimals

BUYS = Sizing(mode=SizingMode.QUOTE, quote_amount=Decimal(1000))
TERMS = AccountSettings(exchange="sim", leverage=5)
NO_FILTERS, NO_LIMITS = Filters(), RiskLimits()
AS_BUILT_IN, AT_MARKET = Protection(), EntryRules()
USER = User(user_id=ANNA, mode=Mode.PAPER, account=TERMS)


def decision_input(
    *,
    signal: Signal = SIGNAL,
    action: Action | None = None,
    user: User = USER,
    terms: AccountSettings = TERMS,
    filters: Filters = NO_FILTERS,
    sizing: Sizing = BUYS,
    risk: RiskLimits = NO_LIMITS,
    protection: Protection = AS_BUILT_IN,
    entry: EntryRules = AT_MARKET,
    price: str | Decimal | None = "100",
    equity: str | Decimal = "10000",
    free: str | Decimal | None = None,
    positions: tuple[Position, ...] = (),
    notional: str | Decimal | None = None,
    unrealized: str | Decimal = "0",
    day: DayRecord | None = None,
    last_close_ms: Mapping[str, Ms] | None = None,
    unresolved: tuple[str, ...] = (),
    instrument: Instrument = INSTRUMENT,
    now_ms: int = NOW + 1_000,
    halted: bool = False,
) -> DecisionInput:
    """A decision of Anna's on a signal of one second ago, at the price the signal saw.

    ``free`` is all of equity, and ``notional`` that of ``positions`` at entry, unless given.
    """
    settings = Settings(
        filters=filters, sizing=sizing, risk=risk, protection=protection, entry=entry
    )
    at_entry = sum((each.notional(each.entry_price) for each in positions), ZERO)
    return DecisionInput(
        signal=signal if action is None else replace(signal, action=action),
        user=replace(user, account=terms),
        subscription=Subscription(
            subscription_id="anna/trend", user_id=ANNA, strategy="trend", settings=settings
        ),
        snapshot=AccountSnapshot(
            balance=Balance(
                equity=Decimal(equity),
                free=Decimal(equity if free is None else free),
                as_of_ms=Ms(now_ms),
            ),
            positions={each.symbol: each for each in positions},
            notional=at_entry if notional is None else Decimal(notional),
            open_pnl=Decimal(unrealized),
            day=day or DayRecord(day_ms=day_start(Ms(now_ms))),
            last_close_ms=last_close_ms or {},
            unresolved_symbols=frozenset(unresolved),
        ),
        instrument=instrument,
        price=None if price is None else Decimal(price),
        now_ms=Ms(now_ms),
        halted=halted,
    )


def with_settings(s: DecisionInput, **tables: object) -> DecisionInput:
    """The same situation with some tables of the settings exchanged."""
    settings = replace(s.settings, **tables)  # type: ignore[arg-type]
    return replace(s, subscription=replace(s.subscription, settings=settings))


MONEY = decimals(least=0, most=10**9, places=2)
STEPS = st.sampled_from([Decimal(each) for each in ("0.00001", "0.001", "0.03", "0.5", "1", "10")])
TICKS = st.sampled_from([Decimal(each) for each in ("0.01", "0.1", "0.25", "1")])
PERCENTS = decimals(most=9_999, places=2)
ENTRIES = decimals(least=5_000, most=10**7, places=2)


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    """Markets of every coarseness."""
    return replace(
        INSTRUMENT,
        tick=draw(TICKS),
        lot=draw(STEPS),
        min_quantity=draw(decimals(least=0, most=1_000, places=3)),
        min_notional=draw(st.sampled_from((ZERO, Decimal(5), Decimal(100)))),
    )


@st.composite
def decision_inputs(draw: st.DrawFn) -> DecisionInput:
    """Any entry at all: every sizing, every source of stop and targets, many of them refused."""
    price = draw(ENTRIES)
    side = draw(st.sampled_from(Side))
    away = [draw(decimals(most=1_500, places=4)) for _ in range(draw(st.integers(0, 4)))]
    signal = replace(
        SIGNAL,
        action=Action.LONG if side is Side.LONG else Action.SHORT,
        price=price,
        stop_loss=draw(st.none() | PERCENTS.map(lambda each: price * each / 50)),
        take_profits=tuple(price * (1 + side.sign * each) for each in sorted(away)),
    )
    targets = draw(st.lists(PERCENTS, max_size=3))
    return decision_input(
        signal=signal,
        terms=replace(TERMS, leverage=draw(st.sampled_from((1, 3, 5, 20, 125)))),
        price=price,
        equity=draw(MONEY),
        free=draw(MONEY),
        sizing=draw(
            st.builds(
                Sizing,
                mode=st.sampled_from(SizingMode),
                risk_percent=PERCENTS,
                quote_amount=MONEY,
                balance_percent=PERCENTS,
            )
        ),
        risk=RiskLimits(max_exposure_percent=draw(st.none() | PERCENTS)),
        protection=Protection(
            stop_source=draw(st.sampled_from(StopSource)),
            stop_percent=draw(PERCENTS),
            targets_from=draw(st.sampled_from(TargetSource)),
            targets=tuple(
                TakeProfitRule(percent=percent, share=Decimal(100) / len(targets))
                for percent in targets
            ),
        ),
        instrument=draw(instruments()),
    )
