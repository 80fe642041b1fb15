"""Positions: fills add up, and the profit equals the cash that moved."""

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.errors import IllegalTransition
from signalbot.domain.orders import Fill, OrderSide, entry_side, exit_side
from signalbot.domain.positions import CloseReason, Position, PositionStatus, StopKind
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Ms
from tests.domain.samples import NOW, POSITION, decimals, fill, held

SIDES = st.sampled_from(Side)
PRICES = decimals(most=10**7, places=2)
FEES = decimals(least=-(10**4), most=10**5, places=4)
ROUNDING = Fraction(1, 10**9)  # entry prices keep eighteen digits
MANUAL = CloseReason.MANUAL


@dataclass
class Cash:
    """What really went through the account, in exact fractions."""

    flow: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    held: Fraction = Fraction(0)
    entered: Fraction = Fraction(0)
    spent: Fraction = Fraction(0)

    def book(self, fill: Fill, *, is_entry: bool) -> None:
        """Buying costs, selling pays."""
        value = Fraction(fill.price) * Fraction(fill.quantity)
        self.flow -= value * fill.side.sign
        self.fees += Fraction(fill.fee)
        self.held += Fraction(fill.quantity) * (1 if is_entry else -1)
        if is_entry:
            self.entered += Fraction(fill.quantity)
            self.spent += value


@st.composite
def stories(draw: st.DrawFn) -> tuple[Position, list[Fill]]:
    """An empty position and fills that open, change and may close it."""
    side = draw(SIDES)
    fills: list[Fill] = []
    lots = 0
    for number in range(draw(st.integers(1, 8))):
        exits = lots > 0 and draw(st.booleans())
        quantity = draw(st.integers(1, lots if exits else 5_000))
        lots += -quantity if exits else quantity
        fills.append(
            fill(
                exit_side(side) if exits else entry_side(side),
                Decimal(quantity).scaleb(-3),
                draw(PRICES),
                fee=draw(FEES),
                trade_id=str(number),
                at_ms=NOW + number,
            )
        )
        if not lots:
            break
    return replace(POSITION, side=side), fills


@given(stories(), PRICES)
def test_fills_become_a_position_and_its_profit_is_the_cash_that_moved(
    story: tuple[Position, list[Fill]], price: Decimal
) -> None:
    """At every step: what came in and went out is accounted for, at whatever price."""
    position, fills = story
    cash = Cash()
    for each in fills:
        position = position.apply(each, reason=MANUAL)
        cash.book(each, is_entry=each.side is entry_side(position.side))
        assert Fraction(position.quantity) == cash.held
        assert position.quantity == position.entry_quantity - position.exit_quantity
        assert abs(Fraction(position.entry_price) - cash.spent / cash.entered) < ROUNDING
        assert Fraction(position.fees) == cash.fees
        worth = cash.flow + cash.held * Fraction(price) * position.side.sign
        earned = position.realized_pnl + position.unrealized_pnl(price)
        assert abs(Fraction(earned) - worth) < ROUNDING
        assert position.is_open == (cash.held > 0)
        assert abs(Fraction(position.net_pnl) - Fraction(position.realized_pnl) + cash.fees) == 0


@given(SIDES, PRICES, st.lists(st.tuples(st.integers(1, 999), PRICES), min_size=2, max_size=6))
def test_the_order_of_the_exits_does_not_change_the_profit(
    side: Side, entry: Decimal, exits: list[tuple[int, Decimal]]
) -> None:
    """Stop first or target first: the sum is the sum."""
    total = Decimal(sum(lots for lots, _ in exits)).scaleb(-3)

    def leave(order: list[tuple[int, Decimal]]) -> Position:
        position = replace(POSITION, side=side).apply(
            fill(entry_side(side), total, entry), reason=MANUAL
        )
        for lots, price in order:
            out = fill(exit_side(side), Decimal(lots).scaleb(-3), price)
            position = position.apply(out, reason=MANUAL)
        return position

    one, other = leave(exits), leave(exits[::-1])
    assert one.realized_pnl == other.realized_pnl
    assert one.exit_price is not None
    assert other.exit_price is not None
    assert abs(one.exit_price - other.exit_price) < Decimal("1e-9")
    assert one.status is other.status is PositionStatus.CLOSED


@given(SIDES, st.integers(1, 5_000), st.integers(1, 5_000), PRICES)
def test_a_position_never_turns_around(
    side: Side, lots: int, too_many: int, price: Decimal
) -> None:
    """A fill above the held quantity is rejected; the message has both quantities."""
    quantity = Decimal(lots).scaleb(-3)
    position = held(side, quantity=str(quantity))
    out = fill(exit_side(side), quantity + Decimal(too_many).scaleb(-3), price)
    with pytest.raises(IllegalTransition, match=f"holds {quantity}"):
        position.apply(out, reason=MANUAL)


@pytest.mark.parametrize("side", OrderSide)
def test_a_closed_position_takes_no_more_fills(side: OrderSide) -> None:
    """Neither in nor out."""
    closed = held().apply(fill(OrderSide.SELL, 1, 110), reason=MANUAL)
    with pytest.raises(IllegalTransition, match="closed"):
        closed.apply(fill(side, 1, 100), reason=MANUAL)


def test_the_last_exit_closes_the_position_with_its_reason_and_time() -> None:
    """The reason of an exit that leaves something is not kept."""
    half = held(quantity="2").apply(
        fill(OrderSide.SELL, 1, 110, at_ms=NOW + 1), reason=CloseReason.TAKE_PROFIT
    )
    assert (half.status, half.closed_at_ms, half.close_reason) == (PositionStatus.OPEN, None, None)
    closed = half.apply(
        fill(OrderSide.SELL, 1, 90, at_ms=NOW + 2), reason=CloseReason.TRAILING_STOP
    )
    assert closed.status is PositionStatus.CLOSED
    assert closed.closed_at_ms == NOW + 2
    assert closed.close_reason is CloseReason.TRAILING_STOP
    assert closed.exit_price == 100
    assert closed.realized_pnl == 0


def test_a_position_that_is_closing_goes_on_closing() -> None:
    """A part of the exit does not open it again."""
    closing = replace(held(quantity="2"), status=PositionStatus.CLOSING, close_reason=MANUAL)
    half = closing.apply(fill(OrderSide.SELL, 1, 110), reason=MANUAL)
    assert half.status is PositionStatus.CLOSING
    assert half.is_open


def test_an_entry_that_fills_on_after_an_exit_keeps_the_books_right() -> None:
    """Two at 100, one out at 110, one more at 120, two out at 110: ten were earned."""
    story = [
        fill(OrderSide.BUY, 2, 100),
        fill(OrderSide.SELL, 1, 110),
        fill(OrderSide.BUY, 1, 120),
        fill(OrderSide.SELL, 2, 110),
    ]
    position = POSITION
    for each in story:
        position = position.apply(each, reason=MANUAL)
    assert round(position.realized_pnl, 9) == 10


def test_the_best_price_starts_at_the_first_fill() -> None:
    """Trailing is measured from there; a later fill does not move it."""
    position = POSITION.apply(fill(OrderSide.BUY, 1, 100), reason=MANUAL)
    again = position.apply(fill(OrderSide.BUY, 1, 90), reason=MANUAL)
    assert position.best_price == again.best_price == 100


def test_funding_counts_towards_what_the_user_keeps() -> None:
    """Gross profit less fees plus funding received."""
    position = replace(
        held(), realized_pnl=Decimal(10), fees=Decimal("1.5"), funding=Decimal("-0.25")
    )
    assert position.net_pnl == Decimal("8.25")


@pytest.mark.parametrize(("side", "earned"), [(Side.LONG, 20), (Side.SHORT, -20)])
def test_an_open_position_earns_with_its_side(side: Side, earned: int) -> None:
    """Two held from 100 to 110."""
    position = held(side, quantity="2")
    assert position.unrealized_pnl(Decimal(110)) == earned
    assert position.notional(Decimal(110)) == 220


def test_a_stop_that_is_hit_names_the_close_after_what_it_stood_for() -> None:
    """A stop moved to the entry is no loss, and a trailing stop no break-even."""
    assert {kind: kind.close_reason for kind in StopKind} == {
        StopKind.INITIAL: CloseReason.STOP_LOSS,
        StopKind.BREAK_EVEN: CloseReason.BREAK_EVEN,
        StopKind.TRAILING: CloseReason.TRAILING_STOP,
    }


def test_the_time_of_opening_is_not_the_fills() -> None:
    """The plan sets the time of opening; fills set only the time of closing."""
    position = POSITION.apply(fill(OrderSide.BUY, 1, 100, at_ms=NOW + 9), reason=MANUAL)
    assert position.opened_at_ms == Ms(NOW)


def test_a_fee_in_a_third_coin_counts_at_its_price() -> None:
    """Two thousandths of a coin at 600 cost 1.2; without a price they count as nothing."""
    bought = replace(fill(OrderSide.BUY, 1, 100), fee=Decimal("0.002"), fee_currency="BNB")
    assert bought.foreign_fee_currency == "BNB"
    valued = POSITION.apply(bought, reason=MANUAL, coin_prices={"BNB": Decimal(600)})
    assert valued.fees == Decimal("1.2")
    assert valued.add_fees(bought, coin_prices={"BNB": Decimal(500)}).fees == Decimal("2.2")
    assert POSITION.apply(bought, reason=MANUAL).fees == 0
    for before in ("BTC", "USDT"):
        assert replace(bought, fee_currency=before).foreign_fee_currency is None


@pytest.mark.parametrize(
    ("kind", "stop", "after", "moves"),
    [
        (StopKind.INITIAL, 90, 1, True),
        (StopKind.INITIAL, 90, 2, False),
        (StopKind.INITIAL, 90, 0, False),
        (StopKind.TRAILING, 95, 1, True),
        (StopKind.TRAILING, 104, 1, False),
    ],
)
def test_a_target_may_move_the_stop_to_the_entry(
    kind: StopKind, stop: int, after: int, *, moves: bool
) -> None:
    """At the count the user chose, on the price grid; a trailing stop that lags is moved too."""
    position = replace(held(entry="100.26"), stop_loss=Decimal(stop), stop_kind=kind)
    hit = position.hit_target(break_even_after=after, tick=Decimal("0.1"))
    assert hit.targets_hit == 1
    assert hit.stop_loss == (Decimal("100.3") if moves else Decimal(stop))
    assert hit.stop_kind is (StopKind.BREAK_EVEN if moves else kind)


@given(
    side=st.sampled_from(Side),
    kind=st.sampled_from(StopKind),
    stop=st.decimals(1, 200, places=1),
    hits=st.integers(1, 4),
)
def test_a_hit_target_never_moves_the_stop_backwards(
    side: Side, kind: StopKind, stop: Decimal, hits: int
) -> None:
    """Once break-even is due, the stop protects the entry price or a better one."""
    position = replace(held(entry="100.3"), side=side, stop_loss=stop, stop_kind=kind)
    for _ in range(hits):
        position = position.hit_target(break_even_after=1, tick=Decimal("0.1"))
    assert position.stop_loss is not None
    assert (position.stop_loss - stop) * side.sign >= 0
    assert (position.stop_loss - position.entry_price) * side.sign >= 0
