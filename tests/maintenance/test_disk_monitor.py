"""A disk that fills up: entries end early, exits are always recorded, and it passes by itself."""

from pathlib import Path

import pytest

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.errors import LedgerError
from signalbot.domain.positions import CloseReason
from signalbot.domain.signals import Action
from signalbot.domain.users import UserId
from signalbot.ledger.disk_reserve import DiskReserve
from signalbot.maintenance.disk_monitor import DiskMonitor
from tests.domain.samples import NOW
from tests.ledger.ledger_fixtures import Ledger, ledger, signal
from tests.maintenance.daemon_process import BTC, ETH, Daemon, fill, small_disk, wait_for
from tests.simulation import Simulation, run_in_virtual_time, user

NO_DISK_IS_SO_LARGE_MB = 1 << 40


def _watch(w: Simulation, folder: Path, *, floor_mb: int) -> DiskMonitor:
    return DiskMonitor(
        folder,
        floor_mb=floor_mb,
        reserve=DiskReserve(folder / "reserve", size=4096),
        trading_state=w.services.execution.trading_state,
        accounts=w.services.storage.accounts,
        clock=w.clock,
    )


def test_a_low_disk_refuses_entries_and_lets_exits_through(tmp_path: Path) -> None:
    """The open position is closed by its exit signal; no other is opened."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(key="in"))
        await _watch(w, tmp_path, floor_mb=NO_DISK_IS_SO_LARGE_MB).check()
        refused = await w.send(w.make(key="more", symbol="ETH/USDT:USDT"))
        decision = await w.decision(refused, "anna")
        assert decision is not None
        assert decision.code is DecisionCode.DISK_LOW
        assert await w.execution(refused, "anna") is None
        await w.send(w.make(Action.EXIT_LONG, key="out", stop=None))
        assert await w.services.storage.trades.open_positions(UserId("anna")) == []
        (row,) = await w.database.query("SELECT close_reason FROM positions")
        assert row["close_reason"] == CloseReason.EXIT_SIGNAL

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_room_again_lets_entries_through(tmp_path: Path) -> None:
    """Without an operator."""

    async def story(w: Simulation) -> None:
        await _watch(w, tmp_path, floor_mb=NO_DISK_IS_SO_LARGE_MB).check()
        await _watch(w, tmp_path, floor_mb=1).check()
        entered = await w.send(w.make())
        assert await w.execution(entered, "anna") is not None

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_halt_by_hand_is_not_lifted_by_room(tmp_path: Path) -> None:
    """Two reasons, each with an end of its own."""

    async def story(w: Simulation) -> None:
        await w.services.execution.trading_state.halt_all("maintenance")
        await _watch(w, tmp_path, floor_mb=NO_DISK_IS_SO_LARGE_MB).check()
        await _watch(w, tmp_path, floor_mb=1).check()
        assert w.services.execution.trading_state.halted == "maintenance"

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_it_is_logged_once_until_it_has_passed(tmp_path: Path) -> None:
    """Looking every few seconds makes no noise; the journal has one event for each turn."""

    async def story(w: Simulation) -> None:
        low = _watch(w, tmp_path, floor_mb=NO_DISK_IS_SO_LARGE_MB)
        for _ in range(5):
            await low.check()
        for _ in range(5):
            await _watch(w, tmp_path, floor_mb=1).check()
        rows = await w.database.query("SELECT kind FROM events WHERE kind GLOB 'disk.*'")
        assert [row["kind"] for row in rows] == ["disk.low", "disk.recovered"]

    run_in_virtual_time(tmp_path, story, user("anna"))


async def _store_many(opened: Ledger) -> None:
    for number in range(1000):
        await opened.signals.store(signal(str(number)))


def _set_aside(folder: Path) -> DiskReserve:
    reserve = DiskReserve(folder / "reserve", size=8 << 20)
    reserve.fill()
    return reserve


async def test_a_full_disk_refuses_the_write_and_keeps_what_was_there(tmp_path: Path) -> None:
    """Without a reserve the write fails, the file stays valid, and free space resolves it."""
    with small_disk(tmp_path / "disk", megabytes=6) as disk:
        async with ledger(disk) as opened:
            await opened.signals.store(signal("before"))
            hog = fill(disk)
            with pytest.raises(LedgerError, match=r"full|I/O"):
                await _store_many(opened)
            hog.unlink()
            await opened.signals.store(signal("after"))
            stored = {
                row["signal_id"] for row in await opened.database.query("SELECT * FROM signals")
            }
        assert {signal("before").signal_id, signal("after").signal_id} <= stored


async def test_on_a_full_disk_the_reserve_carries_the_exits(tmp_path: Path) -> None:
    """Hundreds of writes that would have failed are recorded, none twice."""
    with small_disk(tmp_path / "disk", megabytes=24) as disk:
        reserve = _set_aside(disk)
        async with ledger(disk) as opened:
            opened.database.on_disk_full(reserve.release)
            fill(disk)
            for number in range(150):
                assert await opened.signals.store(signal(str(number), created_at_ms=NOW + number))
            assert not reserve.exists
            assert len(await opened.database.query("SELECT * FROM signals")) == 150


def test_a_reserve_occupies_its_room_or_nothing(tmp_path: Path) -> None:
    """A partial reserve would be useless."""
    with small_disk(tmp_path / "disk", megabytes=2) as disk:
        reserve = DiskReserve(disk / "reserve", size=4 << 20)
        with pytest.raises(OSError, match="No space"):
            reserve.fill()
        assert list(disk.iterdir()) == []
        smaller = DiskReserve(disk / "reserve", size=1 << 20)
        smaller.fill()
        assert smaller.path.stat().st_blocks * 512 >= 1 << 20
        assert (smaller.release(), smaller.release()) == (True, False)


@pytest.mark.process
@pytest.mark.timeout(180)
def test_the_daemon_lives_through_a_disk_that_fills_up(
    tmp_path: Path, started: list[Daemon]
) -> None:
    """Low, then full to the last byte, then free: one line each, no trade lost, none too many."""
    with small_disk(tmp_path / "disk", megabytes=64) as disk:
        daemon = Daemon.configured(
            tmp_path,
            state=disk / "state",
            daemon="min_free_disk_mb = 20",
            more='[backup]\nevery = "none"',
        )
        started.append(daemon)
        daemon.start()
        entered = daemon.send("LONG", key="in", symbol=BTC)
        hog = fill(disk)
        wait_for(lambda: daemon.told("disk.low") == 1, "nobody noticed")
        refused = daemon.send("LONG", key="more", symbol=ETH)
        assert daemon.codes(refused) == ["DISK_LOW"]
        daemon.send("EXIT_LONG", key="out", symbol=BTC)
        wait_for(lambda: daemon.rows("positions")[0]["status"] == "CLOSED", "the exit is missing")
        assert daemon.told("disk.reserve_used") == 1
        hog.unlink()
        wait_for(lambda: daemon.told("disk.recovered") == 1, "it did not recover")
        again = daemon.send("LONG", key="again", symbol=ETH)
        daemon.stop()
        assert daemon.codes(entered) == daemon.codes(again) == ["APPROVED"]
        assert daemon.told("disk.low") == 1
        assert (disk / "state" / "reserve").exists()
        assert daemon.told("daemon.starting") == 1
