"""Alerts over HTTP: known to be their source's, durable before the answer, once."""

import base64
import hashlib
import hmac
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.api.api_daemon import BTC, CONFIG, ETH, Daemon, daemon
from tests.planted_secrets import MARK, watch

OLD_KEY, NEW_KEY = f"{MARK}-first", f"{MARK}-second"
pytestmark = [pytest.mark.process, pytest.mark.timeout(120), pytest.mark.xdist_group("api-hooks")]

SOURCES = """
[strategies.tv]
kind = "webhook"
exchange = "sim"
symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
[strategies.signed]
kind = "webhook"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
[strategies.signed.webhook]
hmac = ["secret:old-hmac", "secret:new-hmac"]
[strategies.far]
kind = "webhook"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
[strategies.far.webhook]
addresses = ["52.89.214.238"]
[strategies.pulsing]
kind = "webhook"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
[strategies.pulsing.webhook]
heartbeat = "1s"
[strategies.aligned]
kind = "webhook"
exchange = "sim"
symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
[strategies.aligned.webhook]
on_missed = "exit"
[users.anna.subscriptions.tv]
[users.ben.subscriptions.tv]
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with three sources of alerts."""
    folder: Path = tmp_path_factory.mktemp("daemon")
    text = '[daemon]\nlog_level = "debug"\n' + CONFIG + SOURCES
    with daemon(folder, text=text, started=False, rate=1000) as each:
        (folder / "master.key").write_bytes(base64.b64encode(b"k" * 32))
        (folder / "master.key").chmod(0o600)
        each.start()
        yield each


@pytest.fixture(scope="module")
def token(running: Daemon) -> str:
    """The secret of the source ``tv``."""
    return running.command("token", "create", "--source", "tv").strip()


def test_a_tradingview_alert_becomes_everybodys_trade(running: Daemon, token: str) -> None:
    """Sent as text, with its secret in the path; the signal is in the ledger with the answer."""
    body = {"ticker": "SIM:BTCUSDT.P", "action": "buy", "price": 60000, "id": "first"}
    client = running.client(None)
    answer = client.post(
        f"/hooks/tv/{token}", content=json.dumps(body), headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 202
    [taken] = answer.json()["signals"]
    sql = "SELECT * FROM signals WHERE signal_id = ?"
    [signal] = running.rows(sql, taken["signal_id"])
    assert (signal["source"], signal["action"], signal["symbol"]) == ("webhook", "LONG", BTC)
    running.until(lambda: len(_positions(running)) == 2, "both hold a position")
    reverse = {"ticker": "BTCUSDT", "action": "reverse", "side": "short", "secret": token}
    answer = client.post("/hooks/tv", json=reverse)
    assert [each["is_new"] for each in answer.json()["signals"]] == [True, True]
    running.until(lambda: [row["side"] for row in _positions(running)] == ["SHORT"] * 2, "turned")


def test_an_alert_a_hundred_times_and_after_a_restart_is_one_signal(
    running: Daemon, token: str
) -> None:
    """With an id and without one; a key of the delivery with another body is refused."""
    client = running.client(None)
    for body in (
        {"ticker": "ETHUSDT", "action": "exit_short", "id": "again"},
        {"ticker": "ETHUSDT", "action": "exit_long"},
    ):
        _one_of_many(running, f"/hooks/tv/{token}", body)
    for action, status in (("exit_short", 202), ("exit_short", 200), ("exit_long", 202)):
        other = {"ticker": "BTCUSDT", "action": action, "id": "again"}
        assert client.post(f"/hooks/tv/{token}", json=other).status_code == status
    for symbol, status in (("BTCUSDT", 202), ("BTCUSDT", 200), ("ETHUSDT", 409)):
        other = {"ticker": symbol, "action": "exit_short", "idempotency_key": "delivery"}
        assert client.post(f"/hooks/tv/{token}", json=other).status_code == status
    assert "alert.duplicate_ignored" in running.log


def test_nobody_learns_which_sources_there_are(running: Daemon, token: str) -> None:
    """A wrong secret, another source's, and an unknown source: one answer, nothing done."""
    client = running.client(None)
    admin = running.command("token", "create", "--admin").strip()
    body = {"ticker": "BTCUSDT", "action": "buy"}
    before = running.rows("SELECT * FROM signals")
    answers = [
        client.post("/hooks/tv", json=body),
        client.post("/hooks/tv/wrong", json=body),
        client.post("/hooks/nosuch", json=body),
        client.post("/hooks/trend", json=body),
        client.post(f"/hooks/signed/{token}", json=body),
        client.post(f"/hooks/tv/{admin}", json=body),
        client.post(f"/hooks/far/{token}", json=body),
        client.post("/hooks/tv", content=b"\xff\xfe"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert running.rows("SELECT * FROM signals") == before
    assert client.get("/api/users", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_two_secrets_are_valid_while_one_replaces_the_other(running: Daemon, token: str) -> None:
    """Then the old one is revoked, and out at once."""
    client = running.client(None)
    newer = running.command("token", "create", "--source", "tv").strip()
    body = {"ticker": "BTCUSDT", "action": "hold"}
    assert client.post(f"/hooks/tv/{token}", json=body).status_code == 202
    assert client.post(f"/hooks/tv/{newer}", json=body).status_code == 202
    newest = json.loads(running.command("token", "list", "--json"))[-1]
    running.command("token", "revoke", newest["token_id"])
    assert client.post(f"/hooks/tv/{newer}", json=body).status_code == 404


def test_signed_alerts_are_taken_with_either_secret(running: Daemon) -> None:
    """A changed body, an old signature and a wrong key are not."""
    for name, value in (("old-hmac", OLD_KEY), ("new-hmac", NEW_KEY)):
        _store(running, name, value)
    running.kill()
    running.start()
    body = json.dumps({"ticker": "BTCUSDT", "action": "exit_long"}).encode()
    now_s = int(time.time())
    client = running.client(None)

    def send(key: str, at_s: int, sent: bytes = body) -> int:
        event = f"{len(key)}-{at_s}"
        signed = base64.b64encode(
            hmac.new(key.encode(), f"{event}.{at_s}.".encode() + body, hashlib.sha256).digest()
        )
        headers = {
            "webhook-id": event,
            "webhook-timestamp": str(at_s),
            "webhook-signature": f"v1,{signed.decode()}",
        }
        return client.post("/hooks/signed", content=sent, headers=headers).status_code

    assert send(OLD_KEY, now_s) == 202
    assert send(NEW_KEY, now_s) == 202
    assert send(NEW_KEY, now_s) == 200
    assert send("third", now_s) == 404
    assert send(NEW_KEY, now_s - 400) == 404
    assert send(NEW_KEY, now_s + 1, sent=body + b" ") == 404
    running.command("keys", "rotate")  # while it runs: it finds the new key by itself
    watch(running.folder, (running.folder / "master.key").read_text())
    assert send(NEW_KEY, now_s + 2) == 202


def test_what_cannot_be_understood_says_why(running: Daemon, token: str) -> None:
    """To a sender who is known: the field, its value, and what would be right."""
    body = {"ticker": "ETCUSDT", "action": "buy"}
    answer = running.client(None).post(f"/hooks/tv/{token}", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("ticker: 'ETCUSDT' is not a market of this source")


def test_a_dry_run_shows_how_an_alert_is_read_and_does_nothing(running: Daemon, token: str) -> None:
    """With the secret or as administrator, by ``dry_run`` or ``test``; else it is not known."""
    client, before = running.client(None), running.rows("SELECT * FROM signals")
    body = {"ticker": "ETHUSDT", "action": "buy", "sl": "50%", "tp1": "100%", "mood": "good"}
    answers = [
        client.post(f"/hooks/tv/{token}?dry_run=1", json=body),
        client.post("/hooks/tv", json=body | {"secret": token, "test": True}),
        running.admin().post("/hooks/tv?dry_run=true", json=body),
    ]
    assert {answer.status_code for answer in answers} == {200}
    for answer in answers:
        told = answer.json()
        [signal] = told["signals"]
        assert (told["dry_run"], told["ignored"], told["refused"]) == (True, ["mood"], None)
        assert (signal["action"], signal["symbol"], signal["is_new"]) == ("LONG", ETH, True)
        assert float(signal["stop_loss"]) * 4 == pytest.approx(
            float(signal["take_profits"][0]), rel=1e-3
        )
    assert client.post("/hooks/tv?dry_run=1", json=body).status_code == 404
    assert running.user("anna").post("/hooks/tv?dry_run=1", json=body).status_code == 404
    assert running.admin().post("/hooks/tv", json=body).status_code == 404
    wrong = running.admin().post("/hooks/tv?dry_run=1", json=body | {"sl": "near"})
    assert wrong.status_code == 422
    assert "sl 'near'" in wrong.json()["detail"]
    assert running.rows("SELECT * FROM signals") == before


def test_the_command_line_shows_how_an_alert_is_read(running: Daemon, tmp_path: Path) -> None:
    """From a file; what is refused ends with the reason and a failure."""
    alert = tmp_path / "alert"
    alert.write_text("sell ETHUSDT @ 3000 sl=3100 tp=2900")
    shown = running.command("webhook", "test", "tv", str(alert))
    assert f"SHORT {ETH}, price 3000, stop 3100, target 2900" in shown
    told = json.loads(running.command("webhook", "test", "tv", str(alert), "--json"))
    assert told["dry_run"] is True
    alert.write_text("close ETHUSDT 50%")
    assert "EXIT_LONG ETH/USDT:USDT, 50 % of" in running.command(
        "webhook", "test", "tv", str(alert)
    )
    alert.write_text('{"ticker": "ETHUSDT", "action": "up"}')
    assert "action 'up'" in running.command("webhook", "test", "tv", str(alert), code=1)
    assert "no such source" in running.command("webhook", "test", "none", str(alert), code=4)
    missing = str(tmp_path / "missing")
    assert missing in running.command("webhook", "test", "tv", missing, code=4)


def test_a_form_is_read(running: Daemon, token: str) -> None:
    """As HTML forms and ``curl -d`` send it."""
    answer = running.client(None).post(
        f"/hooks/tv/{token}?dry_run=1", data={"symbol": "ETHUSDT", "action": "sell", "price": "3e3"}
    )
    assert [each["action"] for each in answer.json()["signals"]] == ["SHORT"]


def test_a_number_far_from_the_market_is_refused(running: Daemon, token: str) -> None:
    """In alerts as in signals by hand, before anything is stored."""
    body = {"ticker": "ETHUSDT", "action": "buy"}
    for wrong in ({"price": 1e-20}, {"price": 30000}, {"sl": 30}, {"tp": 30000}, {"tp": 2000}):
        answer = running.client(None).post(f"/hooks/tv/{token}", json=body | wrong)
        assert answer.status_code == 422, answer.text
    by_hand = {"strategy": "tv", "symbol": ETH, "action": "LONG"}
    for more in ({"price": "1e-20"}, {"stop_loss": "30"}, {"take_profits": ["2000"]}):
        answer = running.admin().post("/api/signals", json=by_hand | more)
        assert answer.status_code == 422, answer.text


def test_a_cancel_withdraws_what_is_open(running: Daemon, token: str) -> None:
    """Nobody can execute it from then on."""
    client = running.client(None)
    sent = client.post(
        f"/hooks/tv/{token}", json={"ticker": "ETHUSDT", "action": "buy", "id": "to be withdrawn"}
    )
    [signal] = sent.json()["signals"]
    answer = client.post(f"/hooks/tv/{token}", json={"ticker": "ETHUSDT", "action": "cancel"})
    assert [each["signal_id"] for each in answer.json()["withdrawn"]] == [signal["signal_id"]]
    sql = "SELECT status FROM signals WHERE signal_id = ?"
    assert running.rows(sql, signal["signal_id"]) == [{"status": "CANCELLED"}]


def test_a_lost_exit_is_made_up_for_before_the_next_entry(running: Daemon) -> None:
    """The alert that left the long never came; the one that goes short tells it."""
    secret = running.command("token", "create", "--source", "aligned").strip()
    path = f"/hooks/aligned/{secret}"
    assert _asked(running, path, _moved("flat", "long")) == ["LONG"]
    running.kill()
    running.start()
    turned = _moved("flat", "short")
    assert _asked(running, path, turned) == ["EXIT_LONG", "SHORT"]
    assert "alert.missed" in running.log
    assert running.client(None).post(path, json=turned).status_code == 200
    sql = "SELECT * FROM events WHERE kind = 'alert.missed' AND strategy = ? AND symbol = ?"
    assert len(running.rows(sql, "aligned", BTC)) == 1


def test_an_entry_that_an_exit_has_overtaken_is_not_made(running: Daemon) -> None:
    """They came the wrong way round: its strategy has left already."""
    secret = running.command("token", "create", "--source", "aligned").strip()
    path = f"/hooks/aligned/{secret}"
    eth = {"ticker": "ETHUSDT"}
    assert _asked(running, path, _moved("short", "flat") | eth) == ["EXIT_SHORT"]
    assert _asked(running, path, _moved("long", "flat") | eth) == ["EXIT_LONG"]
    assert _asked(running, path, _moved("flat", "long") | eth) == []
    assert "alert.out_of_order" in running.log


def test_a_source_that_is_only_to_tell_sends_nothing_of_its_own(
    running: Daemon, token: str
) -> None:
    """The log has the command that would."""
    path = f"/hooks/tv/{token}"
    assert _asked(running, path, _moved("flat", "long")) == ["LONG"]
    assert _asked(running, path, _moved("flat", "short")) == ["SHORT"]
    assert f"signalbot send tv {BTC} EXIT_LONG" in running.log


def test_a_source_that_falls_silent_is_told_and_so_is_its_return(running: Daemon) -> None:
    """Be it only a heartbeat that comes back."""
    secret = running.command("token", "create", "--source", "pulsing").strip()
    running.until(lambda: "source.heartbeat_missed" in running.log, "it is missed")
    body = {"action": "hold"}
    assert running.client(None).post(f"/hooks/pulsing/{secret}", json=body).status_code == 202
    running.until(lambda: "source.recovered" in running.log, "it is back")


def test_secrets_of_sources_are_nowhere(running: Daemon, token: str) -> None:
    """Neither in the log nor in the ledger, wherever they came in."""
    client = running.client(None)
    client.post("/hooks/tv", json={"ticker": "BTCUSDT", "action": "hold", "secret": token})
    client.post(f"/hooks/tv/{token}", json={"ticker": "BTCUSDT", "action": "hold"})
    running.until(lambda: "route=/hooks/{source}/{token}" in running.log, "requests are logged")
    for path in running.folder.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes(), path


def _moved(previous: str, position: str) -> dict[str, str]:
    """An alert of a strategy that tells its position before and after."""
    height = {"short": -1, "flat": 0, "long": 1}
    return {
        "ticker": "BTCUSDT",
        "action": "buy" if height[position] > height[previous] else "sell",
        "market_position": position,
        "prev_market_position": previous,
        "id": secrets.token_hex(8),
    }


def _asked(running: Daemon, path: str, body: dict[str, str]) -> list[str]:
    """The actions of the signals that an alert leads to, in their order."""
    answer = running.client(None).post(path, json=body)
    assert answer.status_code == 202, answer.text
    sql = "SELECT action FROM signals WHERE signal_id = ?"
    return [
        str(running.rows(sql, each["signal_id"])[0]["action"]) for each in answer.json()["signals"]
    ]


def _one_of_many(running: Daemon, path: str, body: dict[str, str]) -> None:
    """See that an alert makes one signal, however often and whenever it comes."""
    client = running.client(None)
    before = len(running.rows("SELECT * FROM signals"))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post(path, json=body), range(100)))
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert sum(answer.status_code == 202 for answer in answers) == 1
    running.kill()
    running.start()
    assert client.post(path, json=body).status_code == 200
    assert len(running.rows("SELECT * FROM signals")) == before + 1


def _positions(running: Daemon) -> list[dict[str, object]]:
    sql = "SELECT * FROM positions WHERE status = 'OPEN' AND symbol = ?"
    return running.rows(sql, BTC)


def _store(running: Daemon, name: str, value: str) -> None:
    watch(running.folder, value)
    subprocess.run(
        [sys.executable, "-m", "signalbot", "-c", str(running.config), "secret", "set", name],
        input=value,
        text=True,
        check=True,
        capture_output=True,
    )
