"""What the decision promises of an entry holds at the exchange that simulates it."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from signalbot.decision.decide import ClearedEntry, plan
from signalbot.decision.decision_input import DecisionInput, EntryPlan
from signalbot.domain.market import MarginBracket
from signalbot.domain.money import ZERO
from signalbot.domain.orders import OrderStatus, entry_side, exit_side
from signalbot.domain.settings import Sizing, SizingMode
from signalbot.domain.signals import Action, Side
from signalbot.settings.simulation import SimulationRules
from tests.decision.decision_inputs import TERMS, decision_input
from tests.domain.samples import INSTRUMENT, SIGNAL, decimals
from tests.exchange.simulated.trader import SYMBOL, Trader

BRACKETS = (
    MarginBracket(least=ZERO, rate=Decimal("0.004")),
    MarginBracket(least=Decimal(5_000), rate=Decimal("0.02"), deduction=Decimal(80)),
    MarginBracket(least=Decimal(50_000), rate=Decimal("0.1"), deduction=Decimal(4_080)),
)


@st.composite
def scenes(draw: st.DrawFn) -> DecisionInput:
    """An entry with a stop that is near the price of its liquidation, or nearer."""
    side = draw(st.sampled_from(Side))
    leverage = draw(st.sampled_from((1, 2, 5, 10, 20, 50, 100)))
    price = draw(decimals(least=100_000, most=9_999_900, places=2)).quantize(Decimal("0.1"))
    room = Decimal(draw(st.integers(50, 1_050))) / 1000 / leverage
    stop = price * (1 - side.sign * room)
    signal = replace(
        SIGNAL,
        action=Action.LONG if side is Side.LONG else Action.SHORT,
        price=price,
        stop_loss=stop,
        take_profits=(),
    )
    sizing = Sizing(
        mode=draw(st.sampled_from(SizingMode)),
        risk_percent=Decimal(draw(st.integers(1, 50))) / 10,
        quote_amount=Decimal(draw(st.integers(100, 200_000))),
        balance_percent=Decimal(draw(st.integers(1, 90))),
    )
    costs = SimulationRules(
        taker_fee_percent=Decimal(draw(st.integers(0, 100))) / 100,
        slippage_bps=Decimal(draw(st.integers(0, 30))),
    )
    s = decision_input(
        signal=signal,
        price=price,
        sizing=sizing,
        terms=replace(TERMS, leverage=leverage),
        instrument=replace(
            INSTRUMENT,
            symbol=SYMBOL,
            tick=draw(st.sampled_from((Decimal("0.1"), Decimal("0.5"), Decimal(1)))),
            brackets=draw(st.sampled_from(((), BRACKETS))),
        ),
    )
    return replace(s, fees=costs.fees, slippage_bps=costs.slippage_bps)


def _entered(s: DecisionInput) -> tuple[Trader, EntryPlan, Decimal]:
    """A trader with the planned position behind its stop, and the stop."""
    planned = plan(s, ClearedEntry())
    assume(isinstance(planned, EntryPlan))
    assert isinstance(planned, EntryPlan)
    stop = planned.stop_loss
    assert stop is not None
    rules = SimulationRules(
        taker_fee_percent=s.fees.taker * 100, maker_fee_percent=ZERO, slippage_bps=s.slippage_bps
    )
    equity = s.snapshot.balance.equity
    trader = Trader(rules, price=planned.price, deposit=equity, instrument=s.instrument)
    report = trader.order(entry_side(planned.side), planned.quantity, leverage=planned.leverage)
    assert report.status is OrderStatus.FILLED
    return trader, planned, stop


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(scenes())
def test_no_approved_stop_lies_beyond_liquidation(s: DecisionInput) -> None:
    """The price that reaches the stop has liquidated nothing on its way."""
    trader, planned, stop = _entered(s)
    guard = trader.stop(exit_side(planned.side), planned.quantity, stop)
    high, low = max(planned.price, stop), min(planned.price, stop)
    trader.candle(planned.price, high, low, stop)
    assert trader.now(guard).status is OrderStatus.FILLED
    assert not any(fill.is_liquidation for fill in trader.fills())


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(scenes())
def test_a_hit_stop_loses_no_more_than_was_risked(s: DecisionInput) -> None:
    """Entry, stop, slippage of both and their fees: within ``risk_percent`` of equity."""
    assume(s.settings.sizing.mode is SizingMode.RISK)
    trader, planned, stop = _entered(s)
    trader.stop(exit_side(planned.side), planned.quantity, stop)
    high, low = max(planned.price, stop), min(planned.price, stop)
    trader.candle(planned.price, high, low, stop)
    assert trader.held == 0
    equity, risked = s.snapshot.balance.equity, s.settings.sizing.risk_percent / 100
    assert equity - trader.account.wallet <= equity * risked
