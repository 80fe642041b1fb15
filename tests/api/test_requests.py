"""What may be sent: strict, bounded, and once."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.api.api_daemon import BTC, Daemon, daemon

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(120),
    pytest.mark.xdist_group("api-requests"),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with Anna and Ben."""
    folder: Path = tmp_path_factory.mktemp("daemon")
    with daemon(folder) as each:
        yield each


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"strategy": "trend", "symbol": "X", "action": "LONG", "price": NaN}', 400),
        (b'{"strategy": "trend", "strategy": "other"}', 400),
        (b'{"strategy": "\xff"}', 400),
        (b'{"confidence": 1e400}', 400),
        (b"[" * 100 + b"]" * 100, 400),
        (b"[" * 60_000, 400),
        (b"{", 400),
        (b'{"strategy": "trend", "Strategy": "other"}', 400),
        (b'{"strategy": "trend", "strategy ": "other"}', 400),
        (b'{"reason": "\\ud800"}', 400),
        (b'{"\\udfff": 1}', 400),
        (b"1.5", 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b"null", 400),
        (b"true", 400),
        (b"{}", 422),
        (b'{"strategy": "trend", "secret-word": 1}', 422),
        (b'"' + b"x" * 70_000 + b'"', 413),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(
    running: Daemon, body: bytes, status: int
) -> None:
    """And the answer repeats nothing of it."""
    answer = running.admin().post(
        "/api/signals", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "xxx" not in answer.text


@pytest.mark.parametrize("body", [b"1.5", b"0", b"[]", b'""', b"null", b"false", b"x=1"])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
def test_a_body_that_is_no_object_closes_nothing(running: Daemon, body: bytes, kind: str) -> None:
    """Without a body everything is meant; with one that is not understood, nothing is."""
    client = running.admin()
    for path in ("users/anna/close", "users/anna/pause", "halt", "unhalt", "signals/x/cancel"):
        answer = client.post(f"/api/{path}", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 400, (path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    assert running.rows("SELECT status FROM users WHERE user_id = 'anna'") == [{"status": "ACTIVE"}]


def test_the_body_of_a_stranger_is_not_looked_at(running: Daemon) -> None:
    """It has no token: whatever it sends, that is the answer."""
    client = running.client(None)
    for body in (b"{}", b"{", b"[" * 60_000, b"1" * 60_000):
        answer = client.post("/api/signals", content=body)
        assert answer.status_code == 401


def test_profit_by_day_is_answered(running: Daemon) -> None:
    """A day has no count of open positions."""
    client = running.admin()
    client.post("/api/signals", json={"strategy": "trend", "symbol": BTC, "action": "LONG"})
    sql = "SELECT * FROM positions WHERE status = 'OPEN'"
    running.until(lambda: len(running.rows(sql)) == 2)
    for user in ("anna", "ben"):
        running.command("close", user)
    [day] = client.get("/api/pnl", params={"by": "day", "user": "anna"}).json()
    assert (day["trades"], day["open_positions"]) == (1, None)


def test_a_large_body_is_not_read(running: Daemon) -> None:
    """60 MB in pieces without a length: the daemon stops listening after the limit."""
    client = running.admin()

    def pieces() -> Iterator[bytes]:
        for _ in range(60):
            yield b" " * 1_000_000

    try:
        status = client.post("/api/signals", content=pieces()).status_code
    except httpx.TransportError:
        status = 413  # it hung up while we were still sending
    assert status == 413
    assert client.get("/api/users").status_code == 200


def test_a_request_with_a_key_is_carried_out_once(running: Daemon) -> None:
    """A hundred at once and again later: one strategy, the same answer."""
    client = running.admin()
    body = {
        "name": "once",
        "kind": "ema_cross",
        "exchange": "sim",
        "symbols": [BTC],
        "timeframe": "1d",
    }
    headers = {"Idempotency-Key": "k-1"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda _: client.post("/api/strategies", json=body, headers=headers), range(24)
            )
        )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert sum(answer.status_code == 201 for answer in answers) >= 1
    running.kill()
    running.start()
    again = client.post("/api/strategies", json=body, headers=headers)
    assert again.status_code == 201
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["name"] == "once"
    other = client.post("/api/strategies", json=body | {"name": "twice"}, headers=headers)
    assert other.status_code == 409


def test_only_what_creates_is_remembered_and_no_secret(running: Daemon) -> None:
    """A token made twice under one key is two tokens; reads take no room."""
    client = running.admin()
    before = running.rows("SELECT count(*) AS n FROM answers")
    headers = {"Idempotency-Key": "k-2"}
    body = {"scope": "user", "subject": "anna"}
    made = [client.post("/api/tokens", json=body, headers=headers).json() for _ in range(2)]
    assert made[0]["token_id"] != made[1]["token_id"]
    for method, path in (
        ("GET", "users"),
        ("GET", "tokens"),
        ("POST", "users/anna/pause"),
        ("POST", "users/anna/resume"),
        ("PUT", "users/anna"),
        ("DELETE", "users/nobody"),
    ):
        client.request(method, f"/api/{path}", headers=headers)
    assert running.rows("SELECT count(*) AS n FROM answers") == before
    for file in (running.folder / "state").rglob("*"):
        for each in made:
            assert not file.is_file() or each["token"].encode() not in file.read_bytes()


def test_a_key_is_free_again_after_any_failure(running: Daemon) -> None:
    """A request that was refused has created nothing; the right one may take its key."""
    client = running.admin()
    body = {"name": "later", "account": {"exchange": "sim"}}
    headers = {"Idempotency-Key": "k-3"}
    for wrong in ({}, {"name": "later"}, body | {"mode": "fast"}, body | {"name": "anna"}):
        assert client.post("/api/users", json=wrong, headers=headers).status_code in (409, 422)
    assert client.post("/api/users", content=b"{", headers=headers).status_code == 400
    assert client.post("/api/users", json=body, headers=headers).status_code == 201


def test_a_key_belongs_to_the_whole_request(running: Daemon) -> None:
    """Path and query are parts of it."""
    client = running.admin()
    body = {"name": "keyed", "account": {"exchange": "sim"}}
    headers = {"Idempotency-Key": "k-4"}
    assert client.post("/api/users", json=body, headers=headers).status_code == 201
    assert client.post("/api/users?a=1", json=body, headers=headers).status_code == 409
    again = client.post("/api/users", json=body, headers=headers)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")


def test_a_signal_with_a_key_is_one_signal(running: Daemon) -> None:
    """A hundred times at once, and again after a restart; with another body it is refused."""
    client = running.admin()
    body = {"strategy": "trend", "symbol": BTC, "action": "LONG", "key": "tv-1", "price": "60000"}
    before = len(running.rows("SELECT * FROM signals"))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/api/signals", json=body), range(100)))
    assert sorted({answer.status_code for answer in answers}) == [200, 201]
    assert sum(answer.status_code == 201 for answer in answers) == 1
    running.kill()
    running.start()
    assert client.post("/api/signals", json=body).status_code == 200
    assert client.post("/api/signals", json=body | {"action": "SHORT"}).status_code == 409
    assert len(running.rows("SELECT * FROM signals")) == before + 1
    sql = "SELECT * FROM signal_executions WHERE signal_id = ?"
    signal_id = answers[0].json()["signal_id"]
    running.until(lambda: len(running.rows(sql, signal_id)) == 2, "both execute it once")


def test_too_many_requests_are_turned_away(running: Daemon) -> None:
    """With the time after which to come again; other tokens are not concerned."""
    client = running.user("anna")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.get("/api/users"), range(400)))
    turned = [answer for answer in answers if answer.status_code == 429]
    assert turned
    assert int(turned[0].headers["retry-after"]) >= 1
    assert running.user("ben").get("/api/users").status_code == 200


def test_pages_hold_every_row_once_while_new_ones_arrive(running: Daemon) -> None:
    """A cursor goes on where its page ended."""
    client = running.admin()
    for number in range(7):
        running.command("send", "trend", BTC, "EXIT_SHORT", "--key", f"page-{number}")
    seen: list[str] = []
    cursor = None
    while True:
        page = client.get(
            "/api/signals", params={"limit": 2} | ({"cursor": cursor} if cursor else {})
        )
        seen += [row["signal_id"] for row in page.json()["items"]]
        running.command("send", "trend", BTC, "EXIT_SHORT", "--key", f"new-{len(seen)}")
        cursor = page.json()["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) >= 7
    assert client.get("/api/signals", params={"cursor": "x"}).status_code == 422


def test_an_answer_is_short_however_much_is_wrong(running: Daemon) -> None:
    """A few of thousands of errors, and of a name its beginning."""
    path = "/api/subscriptions/anna/trend"
    many = {f"key {number}": 1 for number in range(3_000)}
    for settings in (many, {"k" * 60_000: 1}, {"risk": {"cooldown": "9" * 60_000}}):
        answer = running.admin().patch(path, json={"settings": settings})
        assert answer.status_code == 422
        assert len(answer.content) < 15_000


def test_errors_of_definitions_name_the_key(running: Daemon) -> None:
    """As the file's would."""
    body = {"name": "eve", "account": {"exchange": "sin"}}
    answer = running.admin().post("/api/users", json=body)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["where"] == "users.eve.account.exchange"
    assert "sim" in error["message"]
    assert json.loads(running.command("users", "--json"))
