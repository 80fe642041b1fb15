"""What if, for a live account: candles and market rules come from the exchange, once."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.live.live_daemon import LiveFixture, live

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

OWN_STOP = '[defaults.protection]\nstop_loss = { source = "percent", percent = 2.0 }\n'
ASKED = ("replay", "--signals", "--user", "anna", "--json")


def _read(out: str) -> dict[str, Any]:
    """What was printed, without what was said on the way."""
    found: dict[str, Any] = json.JSONDecoder().raw_decode(out[out.index("{") :])[0]
    return found


async def _traded(rig: LiveFixture) -> None:
    """The account has entered and was stopped out."""
    await rig.start()
    await rig.go_long()
    await rig.daemon.wait_for("execution.executed", user_id="anna", status="executed")
    await rig.until(lambda: rig.is_covered("anna"), what="the account is covered")
    await rig.price(49_000)
    await rig.daemon.wait_for("position.closed", user_id="anna", reason="STOP_LOSS")
    await rig.stop()


async def test_the_exchange_is_asked_once_and_without_a_key(tmp_path: Path) -> None:
    """Then the answer is in the state directory, and the exchange may be away."""
    async with live(tmp_path, "anna", defaults=OWN_STOP) as rig:
        await _traded(rig)
        before = len(rig.venue.calls)
        out = await rig.command(*ASKED)
        assert "requesting candles of BTC/USDT:USDT from " in out
        calls = rig.venue.calls[before:]
        assert {call.facts.key for call in calls} == {""}
        assert any("klines" in call.path for call in calls)
    found = _read(out)
    was, present = found["courses"]
    assert (was["trades"], present["trades"] + present["open_positions"]) == (1, 1)
    assert found["left_out"] == []
    assert found["candles"][0]["source"] == "venue"
    (difference,) = found["differences"]
    lived = difference["courses"]["present settings"]
    # The last candle that had closed, whichever minute it is, and a basis point.
    assert 48_990 < Decimal(lived["entry_price"]) < 50_310
    assert lived["quantity"] in ("0.019", "0.02")
    again = await rig.command(*ASKED)
    assert "requesting candles" not in again
    assert _read(again) == found
    file = tmp_path / "state" / "candles" / "venue" / "rules.json"
    assert json.loads(file.read_text())[0]["symbol"] == "BTC/USDT:USDT"
    file.unlink()
    _, said = await rig.ask(*ASKED)
    assert "using the cached candles" in said


async def test_an_exchange_that_is_away_is_named(tmp_path: Path) -> None:
    """With nothing kept there is nothing to go by, and files can be given instead."""
    async with live(tmp_path, "anna") as rig:
        await _traded(rig)
    code, out = await rig.ask(*ASKED)
    assert code == 1
    assert "venue cannot return candles" in out
    assert "pass some with --candles CSV --symbol SYMBOL" in out
