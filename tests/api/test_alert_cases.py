"""Alerts as real senders post them, to a real daemon: every case of ``webhooks.jsonl``."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.api_daemon import BTC, CONFIG, Daemon, daemon
from tests.planted_secrets import watch
from tests.webhooks.expected import CASES, EXPECTED, Expected

pytestmark = [pytest.mark.process, pytest.mark.timeout(120), pytest.mark.xdist_group("api-cases")]

_ONE_MARKET = "XRP/USDT:USDT"
_ETH = "ETH/USDT:USDT"


def _source(number: int) -> str:
    """A source of its own for each case, and a user who follows it alone."""
    is_xrp = _ONE_MARKET in CASES[number]["given"]
    symbols = json.dumps([_ONE_MARKET] if is_xrp else [BTC, _ETH])
    return f"""
[strategies.case{number}]
kind = "webhook"
exchange = "sim"
symbols = {symbols}
[users.user{number}.account]
exchange = "sim"
[users.user{number}.subscriptions.case{number}]
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon; each case has a source and a user of its own."""
    text = CONFIG.replace("price = 60000", "price = 63000")
    text += f'[exchanges.sim.simulated.symbols."{_ONE_MARKET}"]\nprice = 2\n'
    text += "".join(map(_source, range(len(CASES))))
    with daemon(tmp_path_factory.mktemp("daemon"), text=text, rate=1000) as each:
        yield each


@pytest.mark.parametrize("number", range(len(CASES)))
def test_an_alert_does_what_its_sender_means(running: Daemon, number: int) -> None:
    """Signals, levels, refusal, and the user's position at the end are the right ones."""
    case, expected = CASES[number], EXPECTED[number]
    sender = _Sender(running, number)
    if case["given"] == "long":
        sender.post(json.dumps({"ticker": "BTCUSDT", "action": "buy"}))
        running.until(sender.open_positions, "the position is open")
    answer = sender.post_all(case)
    if expected.refused is not None:
        assert answer.status_code == 422, answer.text
        for word in expected.refused:
            assert word in answer.json()["detail"]
    else:
        assert answer.status_code in (200, 202), answer.text
        _compare(answer.json(), expected, price=2 if "XRP" in case["given"] else 63000)
    sender.see(expected)


def _compare(found: dict[str, Any], expected: Expected, *, price: float) -> None:
    """See that the answer tells the expected signals and levels."""
    assert found["dry_run"] is expected.is_test
    assert [each["action"] for each in found["signals"]] == list(expected.actions)
    for signal in found["signals"]:
        assert signal["exit_percent"] == expected.exit_percent
        assert signal["take_profit_shares"] == list(expected.shares)
        assert signal["trailing_percent"] == expected.trailing
        stop, targets = signal["stop_loss"], signal["take_profits"]
        if expected.stop_percent is not None:
            stop = pytest.approx(price * (1 - expected.stop_percent / 100), rel=0.01)
            assert float(signal["stop_loss"]) == stop
        else:
            assert stop == expected.stop
        if expected.target_percents:
            for target, percent in zip(targets, expected.target_percents, strict=True):
                assert float(target) == pytest.approx(price * (1 + percent / 100), rel=0.01)
        else:
            assert targets == list(expected.targets)


class _Sender:
    """Posts the alerts of one case, and looks at what its user holds."""

    def __init__(self, running: Daemon, number: int) -> None:
        self._running = running
        self._user = f"user{number}"
        self._source = f"case{number}"
        wanted = {"scope": "source", "subject": self._source}
        secret = running.admin().post("/api/tokens", json=wanted).json()["token"]
        watch(running.folder, secret)
        self._path = f"/hooks/{self._source}/{secret}"
        self._client = running.client(None)

    def post(self, text: str, content_type: str = "application/json") -> httpx.Response:
        return self._client.post(
            self._path, content=_with_times(text), headers={"Content-Type": content_type}
        )

    def post_all(self, case: dict[str, Any]) -> httpx.Response:
        """Post what a case says, one after the other; the last answer."""
        bodies = case.get("bodies") or [case.get("body", case.get("text"))]
        if "tickers" in case:
            bodies = [{"ticker": each, "action": "buy"} for each in case["tickers"]]
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            answer = self.post(text, case.get("content_type", "application/json"))
        if "tickers" in case:
            assert {each["symbol"] for each in answer.json()["signals"]} == {BTC}
        return answer

    def open_positions(self) -> list[dict[str, Any]]:
        sql = "SELECT * FROM positions WHERE user_id = ? AND status = 'OPEN'"
        return self._running.rows(sql, self._user)

    def see(self, expected: Expected) -> None:
        """Wait until every signal is decided and done, then look at the positions."""
        self._running.until(self._is_done, "every signal is done")
        sql = "SELECT * FROM positions WHERE user_id = ?"
        positions = self._running.rows(sql, self._user)
        assert len(positions) == expected.trades
        left = [each for each in positions if each["status"] != "CLOSED"]
        assert len(left) == expected.is_open
        for position in left:
            assert position["stop_loss"] is not None
            whole = float(position["entry_quantity"])
            part = 1 if "LONG" in expected.actions else 1 - float(expected.exit_percent) / 100
            assert float(position["quantity"]) == pytest.approx(whole * part, rel=0.1)

    def _is_done(self) -> bool:
        undecided = self._running.rows(
            "SELECT signal_id FROM signals s WHERE strategy = ? AND NOT EXISTS "
            "(SELECT 1 FROM decisions d WHERE d.signal_id = s.signal_id)",
            self._source,
        )
        pending = self._running.rows(
            "SELECT signal_id FROM signal_executions WHERE user_id = ? "
            "AND status IN ('pending', 'unknown')",
            self._user,
        )
        return not undecided and not pending and not self._is_bare()

    def _is_bare(self) -> bool:
        """Whether a position waits for its stop, or is being closed."""
        sql = (
            "SELECT 1 FROM positions WHERE user_id = ? AND "
            "(status = 'CLOSING' OR (status = 'OPEN' AND protected_at_ms IS NULL))"
        )
        return bool(self._running.rows(sql, self._user))


def _with_times(text: str) -> str:
    """A body with its moments filled in, as the sender's clock has them now."""
    now = datetime.now(UTC)
    hour = now - timedelta(hours=1)
    moments = {
        "90 s ago": (now - timedelta(seconds=90)).isoformat(),
        "the bar's open, 3,600 s ago": hour.isoformat(),
        "now in microseconds": str(time.time_ns() // 1000),
        "70 s ahead": (now + timedelta(seconds=70)).isoformat(),
    }
    for name, moment in moments.items():
        text = re.sub(re.escape(name), moment, text)
    return text


def test_every_case_is_expected() -> None:
    """None of the file is left out."""
    assert len(CASES) == len(EXPECTED)
