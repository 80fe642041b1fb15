"""The exchange in memory keeps its own books straight, whatever is asked of it."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venue.engine import Engine
from tests.venue.journal import guarded
from tests.venue.matching import Fills
from tests.venue.model import (
    Account,
    Attached,
    Kind,
    Market,
    Order,
    Reason,
    Refused,
    Rules,
    Side,
    Status,
    Ticket,
)

BTC = "BTCUSDT"
LOT = Decimal("0.001")


class Delayed:
    """Runs what was put off when a test says so."""

    def __init__(self) -> None:
        self.acts: list[Callable[[], None]] = []

    def __call__(self, _: float, act: Callable[[], None]) -> object:
        self.acts.append(act)
        return act

    def run(self) -> None:
        self.acts.pop(0)()


def opened(
    rules: Rules | None = None, *, wallet: Decimal = Decimal(10_000)
) -> tuple[Engine, Account, Delayed]:
    later = Delayed()
    engine = Engine([Market(id=BTC, base="BTC")], rules=rules, later=later)
    engine.set_price(BTC, Decimal(50_000))
    return engine, engine.add("alice", wallet=wallet), later


def entry(client_id: str = "e1", quantity: str = "0.010", side: Side = Side.BUY) -> Ticket:
    return Ticket(
        client_id=client_id, symbol=BTC, side=side, kind=Kind.MARKET, quantity=Decimal(quantity)
    )


def stop(client_id: str = "s1", quantity: str = "0.010", trigger: str = "49000") -> Ticket:
    return Ticket(
        client_id=client_id, symbol=BTC, side=Side.SELL, kind=Kind.STOP,
        quantity=Decimal(quantity), trigger=Decimal(trigger), reduce_only=True,
    )  # fmt: skip


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("trade"), st.sampled_from(Side), st.integers(min_value=1, max_value=40)),
        st.tuples(st.just("price"), st.integers(min_value=490_000, max_value=510_000)),
        st.tuples(st.just("stop"), st.integers(min_value=480_000, max_value=520_000)),
        st.tuples(st.just("hand")),
    ),
    max_size=25,
)


@given(moves=MOVES)
def test_wallet_and_position_are_what_the_trades_say(moves: list[tuple[object, ...]]) -> None:
    """Whatever is traded: position = sum of trades, equity = cash flow + value of what is held."""
    engine, alice, _ = opened()
    for number, move in enumerate(moves):
        try:
            _make(engine, alice, f"m{number}", move)
        except Refused:
            continue
    signed = [(trade.side.sign * trade.quantity, trade) for trade in alice.trades]
    held = alice.held(BTC)
    assert held == sum((quantity for quantity, _ in signed), Decimal(0))
    cash = 10_000 - sum((q * t.price + t.fee for q, t in signed), Decimal(0))
    equity = engine.equity(alice)
    assert abs(equity - (cash + held * engine.prices[BTC])) < Decimal("1e-15")
    assert engine.journal.trade_ids("alice") == {trade.id for trade in alice.trades}
    assert all(order.is_open for order in alice.open.values())
    assert {o.id for o in alice.orders.values() if o.is_open} == set(alice.open)


def _make(engine: Engine, alice: Account, client_id: str, move: tuple[object, ...]) -> None:
    match move:
        case ("trade", Side() as side, int(lots)):
            engine.place(alice, entry(client_id, str(lots * LOT), side))
        case ("price", int(tenths)):
            engine.set_price(BTC, Decimal(tenths) / 10)
        case ("stop", int(tenths)):
            engine.place(alice, stop(client_id, "0.005", str(Decimal(tenths) / 10)))
        case ("hand",):
            engine.close_by_hand("alice", BTC)


def test_a_position_is_unprotected_until_stops_cover_all_of_it() -> None:
    """Half a stop is no protection; the journal keeps every stretch."""
    engine, alice, _ = opened()
    engine.place(alice, entry())
    engine.place(alice, stop("s1", "0.005"))
    [now] = engine.journal.exposures("alice")
    engine.place(alice, stop("s2", "0.005"))
    [past] = engine.journal.exposures("alice")
    assert past.from_s == now.from_s
    assert engine.journal.unprotected_s("alice") == past.seconds > 0
    engine.cancel(alice, _order(alice, "s1"))
    assert len(engine.journal.exposures("alice")) == 2


def _order(account: Account, client_id: str) -> Order:
    return next(o for o in account.orders.values() if o.ask.client_id == client_id)


def test_a_plan_fills_an_entry_in_parts() -> None:
    """The first at once, the others when their time has come; shares of one leave no rest."""
    engine, alice, later = opened()
    thirds = [Decimal("0.3"), Decimal("0.3"), Decimal("0.4")]
    engine.plan_fills(Fills(shares=thirds, pause_s=1))
    order = engine.place(alice, entry(quantity="0.011"))
    assert (order.status, order.filled) == (Status.PARTIALLY_FILLED, Decimal("0.003"))
    later.run()
    later.run()
    assert (order.status, order.filled) == (Status.FILLED, Decimal("0.011"))
    assert [t.quantity for t in alice.trades] == [Decimal(q) for q in ("0.003", "0.003", "0.005")]


def test_a_plan_without_shares_leaves_a_market_order_waiting() -> None:
    """Until a test lets it fill, or it is cancelled."""
    engine, alice, _ = opened()
    engine.plan_fills(Fills())
    order = engine.place(alice, entry())
    assert order.status is Status.NEW
    engine.fill(order, Decimal("0.004"))
    engine.cancel(alice, order)
    assert (order.status, alice.held(BTC)) == (Status.CANCELED, Decimal("0.004"))


def test_a_plan_may_let_the_rest_expire() -> None:
    """As a market order in an empty book does."""
    engine, alice, later = opened()
    engine.plan_fills(Fills(shares=[Decimal("0.5")], pause_s=0, expires=True))
    order = engine.place(alice, entry())
    later.run()
    assert (order.status, order.filled) == (Status.EXPIRED, Decimal("0.005"))


def test_slippage_is_paid_by_the_taker() -> None:
    """Buyers pay more, sellers get less."""
    engine, alice, _ = opened()
    engine.slippage[BTC] = Decimal("0.001")
    assert engine.place(alice, entry("b")).average == 50_050
    assert engine.place(alice, entry("s", side=Side.SELL)).average == 49_950


def test_ids_may_be_unique_for_good() -> None:
    """As at Bybit and OKX: even after the order has filled."""
    engine, alice, _ = opened(Rules(ids_unique_forever=True))
    engine.place(alice, entry())
    with pytest.raises(Refused) as refused:
        engine.place(alice, entry())
    assert refused.value.reason is Reason.DUPLICATE


def test_an_attached_stop_grows_with_the_fills_of_its_entry() -> None:
    """And is no other order than before; its target goes when it triggers."""
    engine, alice, _ = opened()
    engine.plan_fills(Fills(shares=[Decimal("0.5")]))
    order = engine.place(alice, _carrying_both())
    engine.fill(order)
    stops = [o for o in alice.open.values() if o.ask.kind is Kind.STOP]
    assert [o.ask.quantity for o in stops] == [Decimal("0.010")]
    assert stops[0].parent_id == order.id
    engine.set_price(BTC, Decimal(48_900))
    assert alice.held(BTC) == 0
    assert alice.open == {}


def _carrying_both() -> Ticket:
    return Ticket(
        client_id="e1", symbol=BTC, side=Side.BUY, kind=Kind.MARKET, quantity=Decimal("0.010"),
        attached=(
            Attached(kind=Kind.STOP, trigger=Decimal(49_000), client_id="s1"),
            Attached(kind=Kind.TAKE_PROFIT, trigger=Decimal(52_000), client_id="t1"),
        ),
    )  # fmt: skip


def test_a_stop_of_the_position_ends_with_it_and_covers_whatever_is_held() -> None:
    """As at Bybit: attached to the position, triggered under its own id."""
    rules = Rules(attached_to_position=True, trigger_spawns=False)
    engine, alice, _ = opened(rules)
    engine.place(alice, _carrying_both())
    engine.place(alice, entry("e2"))
    assert guarded(alice, BTC) == Decimal("0.020")
    engine.set_price(BTC, Decimal(48_900))
    held = _order(alice, "s1")
    assert (held.status, held.filled) == (Status.FILLED, Decimal("0.020"))
    assert alice.open == {}


def test_the_margin_that_is_used_cannot_be_used_again() -> None:
    """Ten thousand at 20x carry 200000, fees aside."""
    engine, alice, _ = opened()
    engine.place(alice, entry("a", "3.9"))
    with pytest.raises(Refused) as refused:
        engine.place(alice, entry("b", "0.1"))
    assert refused.value.reason is Reason.MARGIN
    engine.place(alice, entry("c", "3.9", Side.SELL))
    assert alice.held(BTC) == 0


def test_candles_can_be_built_from_prices() -> None:
    """A price of a later minute closes the candle of the one before."""
    engine, _, _ = opened()
    engine.timeframes = ("1m",)
    engine.set_price(BTC, Decimal(50_100))
    engine.clock_offset_ms += 60_000
    engine.set_price(BTC, Decimal(50_200))
    closed, forming = engine.candles.rows(BTC, "1m")
    assert closed.closed
    assert closed.close == 50_100
    assert (forming.closed, forming.open_ms) == (False, closed.close_ms)
