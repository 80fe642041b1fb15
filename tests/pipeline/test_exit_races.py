"""An exit beside a stop or target that fills: in either order the position ends flat and booked."""

from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.executions import ExecutionStatus
from signalbot.domain.positions import CloseReason, PositionStatus
from signalbot.domain.signals import Action
from signalbot.domain.users import UserId
from tests.simulation import HEAD, Simulation, run_in_virtual_time, user

ANNA = UserId("anna")
SLOW = HEAD.replace("slippage_bps = 0.0", 'slippage_bps = 0.0\nlatency = "50ms"')
REVERSES = 'protection = { on_opposite_signal = "reverse" }'


@pytest.mark.parametrize(("low", "high", "reason"), [
    ("99", "121", CloseReason.TAKE_PROFIT),
    ("89", "101", CloseReason.STOP_LOSS),
])  # fmt: skip
def test_an_exit_signal_that_finds_nothing_left_is_done(
    tmp_path: Path, low: str, high: str, reason: CloseReason
) -> None:
    """The exchange closed the position in the same instant, and its report is still due."""

    async def story(w: Simulation) -> None:
        entry = await w.send(w.make(targets=("110", "120")))
        await w.clock.sleep(60)
        async with w.services.control.accounts[ANNA].lock("BTC/USDT:USDT"):
            exit_signal = w.make(Action.EXIT_LONG, key="exit")
            assert await w.services.outbound.emitter.accept(exit_signal)
            await w.clock.sleep(0.01)  # the exit waits for the lock before the exchange's report
            w.jump("100", low=low, high=high)
            await w.clock.sleep(0.01)
        await w.settle()
        execution = await w.execution(exit_signal, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED
        rows = await w.database.query("SELECT * FROM positions")
        assert [row["status"] for row in rows] == [PositionStatus.CLOSED]
        assert rows[0]["close_reason"] == reason
        assert Decimal(rows[0]["exit_quantity"]) == Decimal(rows[0]["entry_quantity"])
        assert await w.services.storage.trades.unfinished_orders(ANNA) == []
        assert rows[0]["signal_id"] == entry.signal_id

    run_in_virtual_time(tmp_path, story, user("anna"), head=SLOW)


def test_a_reversal_enters_when_the_stop_was_faster(tmp_path: Path) -> None:
    """The opposite signal and the stop are of the same candle, as they often are."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        await w.clock.sleep(60)
        async with w.services.control.accounts[ANNA].lock("BTC/USDT:USDT"):
            short = w.make(Action.SHORT, key="short", price="88", stop="95")
            assert await w.services.outbound.emitter.accept(short)
            await w.clock.sleep(0.01)
            w.jump("88")
            await w.clock.sleep(0.01)
        await w.settle()
        execution = await w.execution(short, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED
        (position,) = await w.services.storage.trades.open_positions(ANNA)
        assert position.signal_id == short.signal_id
        assert position.protected_at_ms is not None

    run_in_virtual_time(tmp_path, story, user("anna", extra=REVERSES), head=SLOW)
