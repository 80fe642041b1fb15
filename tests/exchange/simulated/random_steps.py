"""Anything a trader and a market may do, drawn at random."""

from collections.abc import Callable
from decimal import Decimal

from hypothesis import strategies as st

from signalbot.domain.errors import OrderRejected
from signalbot.domain.orders import OrderReport, OrderType
from signalbot.settings.simulation import SimulationRules
from tests.exchange.simulated.trader import BUY, SELL, Trader

RULES = SimulationRules(
    slippage_bps=Decimal(5), reject_probability=0.05, partial_fill_probability=0.3
)
TENTHS = st.integers(800, 1_200).map(lambda tenths: Decimal(tenths) / 10)

Step = Callable[[Trader, list[OrderReport]], None]


@st.composite
def an_order(draw: st.DrawFn) -> Step:
    side = draw(st.sampled_from((BUY, SELL)))
    kind = draw(st.sampled_from(OrderType))
    quantity = Decimal(draw(st.integers(1, 20_000))) / 100
    price = draw(TENTHS)
    reduce_only = draw(st.booleans())
    leverage = draw(st.sampled_from((1, 3, 10, 50, 125)))

    def step(trader: Trader, reports: list[OrderReport]) -> None:
        try:
            report = trader.order(
                side,
                quantity,
                type=kind,
                price=price if kind is OrderType.LIMIT else None,
                trigger=price if kind in (OrderType.STOP, OrderType.TAKE_PROFIT) else None,
                reduce_only=reduce_only,
                leverage=leverage,
            )
        except OrderRejected:
            return
        reports.append(report)

    return step


@st.composite
def a_cancel(draw: st.DrawFn) -> Step:
    index = draw(st.integers(0, 30))

    def step(trader: Trader, reports: list[OrderReport]) -> None:
        if reports:
            trader.cancel(reports[index % len(reports)])

    return step


@st.composite
def a_candle(draw: st.DrawFn) -> Step:
    low, opened, close, high = sorted(draw(st.tuples(TENTHS, TENTHS, TENTHS, TENTHS)))
    if draw(st.booleans()):
        opened, close = close, opened
    return lambda trader, _: trader.candle(opened, high, low, close)


@st.composite
def a_tick(draw: st.DrawFn) -> Step:
    price = draw(TENTHS)
    return lambda trader, _: trader.tick(price)


STEPS = st.lists(st.one_of(an_order(), an_order(), a_cancel(), a_candle(), a_tick()), max_size=40)


def play(steps: list[Step], rules: SimulationRules = RULES) -> tuple[Trader, list[OrderReport]]:
    trader = Trader(rules)
    reports: list[OrderReport] = []
    for step in steps:
        step(trader, reports)
    return trader, reports
