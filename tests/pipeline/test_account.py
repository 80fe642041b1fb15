"""An account's attempt counters are bounded; the day's record counts every cost."""

from decimal import Decimal
from pathlib import Path

from signalbot.domain.orders import Leg
from signalbot.domain.signals import PositionId
from signalbot.domain.users import UserId
from tests.simulation import Simulation, run_in_virtual_time, user


def test_an_attempt_of_an_open_position_is_never_numbered_twice(tmp_path: Path) -> None:
    """Counters of closed positions are forgotten one by one, the oldest first."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        account = w.services.control.accounts[UserId("anna")]
        (position,) = account.positions.values()
        seen = account.next_attempt(position.position_id, Leg.STOP_LOSS)
        gone = PositionId("pos_gone")
        assert [account.next_attempt(gone, Leg.EXIT) for _ in range(2)] == [0, 1]
        for number in range(1_000):
            account.next_attempt(PositionId(f"pos_{number}"), Leg.STOP_LOSS)
        assert account.next_attempt(position.position_id, Leg.STOP_LOSS) == seen + 1
        assert account.next_attempt(gone, Leg.EXIT) == 0

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_an_open_position_counts_for_the_day_with_its_costs(tmp_path: Path) -> None:
    """As if it were closed at the last price: after fees, partial exits and funding."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("110", "200")))
        await w.price("112", high="112")
        account = w.services.control.accounts[UserId("anna")]
        (position,) = account.positions.values()
        assert position.exit_quantity, "the first target has left"
        paid = position.add_funding(Decimal(-7))
        account.apply_funding(paid, Decimal(-7))
        book = account.snapshot(w.clock.now_ms())
        expected = paid.realized_pnl - paid.fees - 7 + paid.unrealized_pnl(Decimal(112))
        assert book.open_pnl == expected

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_funding_that_comes_after_the_close_counts_for_the_same_day(tmp_path: Path) -> None:
    """Exchanges list payments minutes later."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        account = w.services.control.accounts[UserId("anna")]
        (held,) = account.positions.values()
        await w.price("89", low="89")
        before = account.snapshot(w.clock.now_ms()).day
        closed = await w.services.storage.trades.position(held.position_id)
        assert closed is not None
        account.apply_funding(closed.add_funding(Decimal(-3)), Decimal(-3))
        after = account.snapshot(w.clock.now_ms()).day
        assert after.net_pnl == before.net_pnl - 3

    run_in_virtual_time(tmp_path, story, user("anna"))
