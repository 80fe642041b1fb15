"""Who may do what: every operation of the document, asked by everybody there can be."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.api_daemon import BTC, CONFIG, Daemon, daemon

pytestmark = [pytest.mark.process, pytest.mark.timeout(180), pytest.mark.xdist_group("api-matrix")]

EXTRA = """
[strategies.bens]
kind = "ema_cross"
exchange = "sim"
symbols = ["ETH/USDT:USDT"]
timeframe = "1d"
allowed_users = ["ben"]
[strategies.tv]
kind = "webhook"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
[users.ben.subscriptions.bens]
"""
TABLES = ("users", "subscriptions", "strategies", "definitions", "daemon_state", "signals",
          "signal_executions", "positions", "tokens", "answers")  # fmt: skip
OF_A_USER = ("/api/users/{name}", "/api/subscriptions/{user}/")
"""Beginnings of paths that name whose they are; all others name a strategy, a signal or a token."""


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    needs: str | None  #: "administrator", "token", or nothing

    def target(self, signal_id: str, *, user: str, strategy: str) -> str:
        """The path with the names that it needs."""
        names = {"user": user, "strategy": strategy, "signal_id": signal_id, "source": "tv"}
        names |= {"token": "x" * 47, "token_id": "tok_0"}
        names["name"] = user if "/users/" in self.path else strategy
        return self.path.format(**names)

    @property
    def names_a_user(self) -> bool:
        return self.path.startswith(OF_A_USER)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon in which Ben has traded alone, and so has Anna."""
    folder: Path = tmp_path_factory.mktemp("daemon")
    with daemon(folder, text=CONFIG + EXTRA, rate=10_000) as each:
        each.command("send", "trend", BTC, "LONG", "--key", "1")
        each.command("send", "bens", "ETH/USDT:USDT", "LONG", "--key", "1")
        sql = "SELECT * FROM positions"
        each.until(lambda: len(each.rows(sql)) == 3, "both trade")
        yield each


@pytest.fixture(scope="module")
def operations(running: Daemon) -> list[Operation]:
    """Every operation of the document."""
    document: dict[str, Any] = running.client(None).get("/openapi.json").json()
    found = []
    for path, methods in document["paths"].items():
        for method, each in methods.items():
            needs = [name for scheme in each.get("security", ()) for name in scheme]
            assert len(needs) <= 1
            found.append(Operation(method.upper(), path, needs[0] if needs else None))
    return found


@pytest.fixture(scope="module")
def callers(running: Daemon) -> dict[str, httpx.Client]:
    """Everybody there can be, with a token of each kind."""
    made = json.loads(running.command("token", "create", "--admin", "--json"))
    running.command("token", "revoke", made["token_id"])
    expired = running.command("token", "create", "--admin", "--expires", "1ms").strip()
    source = running.command("token", "create", "--source", "tv").strip()
    return {
        "nobody": running.client(None),
        "nonsense": running.client("nonsense"),
        "revoked": running.client(made["token"]),
        "expired": running.client(expired),
        "source": running.client(source),
        "anna": running.user("anna"),
        "ben": running.user("ben"),
        "admin": running.admin(),
    }


def _state(running: Daemon) -> list[Any]:
    return [running.rows(f"SELECT * FROM {table}") for table in TABLES]


def _signal(running: Daemon, strategy: str) -> str:
    sql = "SELECT signal_id FROM signals WHERE strategy = ?"
    return str(running.rows(sql, strategy)[0]["signal_id"])


def test_the_document_says_what_every_operation_needs(operations: list[Operation]) -> None:
    """Nothing is open but what must be: who lives, and what tells itself by what it sends."""
    opened = {(each.method, each.path) for each in operations if each.needs is None}
    assert opened == {
        ("GET", "/healthz"),
        ("POST", "/hooks/{source}"),
        ("POST", "/hooks/{source}/{token}"),
    }
    assert len(operations) >= 45
    assert {each.needs for each in operations} == {None, "token", "administrator"}


def test_strangers_are_let_in_nowhere_and_change_nothing(
    running: Daemon, operations: list[Operation], callers: dict[str, httpx.Client]
) -> None:
    """No token, nonsense, one that was revoked or has ended, a source's."""
    before, signal_id = _state(running), _signal(running, "trend")
    for name in ("nobody", "nonsense", "revoked", "expired", "source"):
        for each in operations:
            target = each.target(signal_id, user="anna", strategy="trend")
            answer = callers[name].request(each.method, target, json={})
            expected = (401,) if each.needs is not None else (200, 404)
            assert answer.status_code in expected, (name, each, answer.text)
    assert _state(running) == before


def test_users_do_nothing_that_only_administrators_do(
    running: Daemon, operations: list[Operation], callers: dict[str, httpx.Client]
) -> None:
    """Be it about themselves; nothing changes."""
    before, signal_id = _state(running), _signal(running, "trend")
    for each in operations:
        if each.needs == "administrator":
            target = each.target(signal_id, user="anna", strategy="trend")
            bodies: tuple[Any, ...] = ({}, None)
            for body in bodies:
                answer = callers["anna"].request(each.method, target, json=body)
                assert answer.status_code in (403, 422), (each, answer.text)
                assert answer.status_code == 403 or body == {}, each
    assert _state(running) == before


def test_of_what_is_anothers_a_user_is_told_that_it_is_not_there(
    running: Daemon, operations: list[Operation], callers: dict[str, httpx.Client]
) -> None:
    """The same as of what nobody has; nothing changes."""
    before, bens = _state(running), _signal(running, "bens")
    nothing = "sig_0000000000000000"
    for each in operations:
        if each.needs != "token" or "{" not in each.path:
            continue
        theirs = each.target(bens, user="ben", strategy="bens")
        nobodys = each.target(nothing, user="zoe", strategy="nothing")
        bodies: tuple[Any, ...] = ({}, None, {"settings": {}}, _settings(each))
        for body in bodies:
            answer = callers["anna"].request(each.method, theirs, json=body)
            other = callers["anna"].request(each.method, nobodys, json=body)
            assert answer.status_code in (404, 422), (each, body, answer.text)
            assert (answer.status_code, answer.json()) == (other.status_code, other.json()), each
        assert 404 in {
            callers["anna"].request(each.method, theirs, json=body).status_code for body in bodies
        }, each
    assert _state(running) == before


def test_listings_hold_what_is_the_callers_own(
    running: Daemon, operations: list[Operation], callers: dict[str, httpx.Client]
) -> None:
    """Every listing that a user may ask for; an administrator sees both."""
    for each in operations:
        if each.method != "GET" or "{" in each.path or each.needs != "token":
            continue
        told = callers["anna"].get(each.path)
        assert told.status_code == 200, each
        assert "ben" not in told.text, each
        assert callers["anna"].get(each.path, params={"user": "anna"}).status_code == 200
        if each.path != "/api/halt":
            refused = callers["anna"].get(each.path, params={"user": "ben"})
            nobody = callers["anna"].get(each.path, params={"user": "zoe"})
            assert (refused.status_code, refused.json()) == (404, nobody.json()), each
            assert callers["admin"].get(each.path, params={"user": "ben"}).status_code == 200


def test_everybody_is_let_in_where_they_may(
    running: Daemon, operations: list[Operation], callers: dict[str, httpx.Client]
) -> None:
    """Reading what is their own; an administrator everywhere."""
    annas = _signal(running, "trend")
    for each in operations:
        if each.method != "GET" or each.needs is None:
            continue
        target = each.target(annas, user="anna", strategy="trend")
        assert callers["admin"].get(target).status_code == 200, each
        if each.needs == "token":
            assert callers["anna"].get(target).status_code == 200, each


def _settings(operation: Operation) -> dict[str, Any] | None:
    """A whole body for operations that need one."""
    if operation.path.endswith("/settings"):
        return {
            "kind": "ema_cross",
            "exchange": "sim",
            "symbols": [BTC],
            "timeframe": "1d",
            "version": 1,
        }
    return None
