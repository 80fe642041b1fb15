"""Nobody gets in without a token, and nobody sees or touches what is another's."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.api_daemon import BTC, CONFIG, Daemon, daemon

pytestmark = [pytest.mark.process, pytest.mark.timeout(120), pytest.mark.xdist_group("api-access")]

OPEN = {"/healthz", "/openapi.json"}
"""What answers without a token, and tells nothing."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon in which Anna and Ben have traded, and a strategy that only Ben may follow."""
    folder: Path = tmp_path_factory.mktemp("daemon")
    private = """
[strategies.bens]
kind = "ema_cross"
exchange = "sim"
symbols = ["ETH/USDT:USDT"]
timeframe = "1d"
allowed_users = ["ben"]
[users.ben.subscriptions.bens]
"""
    with daemon(folder, text=CONFIG + private) as each:
        each.command("send", "trend", BTC, "LONG", "--key", "1")
        each.command("send", "bens", "ETH/USDT:USDT", "LONG", "--key", "1")
        sql = "SELECT * FROM positions"
        each.until(lambda: len(each.rows(sql)) == 3, "both trade")
        yield each


def test_every_route_refuses_who_has_no_token(running: Daemon) -> None:
    """The same answer to everybody, whatever is asked; nothing changes."""
    before = _state(running)
    for authorization in (
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic eA=="},
    ):
        with httpx.Client(base_url=running.url, headers=authorization) as client:
            for method, path in _routes(client):
                answer = client.request(method, path, json={})
                assert answer.status_code == 401, (method, path, answer.text)
                assert answer.json() == {
                    "title": "Unauthorized",
                    "status": 401,
                    "detail": "a valid token is required",
                }
    assert _state(running) == before


def test_a_revoked_token_is_out_at_once(running: Daemon) -> None:
    """And so is one past its time."""
    client = running.client(running.command("token", "create", "--user", "anna").strip())
    assert client.get("/api/users").status_code == 200
    newest = json.loads(running.command("token", "list", "--json"))[-1]
    running.command("token", "revoke", newest["token_id"])
    assert client.get("/api/users").status_code == 401


def test_tokens_are_kept_as_hashes_only(running: Daemon) -> None:
    """Neither the ledger nor the log has one."""
    token = running.command("token", "create", "--admin").strip()
    running.client(token).get("/api/users")
    for path in running.folder.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes(), path


def test_a_user_sees_only_what_is_its_own(running: Daemon) -> None:
    """No listing, no filter and no error tells Anna anything of Ben."""
    anna = running.user("anna")
    for path in ("users", "subscriptions", "positions", "executions", "orders", "signals"):
        rows = anna.get(f"/api/{path}").json()["items"]
        assert rows
        assert "ben" not in json.dumps(rows)
        answer = anna.get(f"/api/{path}", params={"user": "ben"})
        nobody = anna.get(f"/api/{path}", params={"user": "nobody"})
        assert (answer.status_code, answer.json()) == (404, nobody.json())
    assert "ben" not in anna.get("/api/strategies").text
    assert "ben" not in anna.get("/api/pnl").text


def test_a_user_cannot_touch_what_is_anothers(running: Daemon) -> None:
    """It is told that there is no such thing, as it is of what does not exist."""
    anna, admin = running.user("anna"), running.admin()
    before = _state(running)
    [bens] = admin.get("/api/signals", params={"strategy": "bens"}).json()["items"]
    for method, path in (
        ("GET", "/api/users/ben"),
        ("POST", "/api/users/ben/pause"),
        ("POST", "/api/users/ben/resume"),
        ("POST", "/api/users/ben/close"),
        ("GET", "/api/subscriptions/ben/trend"),
        ("POST", "/api/subscriptions/ben/trend/pause"),
        ("POST", "/api/subscriptions/ben/trend/resume"),
        ("DELETE", "/api/subscriptions/ben/trend"),
        ("GET", "/api/subscriptions/ben/trend/stats"),
        ("GET", "/api/strategies/bens"),
        ("GET", "/api/strategies/bens/stats"),
        ("POST", "/api/strategies/bens/subscribe"),
        ("GET", f"/api/signals/{bens['signal_id']}"),
        ("GET", f"/api/signals/{bens['signal_id']}/decisions"),
        ("GET", f"/api/signals/{bens['signal_id']}/executions"),
    ):
        answer = anna.request(method, path)
        there = anna.request(method, path.replace("ben", "zoe", 1))
        assert answer.status_code == 404, (method, path, answer.text)
        assert answer.json() == there.json()
    assert _state(running) == before


def test_only_administrators_halt_deploy_and_make_tokens(running: Daemon) -> None:
    """A user's token is told so."""
    anna = running.user("anna")
    before = _state(running)
    for method, path, body in (
        ("POST", "/api/halt", {}),
        ("POST", "/api/unhalt", None),
        ("POST", "/api/tokens", {"scope": "admin"}),
        ("GET", "/api/tokens", None),
        ("DELETE", "/api/users/anna", None),
        ("POST", "/api/signals", {"strategy": "trend", "symbol": BTC, "action": "LONG"}),
    ):
        assert anna.request(method, path, json=body).status_code == 403, (method, path)
    assert _state(running) == before


def test_the_decisions_of_a_shared_signal_are_each_users_own(running: Daemon) -> None:
    """One signal, two users: each reads its own line, the administrator both."""
    anna, admin = running.user("anna"), running.admin()
    [signal] = admin.get("/api/signals", params={"strategy": "trend"}).json()["items"]
    path = f"/api/signals/{signal['signal_id']}/decisions"
    assert [each["user_id"] for each in anna.get(path).json()] == ["anna"]
    assert {each["user_id"] for each in admin.get(path).json()} == {"anna", "ben"}


def test_a_page_of_another_host_is_not_answered(running: Daemon) -> None:
    """A name that was rebound to loopback is not ours."""
    token = running.command("token", "create", "--admin").strip()
    client = running.client(token)
    assert client.get("/api/users", headers={"Host": "evil.example"}).status_code == 421


def _routes(client: httpx.Client) -> Iterator[tuple[str, str]]:
    document: dict[str, Any] = client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        if path not in OPEN and not path.startswith("/hooks/"):  # test_hooks.py walks those
            for method in methods:
                yield method.upper(), path.replace("{", "").replace("}", "")


def _state(running: Daemon) -> list[Any]:
    """Everything that a request could change."""
    tables = ("users", "subscriptions", "strategies", "definitions", "daemon_state", "signals")
    return [running.rows(f"SELECT * FROM {table}") for table in tables]
