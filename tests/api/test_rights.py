"""What a user's token may change is the user's own, and never more than the operator allows."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.api_daemon import BTC, CONFIG, ETH, Daemon, daemon

pytestmark = [pytest.mark.process, pytest.mark.timeout(120), pytest.mark.xdist_group("api-rights")]

FREE = """
[strategies.free]
kind = "ema_cross"
exchange = "sim"
symbols = ["ETH/USDT:USDT"]
timeframe = "1d"
[strategies.tv]
kind = "webhook"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
[defaults.risk]
max_open_positions = 3
"""
OWNED: dict[str, Any] = {
    "kind": "ema_cross",
    "exchange": "sim",
    "symbols": [BTC],
    "timeframe": "1d",
    "owner": "anna",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with Anna and Ben."""
    folder: Path = tmp_path_factory.mktemp("daemon")
    with daemon(folder, text=CONFIG + FREE, rate=200) as each:
        each.admin()
        yield each


def test_what_the_operator_paused_a_user_cannot_resume(running: Daemon) -> None:
    """Nor by pausing it once more, nor by what its own pause has left; its own it may."""
    anna = running.user("anna")
    running.command("pause", "anna", "--reason", "checking")
    assert anna.post("/api/users/anna/pause", json={"reason": "mine"}).status_code == 200
    refused = anna.post("/api/users/anna/resume")
    assert refused.status_code == 403
    assert "operator" in refused.json()["detail"]
    assert anna.get("/api/users/anna").json()["status_reason"] == "checking"
    running.command("resume", "anna")
    assert anna.post("/api/users/anna/pause", json={"reason": "mine"}).status_code == 200
    running.command("pause", "anna", "--reason", "checking again")
    running.kill()
    running.start()
    assert anna.post("/api/users/anna/resume").status_code == 403
    running.command("resume", "anna")
    anna.post("/api/users/anna/pause")
    assert anna.post("/api/users/anna/resume").json()["status"] == "ACTIVE"


def test_a_halt_of_the_daemon_is_not_the_users_to_end(running: Daemon) -> None:
    """It has a reason that somebody must look at."""
    ben = running.user("ben")
    running.stop()
    with _ledger(running) as ledger:
        ledger.execute(
            "UPDATE users SET status = 'HALTED', status_by = 'daemon', status_reason = 'a bug' "
            "WHERE user_id = 'ben'"
        )
    running.start()
    ben.post("/api/users/ben/pause")
    refused = ben.post("/api/users/ben/resume")
    assert refused.status_code == 403
    assert "a bug" in refused.json()["detail"]
    running.command("resume", "ben")
    assert ben.get("/api/users/ben").json()["status"] == "ACTIVE"


def test_a_subscription_that_the_operator_paused_stays_paused(running: Daemon) -> None:
    """Whether it is resumed, or ended and begun again."""
    anna = running.user("anna")
    assert anna.post("/api/strategies/free/subscribe").status_code == 201
    path = "/api/subscriptions/anna/free"
    running.command("pause", "anna", "free")
    assert anna.post(f"{path}/pause").status_code == 200
    assert anna.post(f"{path}/resume").status_code == 403
    assert anna.delete(path).status_code == 403
    running.command("resume", "anna", "free")
    anna.post(f"{path}/pause")
    assert anna.post(f"{path}/resume").json()["status"] == "ACTIVE"
    assert anna.delete(path).status_code == 204


@pytest.mark.parametrize(
    "settings",
    [
        {"risk": {"max_open_positions": 4}},
        {"risk": {"max_open_positions": "none"}},
        {"sizing": {"quote_amount": 1001}},
        {"sizing": {"mode": "balance", "balance_percent": 100}},
        {"sizing": {"below_minimum": "round_up"}},
        {"protection": {"stop_loss": {"source": "none"}}},
        {"ai": {"provider": "dear", "model": "large"}},
    ],
)
def test_a_user_cannot_allow_itself_more(running: Daemon, settings: dict[str, Any]) -> None:
    """Neither with a new subscription nor by changing one; the answer names the setting."""
    ben = running.user("ben")
    refused = ben.post("/api/strategies/free/subscribe", json={"settings": settings})
    assert refused.status_code in (403, 422), refused.text
    assert next(iter(settings)) in refused.text
    assert running.rows("SELECT * FROM subscriptions WHERE subscription_id = 'ben/free'") == [] or (
        running.rows("SELECT status FROM subscriptions WHERE subscription_id = 'ben/free'")
        == [{"status": "CANCELLED"}]
    )
    assert ben.post("/api/strategies/free/subscribe").status_code == 201
    path = "/api/subscriptions/ben/free"
    assert ben.patch(path, json={"settings": settings}).status_code in (403, 422)
    assert ben.delete(path).status_code == 204


def test_a_user_tightens_and_takes_it_back_but_not_what_the_operator_wrote(
    running: Daemon,
) -> None:
    """In two steps as in one: the operator's own subscription settings stay the bound."""
    admin, anna = running.admin(), running.user("anna")
    strict = {"sizing": {"quote_amount": 500}, "risk": {"max_open_positions": 2}}
    path = "/api/subscriptions/anna/free"
    body = {"user": "anna", "settings": strict}
    assert admin.post("/api/strategies/free/subscribe", json=body).status_code == 201

    def change(settings: dict[str, Any]) -> int:
        return anna.patch(path, json={"settings": settings}).status_code

    assert change({}) == 403
    assert change({"sizing": {"quote_amount": 501}, "risk": {"max_open_positions": 2}}) == 403
    assert change({"sizing": {"quote_amount": 100}, "risk": {"max_open_positions": 1}}) == 200
    assert change({}) == 403
    assert change({"sizing": {"quote_amount": 501}, "risk": {"max_open_positions": 2}}) == 403
    running.kill()
    running.start()
    assert change({}) == 403
    assert change(strict) == 200
    assert anna.delete(path).status_code == 403
    assert admin.delete(path).status_code == 204


def test_an_owner_changes_how_its_strategy_decides_and_not_what_it_is(running: Daemon) -> None:
    """Parameters, how long signals last, who may follow: its own. All else is the operator's."""
    admin, anna = running.admin(), running.user("anna")
    admin.post("/api/strategies", json={"name": "annas", **OWNED})
    path = "/api/strategies/annas/settings"
    changes: tuple[dict[str, Any], ...] = (
        {"kind": "webhook", "timeframe": None},
        {"kind": "macd_cross"},
        {"exchange": "other"},
        {"symbols": [ETH]},
        {"symbols": [BTC, ETH]},
        {"timeframe": "1h"},
        {"owner": "ben"},
        {"owner": None},
        {"webhook": {"addresses": []}},
        {"webhook": {"hmac": ["secret:mine"]}},
        {"memory_mb": 1024},
        {"path": "/etc/passwd"},
    )
    for change in changes:
        refused = anna.put(path, json={**OWNED, "version": 1, **change})
        assert refused.status_code == 403, (change, refused.text)
        assert next(iter(change)) in refused.text
    mine = {"params": {"fast": 5, "slow": 9}, "signal_ttl": "9m", "allowed_users": ["a*"]}
    assert anna.put(path, json={**OWNED, "version": 1, **mine}).status_code == 200
    assert running.user("ben").get("/api/strategies/annas").status_code == 404
    assert admin.delete("/api/strategies/annas").status_code == 204


def test_an_owner_of_a_source_cannot_say_how_its_alerts_are_known(running: Daemon) -> None:
    """Its secrets, its addresses, its actions."""
    admin, anna = running.admin(), running.user("anna")
    source = {
        "kind": "webhook",
        "exchange": "sim",
        "symbols": [BTC],
        "owner": "anna",
        "webhook": {"addresses": ["192.0.2.1"], "actions": ["EXIT_LONG"]},
    }
    admin.post("/api/strategies", json={"name": "alerts", **source})
    path = "/api/strategies/alerts/settings"
    for webhook in ({}, {"addresses": ["192.0.2.1"]}, {"actions": ["EXIT_LONG"]}):
        changed = {**source, "webhook": webhook, "version": 1}
        assert anna.put(path, json=changed).status_code == 403
    assert anna.put(path, json={**source, "version": 1, "signal_ttl": "1m"}).status_code == 200
    assert admin.delete("/api/strategies/alerts").status_code == 204


def test_tokens_end_with_their_user_and_who_comes_later_is_somebody_else(running: Daemon) -> None:
    """What the former did is not told to the new one, and the former's token opens nothing."""
    admin = running.admin()
    body = {"name": "cleo", "account": {"exchange": "sim"}}
    admin.post("/api/users", json=body)
    former = running.user("cleo")
    former.post("/api/strategies/trend/subscribe")
    running.command("send", "trend", BTC, "LONG", "--key", "former")
    sql = "SELECT * FROM positions WHERE user_id = 'cleo' AND status = ?"
    running.until(lambda: running.rows(sql, "OPEN"), "the former trades")
    [signal] = former.get("/api/signals").json()["items"]
    running.command("close", "cleo")
    assert admin.delete("/api/users/cleo").status_code == 204
    assert former.get("/api/users/cleo").status_code == 401
    assert admin.post("/api/users", json=body).status_code == 201
    assert former.get("/api/users/cleo").status_code == 401
    present = running.client(running.command("token", "create", "--user", "cleo").strip())
    assert present.get("/api/users/cleo").status_code == 200
    for path in ("signals", "positions", "executions", "orders"):
        assert present.get(f"/api/{path}").json()["items"] == [], path
    assert present.get("/api/pnl").json() == []
    assert present.get(f"/api/signals/{signal['signal_id']}").status_code == 404
    assert admin.delete("/api/users/cleo").status_code == 204


def test_secrets_of_a_source_end_with_it(running: Daemon) -> None:
    """A source made later under its name has its own."""
    admin = running.admin()
    source = {"name": "gone", "kind": "webhook", "exchange": "sim", "symbols": [BTC]}
    admin.post("/api/strategies", json=source)
    secret = running.command("token", "create", "--source", "gone").strip()
    body = {"action": "sell", "market_position": "flat", "prev_market_position": "long"}
    alert = running.client(None)
    assert alert.post(f"/hooks/gone/{secret}", json=body).status_code == 202
    assert running.rows("SELECT * FROM alignments WHERE strategy = 'gone'")
    assert admin.delete("/api/strategies/gone").status_code == 204
    assert admin.post("/api/strategies", json=source).status_code == 201
    assert alert.post(f"/hooks/gone/{secret}", json=body).status_code == 404
    assert running.rows("SELECT * FROM alignments WHERE strategy = 'gone'") == []
    assert admin.delete("/api/strategies/gone").status_code == 204


def _ledger(running: Daemon) -> Any:
    """The ledger, to be written while no daemon runs."""
    return sqlite3.connect(running.folder / "state" / "signalbot.db")
