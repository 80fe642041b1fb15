"""What a browser is shown needs no other host, and can be made to do nothing."""

import re
from collections.abc import Iterator

import pytest

from tests.api.api_daemon import Daemon, daemon

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(120),
    pytest.mark.xdist_group("api-requests"),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon."""
    with daemon(tmp_path_factory.mktemp("daemon")) as each:
        yield each


def test_the_reference_shows_every_operation_without_a_script(running: Daemon) -> None:
    """No other host, nothing to be carried out, no field that a token could be put into."""
    client = running.client(None)
    page, document = client.get("/docs"), client.get("/openapi.json").json()
    assert page.headers["content-type"].startswith("text/html")
    for path, methods in document["paths"].items():
        assert f"<code>{path}</code>" in page.text
        for method in methods:
            assert f"<b>{method.upper()}</b>" in page.text
    assert not re.search(r"<(script|iframe|form|input|img|link|object)\b", page.text, re.IGNORECASE)
    assert not re.search(r"(https?:)?//[\w.-]+\.\w", page.text)
    assert not re.search(r"\son\w+\s*=", page.text)
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert client.get("/redoc").status_code == 404


def test_every_answer_tells_browsers_to_leave_it_alone(running: Daemon) -> None:
    """Not kept, not framed, not guessed at; whatever is answered."""
    client, admin = running.client(None), running.admin()
    made = admin.post("/api/tokens", json={"scope": "admin"})
    assert made.json()["token"]
    for answer in (
        made,
        admin.get("/api/users"),
        admin.get("/metrics"),
        admin.post("/api/signals", json={}),
        admin.get("/nowhere"),
        client.get("/healthz"),
        client.get("/docs"),
        client.get("/api/users"),
        client.post("/hooks/tv/wrong"),
        client.get("/api/users", headers={"Host": "evil.example"}),
        client.post("/api/users", content=b" " * 70_000),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_a_user_that_changes_without_end_is_slowed_down(running: Daemon) -> None:
    """Each change is written down for good: reading goes on."""
    anna = running.user("anna")
    statuses = [
        anna.post(f"/api/users/anna/{'resume' if n % 2 else 'pause'}").status_code
        for n in range(60)
    ]
    assert 429 in statuses
    assert statuses.count(200) < 50
    assert anna.get("/api/users/anna").status_code == 200
    assert running.user("ben").post("/api/users/ben/pause").status_code == 200
