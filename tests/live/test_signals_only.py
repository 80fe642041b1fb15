"""Who is only told gets everything but orders, of a real exchange and without any key."""

import json
from pathlib import Path

import pytest

from tests.live.live_daemon import live
from tests.notifications.http_receiver import receiving

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


async def test_no_key_is_needed_and_no_account_is_asked_for(tmp_path: Path) -> None:
    """Candles, strategy, filters, levels, size, notice and record; the exchange sees nobody."""
    with receiving() as receiver:
        async with live(tmp_path, "gina", mode="signals", targets="[1.0]") as rig:
            file = rig.folder / "config.toml"
            file.write_text(
                file.read_text().replace(
                    'mode = "signals"', f'mode = "signals"\nnotify = ["{receiver.url("gina")}"]'
                )
            )
            assert not (rig.folder / "master.key").exists()
            await rig.start()
            await rig.go_long()
            await rig.daemon.wait_for("decision.skipped", user_id="gina", code="SIGNALS_ONLY")
            await rig.until(lambda: receiver.titles("gina"), what="the notice is delivered")
            await rig.stop()
            (decision,) = rig.rows("SELECT * FROM decisions")
            numbers = json.loads(decision["detail"])
            assert decision["outcome"] == "SKIP"
            assert (numbers["side"], numbers["price"]) == ("LONG", "50300")
            assert numbers["quantity"] == "0.019"
            assert len(numbers["take_profits"]) == 1
            for table in ("signal_executions", "orders", "positions", "credentials"):
                assert rig.rows(f"SELECT * FROM {table}") == []
            assert {call.facts.key for call in rig.venue.calls} == {""}
            (got,) = receiver.got
            assert got.title == "📈 Signal: LONG BTC/USDT perp"
            lines = got.body.splitlines()
            assert lines[0] == "Entry: 50,300"
            assert [line.partition(":")[0] for line in lines] == [
                "Entry", "Stop", "Target", "Size", "Strength", "Reason", "Strategy",
            ]  # fmt: skip
