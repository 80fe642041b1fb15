"""Each position knows whether a stop rests at the exchange, since when, and how long none did."""

from pathlib import Path
from typing import Any

from signalbot.domain.users import UserId
from signalbot.ledger import views
from tests.simulation import Simulation, run_in_virtual_time, user


async def _row(w: Simulation) -> dict[str, Any]:
    rows = await w.database.query("SELECT * FROM protection")
    return dict(rows[0])


async def _orders(w: Simulation, sql: str, *values: object) -> None:
    await w.database.execute(f"UPDATE orders SET {sql} WHERE leg = 'stop_loss'", values)


def test_a_protected_position_knows_since_when(tmp_path: Path) -> None:
    """The gap between fill and confirmed stop is counted, and over."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        (position,) = await w.services.storage.trades.open_positions(UserId("anna"))
        row = await _row(w)
        assert row["position_id"] == position.position_id
        assert row["unprotected_since_ms"] is None
        assert row["confirmed_at_ms"] >= position.opened_at_ms
        assert row["unprotected_ms"] == row["confirmed_at_ms"] - position.opened_at_ms

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_lost_stop_is_missing_until_the_next_is_confirmed(tmp_path: Path) -> None:
    """Every second without is added up, however often it happens."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        before = await _row(w)
        lost_ms = before["confirmed_at_ms"] + 1_000
        for _ in range(2):
            await _orders(w, "status = 'cancelled', updated_at_ms = ?", lost_ms)
            missing = await _row(w)
            assert missing["confirmed_at_ms"] is None
            assert missing["unprotected_since_ms"] == lost_ms
            await _orders(w, "status = 'open', updated_at_ms = ?", lost_ms + 250)
            lost_ms += 10_000
        after = await _row(w)
        assert after["unprotected_since_ms"] is None
        assert after["unprotected_ms"] == before["unprotected_ms"] + 500

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_stop_of_less_than_the_position_confirms_only_a_part(tmp_path: Path) -> None:
    """``confirmed`` covers the whole position."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        seen = [await _protection(w)]
        await _orders(w, "quantity = '5'")
        seen.append(await _protection(w))
        await _orders(w, "status = 'unknown'")
        seen.append(await _protection(w))
        assert seen == [("confirmed", "10"), ("PARTIAL", "5"), ("MISSING", "0")]

    run_in_virtual_time(tmp_path, story, user("anna"))


async def _protection(w: Simulation) -> tuple[str, str]:
    """The listed protection of the only position."""
    (row,) = await w.database.read(views.open_positions)
    return row["protection"], row["protected_quantity"]


def test_a_stop_that_has_done_its_work_is_not_lost(tmp_path: Path) -> None:
    """The close ends the watch and leaves the sum."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        open_row = await _row(w)
        await w.price("85")
        assert await w.services.storage.trades.open_positions(UserId("anna")) == []
        row = await _row(w)
        assert row["confirmed_at_ms"] is None
        assert row["unprotected_since_ms"] is None
        assert row["unprotected_ms"] == open_row["unprotected_ms"]

    run_in_virtual_time(tmp_path, story, user("anna"))


def test_a_moved_stop_leaves_no_gap(tmp_path: Path) -> None:
    """Break-even: the new stop rests before the old one is cancelled, so no time counts."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(targets=("105", "120")))
        before = await _row(w)
        await w.price("106")
        (position,) = await w.services.storage.trades.open_positions(UserId("anna"))
        assert position.stop_loss == position.entry_price
        after = await _row(w)
        assert after["confirmed_at_ms"] is not None
        assert after["unprotected_ms"] == before["unprotected_ms"]

    run_in_virtual_time(
        tmp_path, story, user("anna", extra="protection = { break_even_after = 1 }")
    )


def test_no_stop_wanted_is_not_a_missing_stop(tmp_path: Path) -> None:
    """A position without a required stop counts as protected."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        assert len(await w.services.storage.trades.open_positions(UserId("anna"))) == 1
        assert await w.database.query("SELECT * FROM protection") == []

    nothing = 'protection = { stop_loss = { source = "none" } }\nsizing = { mode = "quote" }'
    run_in_virtual_time(tmp_path, story, user("anna", extra=nothing))


def test_the_last_comparison_with_the_exchange_is_kept(tmp_path: Path) -> None:
    """Stored when a round ends, for all compared accounts."""

    async def story(w: Simulation) -> None:
        await w.clock.sleep(60)
        for account in w.services.control.accounts.values():
            await w.services.control.sync.compare(account)
        w.services.control.sync.flush()
        await w.database.flush()
        rows = await w.database.query("SELECT user_id, at_ms FROM reconciliations")
        assert [row["user_id"] for row in rows] == ["anna", "ben"]
        assert {row["at_ms"] for row in rows} == {w.clock.now_ms()}

    run_in_virtual_time(tmp_path, story, user("anna"), user("ben"))
