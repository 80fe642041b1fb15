"""Whatever numbers a signal carries: what the exchange filled is booked, protected, and left again.

The signals pass the door unchecked here, as if one had come by another way.
"""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from signalbot.domain.executions import ExecutionStatus
from signalbot.domain.orders import Leg
from signalbot.domain.signals import Action, Signal
from signalbot.domain.users import UserId, UserStatus
from tests.simulation import BTC, ETH, Simulation, run_in_virtual_time, user

ANNA = UserId("anna")
NEAR = st.decimals(min_value="80", max_value="120", places=9)
EXTREME = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(1, 99),
    st.integers(-60, 60),
)
ANY = st.decimals(allow_nan=False, allow_infinity=False).filter(bool)
LEVELS = NEAR | EXTREME | ANY
SHARES = st.decimals(min_value="0.0001", max_value="60", places=4)


@st.composite
def numbers(draw: st.DrawFn) -> dict[str, Any]:
    """The numbers of one entry and of the exits after it."""
    targets = tuple(draw(st.lists(LEVELS, max_size=3)))
    shares = tuple(draw(SHARES) for _ in targets) if draw(st.booleans()) else ()
    return {
        "action": draw(st.sampled_from((Action.LONG, Action.SHORT))),
        "price": draw(st.none() | LEVELS.map(abs)),
        "stop_loss": draw(st.none() | LEVELS),
        "take_profits": targets,
        "take_profit_shares": shares,
        "trailing_percent": draw(st.none() | st.decimals("0.01", "90", places=3)),
        "exit_percent": draw(st.decimals("0.0001", "100", places=4)),
        "exit_price": draw(st.none() | LEVELS.map(abs)),
    }


TINY_PRICE = {
    "action": Action.LONG, "price": Decimal("1e-25"), "stop_loss": None, "take_profits": (),
    "take_profit_shares": (), "trailing_percent": None, "exit_percent": Decimal(50),
    "exit_price": Decimal("1e-25"),
}  # fmt: skip


async def _assert_sound(w: Simulation) -> None:
    """Ledger and exchange agree, what is held has its stop, and nothing has broken."""
    account = w.services.control.accounts[ANNA]
    assert account.user.status is UserStatus.ACTIVE, account.user.status_reason
    held = {each.symbol: each for each in await w.services.storage.trades.open_positions(ANNA)}
    there = {each.symbol: each for each in await w.broker("anna").holdings({})}
    assert {symbol: (each.side, each.quantity) for symbol, each in held.items()} == {
        symbol: (each.side, each.quantity) for symbol, each in there.items()
    }
    resting = [
        order
        for report in await w.broker("anna").open_orders()
        if (order := await w.services.storage.trades.order(report.client_order_id)) is not None
    ]
    stops = [order for order in resting if order.request.leg is Leg.STOP_LOSS]
    assert [(each.request.symbol, each.request.quantity) for each in stops] == [
        (symbol, each.quantity) for symbol, each in held.items()
    ]
    targets = [order for order in resting if order.request.leg is Leg.TAKE_PROFIT]
    for symbol, each in held.items():
        planned = sum(o.request.quantity for o in targets if o.request.symbol == symbol)
        assert planned <= each.quantity
    assert not await w.services.storage.executions.unresolved_executions(ANNA)


def _entry(w: Simulation, drawn: dict[str, Any], key: str) -> Signal:
    changes = {name: value for name, value in drawn.items() if not name.startswith("exit")}
    return replace(w.make(key=f"in {key}"), **changes)


def _exit(w: Simulation, drawn: dict[str, Any], key: str, percent: Decimal) -> Signal:
    left = Action.EXIT_LONG if drawn["action"] is Action.LONG else Action.EXIT_SHORT
    return replace(
        w.make(left, key=f"out {key}", stop=None),
        price=drawn["exit_price"],
        exit_percent=percent,
    )


async def _trade(w: Simulation, drawn: dict[str, Any], key: str) -> None:
    """In, reconciled, a part out, reconciled, all out."""
    await w.send(_entry(w, drawn, key))
    await _assert_sound(w)
    await w.services.control.sync.compare(w.services.control.accounts[ANNA])
    await _assert_sound(w)
    await w.send(_exit(w, drawn, f"{key} part", drawn["exit_percent"]))
    await _assert_sound(w)
    await w.services.control.sync.compare(w.services.control.accounts[ANNA])
    await w.send(_exit(w, drawn, f"{key} all", Decimal(100)))
    await _assert_sound(w)
    assert await w.services.storage.trades.open_positions(ANNA) == []


@settings(max_examples=30, deadline=None)
@given(st.lists(numbers(), min_size=1, max_size=4))
@example([TINY_PRICE, TINY_PRICE | {"price": Decimal("1e30"), "exit_price": Decimal("1e30")}])
def test_every_number_a_signal_may_carry_ends_in_sound_books(drawn: list[dict[str, Any]]) -> None:
    """Entered and protected, or refused with a code; never half-way."""

    async def story(w: Simulation) -> None:
        for count, each in enumerate(drawn):
            await _trade(w, each, str(count))

    with TemporaryDirectory() as folder:
        run_in_virtual_time(Path(folder), story, user("anna"))


def test_a_price_of_nearly_nothing_is_refused_with_a_code(tmp_path: Path) -> None:
    """The signal is skipped with that code; the user is not halted."""

    async def story(w: Simulation) -> None:
        signal = await w.send(w.make(price="0.00000000000000000001"))
        decision = await w.decision(signal, "anna")
        assert decision is not None
        assert decision.code == "FAR_FROM_MARKET"

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_booking_is_kept_although_its_statistics_cannot_be_computed(tmp_path: Path) -> None:
    """The exchange fills at a price a hundred times off: position and stop are there."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        w.jump("9000")
        left = await w.send(w.make(Action.EXIT_LONG, key="out", price="0.01"))
        execution = await w.execution(left, "anna")
        assert execution is not None
        assert (execution.status, execution.slippage_bps) == (ExecutionStatus.EXECUTED, None)

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_what_cannot_be_reconciled_keeps_no_other_position_from_its_stop(tmp_path: Path) -> None:
    """It is retried by the next comparison; until then its user takes no entries."""

    async def story(w: Simulation) -> None:
        for symbol in (BTC, ETH):
            await w.send(w.make(key=symbol, symbol=symbol))
        broker, account = w.broker("anna"), w.services.control.accounts[ANNA]
        for report in await broker.open_orders():
            order = await w.services.storage.trades.order(report.client_order_id)
            assert order is not None
            await broker.cancel(order)
        broker.stumble = lambda request: request.symbol == BTC
        await w.services.control.sync.compare(account)
        assert await _stops(w) == [ETH]
        assert account.user.status is UserStatus.HALTED
        assert BTC in account.user.status_reason
        broker.stumble = None
        await w.services.control.sync.compare(account)
        assert await _stops(w) == [BTC, ETH]

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_an_execution_that_cannot_be_settled_is_tried_again(tmp_path: Path) -> None:
    """Its row is damaged; another execution is settled all the same."""

    async def story(w: Simulation) -> None:
        first = await w.send(w.make())
        second = await w.send(w.make(Action.EXIT_LONG, key="out"))
        await w.database.execute(
            "UPDATE signal_executions SET status = 'pending', client_order_id = NULL"
        )
        damage = "UPDATE signals SET exit_percent = ? WHERE signal_id = ?"
        await w.database.execute(damage, ("broken", first.signal_id))
        account = w.services.control.accounts[ANNA]
        await w.services.control.sync.compare(account)
        (waiting,) = await w.services.storage.executions.unresolved_executions(ANNA)
        assert waiting.signal_id == first.signal_id
        await w.database.execute(damage, ("100", first.signal_id))
        await w.services.control.sync.compare(account)
        assert not await w.services.storage.executions.unresolved_executions(ANNA)
        assert second.signal_id != first.signal_id

    run_in_virtual_time(tmp_path, story, user("anna"))


async def _stops(w: Simulation) -> list[str]:
    """Symbols with a stop that rests at the exchange."""
    orders = [
        await w.services.storage.trades.order(each.client_order_id)
        for each in await w.broker("anna").open_orders()
    ]
    return sorted(each.request.symbol for each in orders if each is not None)
