"""An account is looked at before it trades: what is wrong is told, and nothing is changed."""

import json
from pathlib import Path

import pytest

from tests.live.live_daemon import CANARY, live

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]


async def test_a_good_account_passes(tmp_path: Path) -> None:
    """Key, mode, margin, balance, minimum and clock; the leverage stays as it is."""
    async with live(tmp_path, "anna") as rig:
        rows = json.loads(await rig.command("keys", "test", "anna", "--json"))
        assert all(row["ok"] for row in rows)
        told = {row["what"]: row["says"] for row in rows}
        assert told["position mode"] == "one-way"
        assert told["trading"] == "allowed"
        assert told["withdrawal"] == "not allowed"
        assert told["addresses"] == "bound to addresses"
        assert told["margin BTC/USDT:USDT"] == "20 x cross; will be set to 5 x isolated"
        assert told["balance"] == "equity 10000, free 10000"
        assert told["minimum BTC/USDT:USDT"] == "0.001 BTC needs 10 USDT of margin"
        assert rig.account("anna").leverage == {}
        assert "the configuration is valid" in await rig.command("check", "--online")


@pytest.mark.parametrize(
    ("trouble", "what", "says"),
    [
        ("is_hedged", "position mode", "hedge: switch it to one-way"),
        ("is_revoked", "key", "Invalid API-key"),
        ("can_withdraw", "withdrawal", "take that right from the key"),
    ],
)
async def test_what_would_keep_it_from_trading_is_told(
    tmp_path: Path, trouble: str, what: str, says: str
) -> None:
    """With an exit code that a script can see."""
    async with live(tmp_path, "anna", "ben") as rig:
        setattr(rig.account("anna"), trouble, True)
        code, out = await rig.ask("check", "--online", "--json")
        assert code == 1
        assert CANARY not in out
        bad = [row for row in json.loads(out)["online"] if not row["ok"]]
        assert [(row["user"], row["what"]) for row in bad] == [("anna", what)]
        assert says in bad[0]["says"]
        assert rig.symbol not in rig.account("anna").leverage
