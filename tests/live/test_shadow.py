"""A live account and the paper one beside it: the same signals, and the gap between them."""

import json
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.live.live_daemon import LiveFixture, live
from tests.notifications.http_receiver import receiving
from tests.venue.faults import Reply

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

ONE_POSITION = "[defaults.risk]\nmax_open_positions = 1\nmax_trades_per_day = 1\n"


def _with_shadow(rig: LiveFixture, *more: str) -> None:
    """Anna's account gets a shadow; ``more`` goes to the head of the file."""
    file = rig.folder / "config.toml"
    text = file.read_text().replace(
        "[users.anna.account]\n", "[users.anna.account]\nshadow = true\n"
    )
    file.write_text("\n".join((*more, text)))


async def _gap(rig: LiveFixture) -> Any:
    return json.loads(await rig.command("pnl", "--user", "anna", "--shadow", "--json"))


async def test_the_shadow_trades_the_same_signal_on_paper_only(tmp_path: Path) -> None:
    """Both enter and close; only one order of each kind reaches the exchange, and nobody is told
    of the shadow, nor does it use up any of the account's limits."""
    with receiving() as receiver:
        async with live(tmp_path, "anna", defaults=ONE_POSITION) as rig:
            _with_shadow(
                rig,
                f'[notify]\ndaily_summary = "none"\noperator = ["{receiver.url("operator")}"]',
                '[notify.operator_events]\nfilled = "on"\nclosed = "on"',
            )
            await rig.start()
            await rig.go_long()
            for user in ("anna", "anna.shadow"):
                await rig.daemon.wait_for("execution.executed", user_id=user, status="executed")
            await rig.until(lambda: rig.is_covered("anna"), what="the account is covered")
            await rig.price(49_000)
            for user in ("anna", "anna.shadow"):
                await rig.daemon.wait_for("position.closed", user_id=user, reason="STOP_LOSS")
            await rig.until(
                lambda: any("Closed" in each for each in receiver.titles("operator")),
                what="the operator is told",
            )
            found = await _gap(rig)
            await rig.stop()
            assert len(rig.account("anna").trades) == 2
            modes = {
                (row["user_id"], row["mode"])
                for row in rig.rows("SELECT user_id, mode FROM signal_executions")
            }
            assert modes == {("anna", "live"), ("anna.shadow", "paper")}
            assert "shadow" not in str(receiver.got)
            titles = receiver.titles("operator")
            assert len([each for each in titles if "Filled" in each]) == 1
            assert len([each for each in titles if "Closed" in each]) == 1
    (row,) = found["signals"]
    assert (row["live"], row["paper"]) == ("executed", "executed")
    gap = (Decimal(row["live_entry_price"]) / Decimal(row["paper_entry_price"]) - 1) * 10_000
    assert Decimal(row["entry_gap_bps"]) == round(gap, 2)
    totals = found["totals"]
    assert totals["traded_by_both"] == 1
    assert totals["only_live"] == totals["only_paper"] == 0
    assert Decimal(totals["net_gap"]) == Decimal(row["live_net_pnl"]) - Decimal(
        row["paper_net_pnl"]
    )
    assert row["live_latency_ms"] is not None


async def test_a_trade_that_only_one_of_them_makes_is_told_apart(tmp_path: Path) -> None:
    """The exchange refuses the account's entry, not the paper one."""
    async with live(tmp_path, "anna") as rig:
        _with_shadow(rig)
        rig.fail(
            "anna", "entry", Reply(status=400, body='{"code": -2019, "msg": "Margin is short."}')
        )
        await rig.start()
        await rig.go_long()
        await rig.daemon.wait_for("execution.failed", user_id="anna", reason="REJECTED")
        await rig.daemon.wait_for("execution.executed", user_id="anna.shadow", status="executed")
        await rig.price(49_000)
        await rig.daemon.wait_for("position.closed", user_id="anna.shadow")
        found = await _gap(rig)
        text = await rig.command("pnl", "--user", "anna", "--shadow")
    (row,) = found["signals"]
    assert (row["live"], row["paper"]) == ("REJECTED", "executed")
    assert row["live_entry_price"] is None
    assert row["net_gap"] is None
    assert (found["totals"]["only_live"], found["totals"]["only_paper"]) == (0, 1)
    assert found["totals"]["only_paper_net_pnl"] == row["paper_net_pnl"]
    assert "Only paper" in text


async def test_a_shadow_comes_and_goes_with_a_reload(tmp_path: Path) -> None:
    """Nothing of the account is touched by it."""
    async with live(tmp_path, "anna") as rig:
        await rig.start()
        code, told = await rig.ask("pnl", "--user", "anna", "--shadow")
        assert code == 4
        assert "account.shadow = true" in told
        plain = (rig.folder / "config.toml").read_text()
        _with_shadow(rig)
        rig.daemon.process.send_signal(signal.SIGHUP)
        await rig.daemon.wait_for("config.changed", users_added=["anna.shadow"])
        await rig.go_long()
        await rig.daemon.wait_for("execution.executed", user_id="anna.shadow", status="executed")
        await rig.until(lambda: rig.is_covered("anna"), what="the account is covered")
        (rig.folder / "config.toml").write_text(plain)
        rig.daemon.process.send_signal(signal.SIGHUP)
        refused = await rig.daemon.wait_for("config.reload_failed")
        assert "close them" in str(refused["problems"])
        await rig.command("close", "anna.shadow")
        await rig.daemon.wait_for("position.closed", user_id="anna.shadow", reason="MANUAL")
        rig.daemon.process.send_signal(signal.SIGHUP)
        await rig.daemon.wait_for("config.changed", users_removed=["anna.shadow"])
        assert rig.is_covered("anna")
