"""Equity at every candle's worst point, against looking at every candle while it happens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from signalbot.domain.errors import OrderRejected
from signalbot.domain.market import Candle
from signalbot.domain.orders import OrderSide
from signalbot.domain.timeframe import Ms
from signalbot.replay.equity_tracking import EquityTrack, equity_curves
from signalbot.replay.report.equity import Curve, max_drawdown
from signalbot.settings.simulation import SimulationRules
from tests.exchange.simulated.trader import BUY, SELL, START_MS, SYMBOL, Trader, candle

TENTHS = st.integers(800, 1_200).map(lambda tenths: Decimal(tenths) / 10)
COSTS = SimulationRules(taker_fee_percent=Decimal("0.1"), slippage_bps=Decimal(3))


@dataclass
class Course:
    """A desk that trades, watched candle by candle, and everything there was to be seen."""

    desk: Trader = field(default_factory=lambda: Trader(COSTS, price=None))
    candles: list[Candle] = field(default_factory=list)
    seen: list[tuple[Ms, Decimal]] = field(default_factory=list)  #: the plain course of equity
    closed: list[Decimal] = field(default_factory=list)  #: the wallet whenever nothing is open

    def __post_init__(self) -> None:
        self.track = EquityTrack(self.desk.account.wallet)
        self.desk.account.observer = self.track
        self.seen.append((START_MS, self.desk.account.wallet))

    def minute(self, prices: tuple[Decimal, Decimal, Decimal, Decimal]) -> None:
        """One more candle; what it does to the account is looked at by hand."""
        opened, high, low, close = prices
        each = candle(opened, high, low, close, minute=len(self.candles))
        account, position = self.desk.account, self.desk.position
        trades, wallet = account.trades_made, account.wallet
        self.desk.venue.on_candle(each)
        self.candles.append(each)
        self.desk.now_ms = each.close_ms
        if position is not None and account.trades_made == trades:
            worst = low if position.side.sign > 0 else high
            earned = (worst - position.entry_price) * position.quantity * position.side.sign
            self.seen.append((each.close_ms, wallet + earned))
        self._look()

    def trade(self, side: OrderSide, quantity: Decimal, leverage: int) -> None:
        try:
            self.desk.order(side, quantity, leverage=leverage)
        except OrderRejected:
            return
        self._look()

    def guard(self, away: Decimal) -> None:
        """A stop behind what is held, a target before it."""
        position, last = self.desk.position, self.desk.venue.last_price(SYMBOL)
        if position is None or last is None:
            return
        close, sign = (SELL, 1) if position.side.sign > 0 else (BUY, -1)
        try:
            self.desk.stop(close, position.quantity, last - sign * away)
            self.desk.target(close, position.quantity / 2, last + sign * away)
        except OrderRejected:
            pass

    def _look(self) -> None:
        self.seen.append((self.desk.now_ms, self.desk.account.equity))
        if self.desk.position is None:
            self.closed.append(self.desk.account.wallet)

    def curve(self) -> Curve:
        end_ms = Ms(self.desk.now_ms + 1_000)
        found = equity_curves({"alice": self.track}, {SYMBOL: self.candles}, end_ms=end_ms)
        return [(START_MS, Decimal(10_000)), *found["alice"]]


Step = Callable[[Course], None]


@st.composite
def a_minute(draw: st.DrawFn) -> Step:
    low, opened, close, high = sorted(draw(st.tuples(TENTHS, TENTHS, TENTHS, TENTHS)))
    if draw(st.booleans()):
        opened, close = close, opened
    return lambda course: course.minute((opened, high, low, close))


@st.composite
def a_trade(draw: st.DrawFn) -> Step:
    side = draw(st.sampled_from((BUY, SELL)))
    quantity = Decimal(draw(st.integers(1, 9_000))) / 100
    leverage = draw(st.sampled_from((1, 3, 10)))
    return lambda course: course.trade(side, quantity, leverage)


@st.composite
def a_guard(draw: st.DrawFn) -> Step:
    away = Decimal(draw(st.integers(1, 200))) / 10
    return lambda course: course.guard(away)


COURSES = st.lists(st.one_of(a_minute(), a_minute(), a_trade(), a_guard()), max_size=60)


def _play(steps: list[Step]) -> Course:
    course = Course()
    course.minute((Decimal(100), Decimal(100), Decimal(100), Decimal(100)))
    for step in steps:
        step(course)
    return course


def _deepest(curve: Curve) -> float:
    found = max_drawdown(curve)
    assert found is not None
    return found.percent


@settings(max_examples=150, deadline=None)
@given(COURSES)
def test_the_drawdown_is_that_of_every_candles_worst_point(steps: list[Step]) -> None:
    """No shallower than what is seen candle by candle, and none is made up.

    Within a candle that trades, the track knows more than the eye: there it may only be deeper.
    """
    course = _play(steps)
    found, seen = _deepest(course.curve()), _deepest(course.seen)
    assert found >= seen - 1e-9
    if not course.track.visits:
        assert abs(found - seen) < 1e-9


@settings(max_examples=150, deadline=None)
@given(COURSES)
def test_the_drawdown_is_never_below_that_of_closed_trades(steps: list[Step]) -> None:
    """What was lost when all was closed was lost."""
    course = _play(steps)
    closed = [(Ms(at), wallet) for at, wallet in enumerate([Decimal(10_000), *course.closed])]
    assert _deepest(course.curve()) >= _deepest(closed) - 1e-9


@settings(max_examples=50, deadline=None)
@given(COURSES)
def test_the_curve_ends_with_what_the_account_has(steps: list[Step]) -> None:
    """Exactly: wallet and open profit at the last price."""
    course = _play(steps)
    assert course.curve()[-1][1] == course.desk.account.equity


def test_a_dive_within_the_hour_is_not_overlooked() -> None:
    """A third of the price is gone for one minute in the middle of an hour, and comes back."""
    course = Course()
    flat = (Decimal(100),) * 4
    course.minute(flat)
    course.trade(BUY, Decimal(90), 1)
    for minute in range(200):
        dive = (Decimal(100), Decimal(100), Decimal(65), Decimal(100))
        course.minute(dive if minute == 77 else flat)
    found = max_drawdown(course.curve())
    assert found is not None
    assert 31 < found.percent < 33
    assert (found.trough_ms - START_MS) // 60_000 == 79


def test_a_stop_in_the_candle_ends_the_fall() -> None:
    """What the price did after the stop was hit is nobody's loss."""
    course = Course()
    course.minute((Decimal(100),) * 4)
    course.trade(BUY, Decimal(50), 1)
    course.guard(Decimal(2))
    course.minute((Decimal(100), Decimal(101), Decimal(60), Decimal(70)))
    assert course.desk.position is None
    assert _deepest(course.curve()) < 1.2


def test_a_stop_in_the_candle_that_fills_a_limit_entry_ends_the_fall() -> None:
    """It is sent when the candle is over, and still what the price did after it is left out."""
    course = Course()
    course.minute((Decimal(100),) * 4)
    course.desk.limit(SELL, 50, 101)
    course.minute((Decimal(100), Decimal(150), Decimal(99), Decimal(100)))
    course.desk.stop(BUY, 50, 103)
    course.minute((Decimal(100),) * 4)
    assert course.desk.position is None
    assert 1 < _deepest(course.curve()) < 1.2
