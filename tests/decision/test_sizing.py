"""Sizing: within the request, the free balance and the exposure limit."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from signalbot.decision.costs import balance_after_close, expected_entry_price
from signalbot.decision.decide import ClearedEntry, plan
from signalbot.decision.decision_input import DecisionInput, EntryPlan, Skip
from signalbot.decision.risk import exposure_limit
from signalbot.decision.sizing import FEE_RESERVE, SizeResult, entry_size, size_by_risk
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.market import Fees, Instrument
from signalbot.domain.money import ZERO
from signalbot.domain.positions import Position
from signalbot.domain.settings import (
    BelowMinimum,
    EntryRules,
    EntryType,
    RiskLimits,
    Sizing,
    SizingMode,
)
from signalbot.domain.signals import Side
from tests.decision.decision_inputs import (
    ENTRIES,
    MONEY,
    PERCENTS,
    TERMS,
    decision_input,
    decision_inputs,
    instruments,
    with_settings,
)
from tests.domain.samples import decimals, held

RISK = Sizing(mode=SizingMode.RISK, risk_percent=Decimal(1))
ROUND_UP = BelowMinimum.ROUND_UP
ENTRY, STOP = Decimal(100), Decimal(95)


def _requested(s: DecisionInput, *, entry: Decimal, stop: Decimal | None) -> Fraction:
    """The size by the user's settings, in exact arithmetic."""
    rules, balance = s.settings.sizing, s.snapshot.balance
    price = Fraction(entry)
    match rules.mode:
        case SizingMode.RISK:
            assert stop is not None
            risked = Fraction(balance.equity) * Fraction(rules.risk_percent) / 100
            return risked / abs(price - Fraction(stop))
        case SizingMode.QUOTE:
            return Fraction(rules.quote_amount) / price
        case SizingMode.BALANCE:
            margin = Fraction(balance.free) * Fraction(rules.balance_percent) / 100
            return margin * s.user.account.leverage / price


def _cap(s: DecisionInput, *, entry: Decimal, replaces: Position | None = None) -> Fraction:
    """What free balance and exposure carry, in exact arithmetic; without fees and slippage."""
    free, notional = Fraction(s.snapshot.balance.free), Fraction(s.snapshot.notional)
    if replaces is not None:
        price = s.price or replaces.entry_price
        free += Fraction(replaces.entry_price) * Fraction(replaces.quantity) / replaces.leverage
        free += max(Fraction(0), Fraction(replaces.unrealized_pnl(price)))
        free = min(free, Fraction(s.snapshot.balance.equity))
        notional -= Fraction(replaces.quantity) * Fraction(s.price or replaces.entry_price)
    share, side = Fraction(1, s.user.account.leverage), s.signal.action.side
    entered = expected_entry_price(s, side=side, entry=entry)
    per_unit = max(Fraction(entry) * (share + Fraction(FEE_RESERVE)), Fraction(entered) * share)
    limit = exposure_limit(s, equity=balance_after_close(s, replaces).equity)
    if limit is None:
        return free / per_unit
    return min(free / per_unit, (Fraction(limit) - notional) / Fraction(entry))


@settings(max_examples=50)
@given(decision_inputs(), st.sampled_from(BelowMinimum), ENTRIES, ENTRIES)
def test_a_size_is_within_request_and_margin_and_always_tradable(
    s: DecisionInput, below: BelowMinimum, entry: Decimal, stop: Decimal
) -> None:
    """On the lot, at least the minimum, within risk, exposure and free balance: or denied."""
    stop = stop if stop != entry else entry + 1
    rules = replace(s.settings.sizing, below_minimum=below, risk_includes_costs=False)
    s = with_settings(s, sizing=rules)
    requested, cap = _requested(s, entry=entry, stop=stop), _cap(s, entry=entry)
    least = s.instrument.smallest_quantity(entry)
    found = entry_size(s, entry=entry, stop=stop, replaces=None)
    if isinstance(found, Skip):
        assert min(requested, cap) < Fraction(least)
        assert cap < least or below is BelowMinimum.SKIP
        return
    quantity = Fraction(found.quantity)
    assert (quantity / Fraction(s.instrument.lot)).denominator == 1
    assert quantity >= least
    assert quantity <= cap
    if quantity > requested:
        assert below is ROUND_UP
        assert found.quantity == least
    else:
        assert min(requested, cap) - quantity < Fraction(s.instrument.lot)
    assert (found.capped_by is None) or cap < requested


@example(Decimal(10_000), Decimal(1), Decimal(5), Decimal("0.001"))
@given(MONEY, PERCENTS, decimals(most=10**6, places=2), decimals(most=999, places=5))
def test_no_more_is_lost_at_the_stop_than_the_user_risks(
    equity: Decimal, risk_percent: Decimal, distance: Decimal, lot: Decimal
) -> None:
    """And no whole lot less."""
    quantity = size_by_risk(
        equity=equity, risk_percent=risk_percent, loss_per_unit=distance, lot=lot
    )
    risked = Fraction(equity) * Fraction(risk_percent) / 100
    assert Fraction(quantity) * Fraction(distance) <= risked
    assert (Fraction(quantity) + Fraction(lot)) * Fraction(distance) > risked
    assert (Fraction(quantity) / Fraction(lot)).denominator == 1


@pytest.mark.parametrize(
    ("sizing", "quantity"),
    [
        (RISK, "20"),  # 100 of 10,000 lost over a distance of 5
        (Sizing(mode=SizingMode.QUOTE, quote_amount=Decimal(250)), "2.5"),
        (Sizing(mode=SizingMode.BALANCE, balance_percent=Decimal(10)), "40"),  # 800 x 5
    ],
)
def test_each_sizing_mode_computes_its_size(sizing: Sizing, quantity: str) -> None:
    """Ten thousand in equity, eight thousand of it free, five times leverage."""
    s = decision_input(sizing=sizing, free="8000")
    found = entry_size(s, entry=ENTRY, stop=STOP, replaces=None)
    assert found == SizeResult(Decimal(quantity), None)


def test_risk_needs_a_stop() -> None:
    """Without a stop the loss is unknown."""
    found = entry_size(decision_input(sizing=RISK), entry=ENTRY, stop=None, replaces=None)
    assert found == Skip(DecisionCode.NO_STOP_LOSS, {"sizing": SizingMode.RISK})


@pytest.mark.parametrize("mode", [SizingMode.QUOTE, SizingMode.BALANCE])
def test_other_ways_of_sizing_do_without_a_stop(mode: SizingMode) -> None:
    """They never looked at it."""
    found = entry_size(
        decision_input(sizing=Sizing(mode=mode)), entry=ENTRY, stop=None, replaces=None
    )
    assert isinstance(found, SizeResult)


def test_free_balance_caps_the_size_and_leaves_room_for_fees() -> None:
    """A hundred free at five times leverage carry not quite five hundred."""
    s = decision_input(sizing=RISK, free="100")
    found = entry_size(s, entry=ENTRY, stop=STOP, replaces=None)
    assert found == SizeResult(Decimal("4.950"), "balance")  # 100 / (1/5 + 0.002) / 100


def test_exposure_caps_the_size() -> None:
    """What is open already counts."""
    s = decision_input(
        sizing=RISK, risk=RiskLimits(max_exposure_percent=Decimal(10)), notional="900"
    )
    found = entry_size(s, entry=ENTRY, stop=STOP, replaces=None)
    assert found == SizeResult(Decimal(1), "exposure")


def test_exactly_what_is_left_is_not_called_capped() -> None:
    """The size is the requested one."""
    s = decision_input(
        sizing=Sizing(mode=SizingMode.QUOTE, quote_amount=Decimal(100)),
        risk=RiskLimits(max_exposure_percent=Decimal(10)),
        notional="900",
    )
    assert entry_size(s, entry=ENTRY, stop=STOP, replaces=None) == SizeResult(Decimal(1), None)


@pytest.mark.parametrize(("amount", "found"), [("5", "0.05"), ("4.99", None)])
def test_an_order_below_the_minimum_is_skipped(amount: str, found: str | None) -> None:
    """The exchange takes no order of less than five quote units here."""
    sizing = Sizing(mode=SizingMode.QUOTE, quote_amount=Decimal(amount))
    sized = entry_size(decision_input(sizing=sizing), entry=ENTRY, stop=STOP, replaces=None)
    if found is None:
        facts = {"quantity": Decimal("0.049"), "minimum": Decimal("0.05")}
        assert sized == Skip(DecisionCode.BELOW_MINIMUM, facts)
    else:
        assert sized == SizeResult(Decimal(found), None)


@given(instruments(), ENTRIES, decimals(least=0, most=100, places=4))
def test_rounding_up_gives_exactly_the_minimum(
    instrument: Instrument, entry: Decimal, amount: Decimal
) -> None:
    """Where the user wants it, an order too small becomes the smallest one, and no larger."""
    s = decision_input(
        instrument=instrument,
        equity="1000000000",
        sizing=Sizing(mode=SizingMode.QUOTE, quote_amount=amount, below_minimum=ROUND_UP),
    )
    least = s.instrument.smallest_quantity(entry)
    found = entry_size(s, entry=entry, stop=None, replaces=None)
    assert isinstance(found, SizeResult)
    assert found.capped_by is None
    if Fraction(amount) / Fraction(entry) < least:
        assert found.quantity == least


def test_rounding_up_stops_where_the_account_ends() -> None:
    """The smallest order of 5 needs a little more than 1 free at five times leverage."""
    sizing = Sizing(mode=SizingMode.QUOTE, quote_amount=Decimal(1), below_minimum=ROUND_UP)
    enough = decision_input(sizing=sizing, free="1.01")
    assert entry_size(enough, entry=ENTRY, stop=STOP, replaces=None) == SizeResult(
        Decimal("0.05"), None
    )
    short = entry_size(
        decision_input(sizing=sizing, free="1.00"), entry=ENTRY, stop=STOP, replaces=None
    )
    assert short == Skip(
        DecisionCode.INSUFFICIENT_BALANCE,
        {"most": Decimal("0.04950495"), "minimum": Decimal("0.05")},
    )


def test_too_little_exposure_and_too_little_balance_have_different_codes() -> None:
    """Closing a position cures the one, funding the account the other."""
    s = decision_input(risk=RiskLimits(max_exposure_percent=Decimal(10)), notional="996")
    assert entry_size(s, entry=ENTRY, stop=STOP, replaces=None) == Skip(
        DecisionCode.MAX_EXPOSURE, {"most": Decimal("0.04"), "minimum": Decimal("0.05")}
    )


@pytest.mark.parametrize("sizing", [RISK, Sizing(mode=SizingMode.BALANCE)])
def test_an_account_in_debt_buys_nothing(sizing: Sizing) -> None:
    """A negative balance is no balance."""
    for below in BelowMinimum:
        s = decision_input(sizing=replace(sizing, below_minimum=below), equity="-50")
        found = entry_size(s, entry=ENTRY, stop=STOP, replaces=None)
        assert isinstance(found, Skip)
        assert found.reason is DecisionCode.INSUFFICIENT_BALANCE


@settings(max_examples=50)
@given(decision_inputs(), ENTRIES, decimals(most=10**5, places=3))
def test_a_reversal_may_use_the_margin_it_sets_free(
    s: DecisionInput, entry: Decimal, quantity: Decimal
) -> None:
    """The closed position's margin, profit and exposure count as available, and not a cent more."""
    position = replace(held(quantity=str(quantity), entry="100"), leverage=TERMS.leverage)
    stop = entry - s.signal.action.side.sign
    found = entry_size(s, entry=entry, stop=stop, replaces=position)
    if isinstance(found, SizeResult):
        assert Fraction(found.quantity) <= _cap(s, entry=entry, replaces=position)


def test_a_reversal_stays_within_the_exposure_that_its_close_leaves() -> None:
    """Closing 10 at 100 costs 1 %, so 990 of 1,000 are left to measure by."""
    position = held(Side.SHORT, quantity="10")
    s = replace(
        decision_input(
            risk=RiskLimits(max_exposure_percent=Decimal(100)),
            sizing=Sizing(mode=SizingMode.QUOTE, quote_amount=Decimal(2000)),
            positions=(position,),
            notional="1000",
            equity="1000",
        ),
        fees=Fees(maker=Decimal(0), taker=Decimal("0.01")),
    )
    found = entry_size(s, entry=ENTRY, stop=STOP, replaces=position)
    assert found == SizeResult(Decimal("9.9"), "exposure")


def test_a_reversal_of_a_full_account_is_possible() -> None:
    """All money is in the position that is about to be closed."""
    position = replace(held(Side.SHORT, quantity="10"), leverage=5)
    sizing = Sizing(mode=SizingMode.QUOTE, quote_amount=Decimal(900))
    s = decision_input(sizing=sizing, equity="200", free="0", positions=(position,))
    assert isinstance(entry_size(s, entry=ENTRY, stop=STOP, replaces=None), Skip)
    assert entry_size(s, entry=ENTRY, stop=STOP, replaces=position) == SizeResult(Decimal(9), None)


def test_a_reversal_by_balance_looks_at_what_will_be_free() -> None:
    """Nine tenths of the money are in the position that closes: the next one is as large."""
    sizing = Sizing(mode=SizingMode.BALANCE, balance_percent=Decimal(90))
    position = replace(held(Side.SHORT, quantity="90"), leverage=1)
    s = decision_input(
        sizing=sizing,
        terms=replace(TERMS, leverage=1),
        equity="10000",
        free="1000",
        positions=(position,),
    )
    assert entry_size(s, entry=ENTRY, stop=STOP, replaces=position) == SizeResult(Decimal(90), None)
    assert entry_size(s, entry=ENTRY, stop=STOP, replaces=None) == SizeResult(Decimal(9), None)


@pytest.mark.parametrize(
    ("price", "equity", "free", "quantity"),
    [
        ("100", "10000", "5000", "99.9"),  # 0.1 % of 10,000 is the fee of the exit
        ("110", "9000", "4000", "81.718"),  # a short of 100 has lost 1,000, and pays 11
        ("90", "11000", "5000", "122.122"),  # and here it has earned 1,000, and pays 9
    ],
)
def test_what_a_close_costs_and_brings_is_counted(
    price: str, equity: str, free: str, quantity: str
) -> None:
    """A short of 100 at 100 with twice the leverage; the fee is a tenth of a percent."""
    position = replace(held(Side.SHORT, quantity="100", entry="100"), leverage=2)
    s = decision_input(
        sizing=Sizing(mode=SizingMode.BALANCE, balance_percent=Decimal(50)),
        terms=replace(TERMS, leverage=2),
        price=price,
        equity=equity,
        free=free,
        unrealized=str(position.unrealized_pnl(Decimal(price))),
        positions=(position,),
    )
    s = replace(s, fees=Fees(maker=ZERO, taker=Decimal("0.001")))
    found = entry_size(s, entry=Decimal(price), stop=None, replaces=position)
    assert found == SizeResult(Decimal(quantity), None)


COSTS = st.builds(Fees, maker=st.just(ZERO), taker=decimals(least=0, most=20, places=4))


@settings(max_examples=100)
@given(decision_inputs(), COSTS, decimals(least=0, most=50, places=0))
def test_what_is_planned_is_never_risked_beyond_the_users_percent(
    s: DecisionInput, fees: Fees, slippage_bps: Decimal
) -> None:
    """The whole way from signal to plan: distance, slippage and both fees are within the risk."""
    s = replace(s, fees=fees, slippage_bps=slippage_bps)
    planned = plan(s, ClearedEntry())
    rules = s.settings.sizing
    if isinstance(planned, EntryPlan) and rules.mode is SizingMode.RISK:
        assert planned.stop_loss is not None
        worse = Fraction(slippage_bps) / 10_000 * planned.side.sign
        entered = Fraction(planned.price) * (1 + worse)
        left = Fraction(planned.stop_loss) * (1 - worse)
        per_unit = abs(entered - left) + (entered + left) * Fraction(fees.taker)
        risked = Fraction(s.snapshot.balance.equity) * Fraction(rules.risk_percent) / 100
        assert Fraction(planned.quantity) * per_unit <= risked


def test_who_wants_the_plain_form_risks_the_way_to_the_stop_alone() -> None:
    """Two percent of 10,000 at a distance of 5 are 40; with 0.1 % of 195 and slippage less."""
    costs = Fees(maker=ZERO, taker=Decimal("0.001"))
    s = replace(
        decision_input(sizing=replace(RISK, risk_percent=Decimal(2)), equity="10000"), fees=costs
    )
    with_costs = entry_size(s, entry=ENTRY, stop=STOP, replaces=None)
    assert with_costs == SizeResult(Decimal("38.498"), None)  # 200 / (5 + 0.195)
    slipping = entry_size(
        replace(s, slippage_bps=Decimal(10)), entry=ENTRY, stop=STOP, replaces=None
    )
    assert slipping == SizeResult(Decimal("37.071"), None)  # 200 / (100.1 - 94.9 + 0.195)
    plain = replace(s.settings.sizing, risk_includes_costs=False)
    found = entry_size(with_settings(s, sizing=plain), entry=ENTRY, stop=STOP, replaces=None)
    assert found == SizeResult(Decimal(40), None)


def test_a_limit_entry_does_not_slip() -> None:
    """It fills at its price or better; the stop slips as ever."""
    sizing = replace(RISK, risk_percent=Decimal(2))
    s = decision_input(sizing=sizing, equity="10000", entry=EntryRules(type=EntryType.LIMIT))
    s = replace(s, slippage_bps=Decimal(10))
    found = entry_size(s, entry=ENTRY, stop=STOP, replaces=None)
    assert found == SizeResult(Decimal("39.215"), None)  # 200 / (100 - 94.9)
